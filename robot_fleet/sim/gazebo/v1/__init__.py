"""Generated from protos/robot_fleet/sim/gazebo/v1 by `make stubs`; not written by hand."""
