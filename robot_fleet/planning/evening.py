"""Shares of the floor evened out once it is known for how long each robot waits for others: who waits cleans less."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from robot_fleet.planning.apart import Apart, makespan_s
from robot_fleet.planning.manning import Keep, Kept
from robot_fleet.planning.plan import CannotServe, CoveragePath

# The paths again when robots come home so many seconds later than these say, by their names, by a seed.
Polish = Callable[[list[CoveragePath], Mapping[str, float], int], list[CoveragePath]]

# So often shares are evened out where waiting makes the last robot so many times as late, or it is done so many times later
# than the mean, and as long as each time brings it down to such a share of the best time before.
_ROUNDS, _LATER, _UNEVEN, _SOONER = 3, 1.01, 1.03, 0.998


def evened(kept: Kept, polish: Polish) -> Kept:
    """Keeps robots apart as `kept` does, and again and again when what they waited the time before is evened out."""

    def kept_evenly(paths: list[CoveragePath], keep: Keep) -> tuple[list[CoveragePath], Apart]:
        alone, apart = best = kept(paths, keep)
        for turn in range(_ROUNDS):
            # Robots that meet need other tours.
            if best[1].meeting or not _is_uneven(alone, apart):
                break
            # Others wait for other robots each time: whatever is best in the end is taken.
            later_s = {
                path.robot: max(0.0, done.finish_s - path.finish_s)
                for path, done in zip(paths, apart.paths, strict=True)
                if path.legs
            }
            paths = polish(paths, later_s, turn)
            try:
                alone, apart = kept(paths, keep)
            except CannotServe:
                # Along other lanes a tank may not last.
                break
            before_s = makespan_s(best[1].paths)
            if apart.cost < best[1].cost:
                best = alone, apart
            if makespan_s(best[1].paths) > _SOONER * before_s:
                break
        return best

    return kept_evenly


def _is_uneven(alone: list[CoveragePath], apart: Apart) -> bool:
    done = [path.finish_s for path in apart.paths if path.legs]
    if len(done) < 2:
        return False
    last_s = makespan_s(apart.paths)
    return last_s > _LATER * makespan_s(alone) or last_s > _UNEVEN * sum(done) / len(done)
