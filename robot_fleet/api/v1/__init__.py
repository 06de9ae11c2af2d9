"""Generated from protos/robot_fleet/api/v1 by `make stubs`; not written by hand."""
