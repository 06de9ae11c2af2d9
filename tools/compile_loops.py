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
# Of which sources machine code is kept, and that all of it is there.
SOURCES, COMPLETE = KEPT / "loops.sources", KEPT / "loops.complete"


def state():
    """Return one hash over the planner's files and the Python in use."""
    total = hashlib.sha256(sys.version.encode())
    for file in sorted(PLANNING.rglob("*.py")):
        total.update(str(file.relative_to(PLANNING)).encode() + file.read_bytes())
    return total.hexdigest()


def forget_stale():
    """Remove what was kept of other sources than the present ones."""
    now = state()
    if SOURCES.exists() and SOURCES.read_text() == now:
        return
    for kept in [*PLANNING.rglob("*.nbi"), *PLANNING.rglob("*.nbc"), COMPLETE]:
        kept.unlink(missing_ok=True)
    KEPT.mkdir(exist_ok=True)
    SOURCES.write_text(now)


def main():
    """Compile what is not compiled yet."""
    forget_stale()
    if COMPLETE.exists():
        return
    print("setup: compiling the planner's loops (one to two minutes)", flush=True)
    started = time.time()
    sys.path.insert(0, str(ROOT))
    from robot_fleet.planning.rehearsal import rehearse

    rehearse()
    COMPLETE.touch()
    print("setup:   done in %.0f s" % (time.time() - started), flush=True)


if __name__ == "__main__":
    main()
