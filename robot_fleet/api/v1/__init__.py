"""Generated from protos/robot_fleet/api/v1 by `make protos`; not written by hand."""
