"""`python -m robot_fleet.cli.child PARENT ARGUMENT...`: robot-fleet as a child process that ends when its parent dies."""

from __future__ import annotations

import sys

from robot_fleet.main.parent import end_with

if __name__ == "__main__":
    end_with(int(sys.argv[1]))
    from robot_fleet.cli.app import run

    sys.exit(run(sys.argv[2:]))
