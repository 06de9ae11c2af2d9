"""What a report is drawn from, as a message and back. Tracks are kept to a millimetre and a millisecond."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robot_fleet.api.conversion.geometry import bitmap_from_proto, bitmap_to_proto
from robot_fleet.api.v1 import cleaning_run_pb2 as pb
from robot_fleet.control.snapshot import RunRecord

_PER_UNIT = 1000.0


def record_to_proto(record: RunRecord) -> pb.RunRecord:
    """A run's record as a message."""
    return pb.RunRecord(
        cleaned=bitmap_to_proto(record.cleaned),
        tracks=[_track_to_proto(robot, track) for robot, track in record.tracks.items()],
    )


def record_from_proto(run_id: str, message: pb.RunRecord) -> RunRecord:
    """The record of a message; ValueError when it contradicts itself."""
    tracks = {track.robot: _track_from_proto(track) for track in message.tracks}
    return RunRecord(run_id, bitmap_from_proto(message.cleaned), tracks)


def _track_to_proto(robot: str, track: NDArray[np.float64]) -> pb.Track:
    steps = np.diff(np.rint(track * _PER_UNIT).astype(np.int64), axis=0, prepend=0)
    t_ms, x_mm, y_mm = steps.T.tolist()
    return pb.Track(robot=robot, t_ms=t_ms, x_mm=x_mm, y_mm=y_mm)


def _track_from_proto(message: pb.Track) -> NDArray[np.float64]:
    steps = np.array([message.t_ms, message.x_mm, message.y_mm], dtype=np.int64)
    return np.cumsum(steps, axis=1).T / _PER_UNIT
