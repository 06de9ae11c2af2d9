#!/usr/bin/env python3
"""Make machine code of the planner's hot loops now, so that no first plan has to wait for it.

What numba keeps on disk for one file holds code of the files it calls, and does not notice when those change: so all of
it is forgotten here when any file of the planner has changed.
"""

import hashlib
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLANNING = ROOT / "robot_fleet" / "planning"
KEPT = PLANNING / "__pycache__"
STAMP = KEPT / "loops.stamp"


def state():
    """Return one hash over the planner's files and the Python in use."""
    total = hashlib.sha256(sys.version.encode())
    for file in sorted(PLANNING.glob("*.py")):
        total.update(file.name.encode() + file.read_bytes())
    return total.hexdigest()


def forget_stale():
    """Remove what was kept of other sources than the present ones; return whether all is there already."""
    now = state()
    if STAMP.exists() and STAMP.read_text() == now:
        return True
    for kept in [*KEPT.glob("*.nbi"), *KEPT.glob("*.nbc")]:
        kept.unlink(missing_ok=True)
    STAMP.unlink(missing_ok=True)
    return False


def main():
    """Compile what is not compiled yet."""
    if forget_stale():
        return
    print("setup: compiling the planner's loops (about 30 s)", flush=True)
    started = time.time()
    sys.path.insert(0, str(ROOT))
    from robot_fleet.planning.rehearsal import rehearse

    rehearse()
    KEPT.mkdir(exist_ok=True)
    STAMP.write_text(state())
    print("setup:   done in %.0f s" % (time.time() - started), flush=True)


if __name__ == "__main__":
    main()
