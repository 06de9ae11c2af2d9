"""What ROS 2 needs beyond setup.cfg: the files in share/, where `ros2 run`, `ros2 launch` and users look for them."""

import os
import sys

from setuptools import setup

NAME = "robot_fleet"


def share(folder):
    """Return what lies under a folder as setup's data_files, each file in its own place."""
    found = []
    for place, folders, names in sorted(os.walk(folder)):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        files = [os.path.join(place, name) for name in sorted(names) if not name.startswith(".") and not name.endswith(".pyc")]
        if files:
            found.append((os.path.join("share", NAME, place), files))
    return found


# An editable install works in this tree: copies in the environment would only grow old.
editable = "editable_wheel" in sys.argv

setup(
    data_files=[]
    if editable
    else [
        ("share/ament_index/resource_index/packages", ["resource/" + NAME]),
        ("share/" + NAME, ["package.xml"]),
        *share("launch"),
        *share("config"),
        *share("maps"),
    ],
)
