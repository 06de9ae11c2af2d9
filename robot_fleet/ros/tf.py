"""The robots' places from /tf: the newest transform of each frame, composed along the chain map -> ... -> base."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from geometry_msgs.msg import TransformStamped

from robot_fleet.floor.pose import Pose
from robot_fleet.ros.conversion import BadReading, compose, transform_from_ros

_log = logging.getLogger(__name__)
LOCALISATION_LIMIT_S = 2.0
"""How much older than the odometry the other moving transforms of a chain may be before the pose is not believed."""

MOST_FRAMES = 5_000
"""So many moving frames of a tf topic are kept: some name each thing that they see by a number of its own, for weeks."""

OnPose = Callable[[float, Pose], None]
OnBad = Callable[[str], None]


@dataclass(frozen=True)
class Link:
    """The place of a frame in its parent; `at_s` is None for a static one."""

    parent: str
    pose: Pose
    at_s: float | None


@dataclass(eq=False)
class Watch:
    """Who wants the pose of `base` in `root`. `chain`: the frames from `base` upwards as far as they are known, below `end`.

    Where `end` is not `root`, no way leads there; `astray_since_s` is the first stamp with which it moved all the same.
    """

    base: str
    root: str
    on_pose: OnPose
    on_bad: OnBad
    chain: tuple[str, ...] = ()
    end: str = ""
    astray_since_s: float | None = None

    @property
    def arrives(self) -> bool:
        """Whether a way leads to the root."""
        return self.end == self.root


class TransformTree:
    """The frames of one tf topic. A pose has the stamp of the moving link nearest to the base (the odometry's).

    The chain is composed in the plane from the newest transform of each frame, without interpolation: between two
    corrections by the localisation the odometry carries the pose on. Beyond MOST_FRAMES those moving frames are forgotten that
    were not heard for longest and that no watched base needs.
    """

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}
        # The moving ones, the one that was not heard for longest first.
        self._moving: dict[str, None] = {}
        self._watches: list[Watch] = []
        self._moved_by: dict[str, list[Watch]] = {}

    def watch(self, base: str, root: str, on_pose: OnPose, on_bad: OnBad) -> None:
        """Calls `on_pose` with stamp and pose of `base` in `root` whenever it moves, `on_bad` with why not."""
        self._watches.append(Watch(base.strip("/"), root.strip("/"), on_pose, on_bad, end=base.strip("/")))
        self._retrace()

    def take(self, transforms: Iterable[TransformStamped], static: bool = False) -> None:
        """Keeps the transforms and reports the poses that they move."""
        moved, rebuilt = [], False
        for message in transforms:
            child = message.child_frame_id.strip("/")
            link = self._read(message, child, static)
            if link is not None:
                old = self._links.get(child)
                rebuilt |= old is None or (old.parent, old.at_s is None) != (link.parent, static)
                self._links[child] = link
                self._moving.pop(child, None)
                if not static:
                    self._moving[child] = None
                moved.append(child)
        if rebuilt:
            self._retrace()
            self._forget()
        for child in moved:
            for watch in self._moved_by.get(child, ()):
                if watch.arrives:
                    self._report(watch, child)
                else:
                    self._note_astray(watch, child)

    def _read(self, message: TransformStamped, child: str, static: bool) -> Link | None:
        try:
            parent, _, at_s, pose = transform_from_ros(message)
        except BadReading as bad:
            for watch in self._watches:
                if child in (*watch.chain, watch.end):
                    watch.on_bad(f"transform of {child}: {bad}")
            return None
        return Link(parent.strip("/"), pose, None if static else at_s)

    def _report(self, watch: Watch, moving: str) -> None:
        links = [self._links[frame] for frame in watch.chain]
        at_s = self._links[moving].at_s or 0.0
        for frame, link in zip(watch.chain, links, strict=True):
            if link.at_s is not None and link.at_s < at_s - LOCALISATION_LIMIT_S:
                watch.on_bad(
                    f"transform of {frame} is more than {LOCALISATION_LIMIT_S:.0f} s older than that of {moving}"
                )
                return
        watch.on_pose(at_s, compose(link.pose for link in reversed(links)))

    def _note_astray(self, watch: Watch, moving: str) -> None:
        """Tells of a robot that moves in frames that do not lead to the map; at a start the last one may come later."""
        at_s = self._links[moving].at_s or 0.0
        if watch.astray_since_s is None:
            watch.astray_since_s = at_s
        elif at_s - watch.astray_since_s > LOCALISATION_LIMIT_S:
            watch.on_bad(f"its frames lead from {watch.base} to {watch.end}, not to {watch.root}")

    def _forget(self) -> None:
        excess = len(self._moving) - MOST_FRAMES
        if excess > 0:
            needed = {frame for watch in self._watches for frame in watch.chain}
            for frame in list(islice((frame for frame in self._moving if frame not in needed), excess)):
                del self._moving[frame], self._links[frame]

    def _retrace(self) -> None:
        self._moved_by = {}
        for watch in self._watches:
            chain, end = self._chain(watch)
            if (chain, end) != (watch.chain, watch.end):
                watch.chain, watch.end, watch.astray_since_s = chain, end, None
                way = " <- ".join((*chain, end)) if watch.arrives else "not known"
                _log.info("the way from %s to %s is %s", watch.base, watch.root, way)
            moving = next((frame for frame in chain if self._links[frame].at_s is not None), None)
            if moving is not None:
                self._moved_by.setdefault(moving, []).append(watch)

    def _chain(self, watch: Watch) -> tuple[tuple[str, ...], str]:
        chain: list[str] = []
        frame = watch.base
        while frame != watch.root and frame in self._links and frame not in chain:
            chain.append(frame)
            frame = self._links[frame].parent
        return tuple(chain), frame
