"""`python -m robot_fleet.cli`: the same as `robot-fleet`."""

from robot_fleet.cli import main

main()
