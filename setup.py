"""What ROS 2 needs beyond setup.cfg: the files in share/, where `ros2 run`, `ros2 launch` and users look for them."""

import os
import sys

from setuptools import setup

NAME = "robot_fleet"


def share(folder):
    """Return what lies under a folder as setup's data_files, each file in its own place; of programs only launch files."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        kept = [name for name in sorted(names) if name[0] != "." and not (name.endswith(".py") and folder != "launch")]
        if kept:
            found.append((os.path.join("share", NAME, place), [os.path.join(place, name) for name in kept]))
    return found


# An editable install works in this tree: copies in the environment would only grow old.
editable = "editable_wheel" in sys.argv

data_files = [
    ("share/ament_index/resource_index/packages", ["resource/" + NAME]),
    ("share/" + NAME, ["package.xml"]),
    *share("launch"),
    *share("config"),
    *share("maps"),
]

setup(data_files=[] if editable else data_files)
