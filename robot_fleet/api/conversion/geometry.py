"""Poses, polygons and grids of cells as messages and back. All in the map frame, metres and radians."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from robot_fleet.api.v1 import geometry_pb2 as pb
from robot_fleet.floor.pose import Pose

_MOST_CELLS = 400_000_000


def pose_to_proto(pose: Pose) -> pb.Pose:
    """A pose as a message."""
    return pb.Pose(x_m=pose.x_m, y_m=pose.y_m, yaw_rad=pose.yaw_rad)


def pose_from_proto(message: pb.Pose) -> Pose:
    """The pose of a message."""
    return Pose(message.x_m, message.y_m, message.yaw_rad)


def polygon_to_proto(polygon: Polygon) -> pb.Polygon:
    """A polygon with its holes as a message."""
    return pb.Polygon(outline=_ring(polygon.exterior), holes=[_ring(hole) for hole in polygon.interiors])


def polygon_from_proto(message: pb.Polygon) -> Polygon:
    """The polygon of a message."""
    return Polygon(_points(message.outline), [_points(hole) for hole in message.holes])


def bitmap_to_proto(cells: NDArray[np.bool_]) -> pb.Bitmap:
    """A mask (rows, cols) as a message."""
    rows, cols = cells.shape
    return pb.Bitmap(rows=rows, cols=cols, bits=zlib.compress(np.packbits(cells).tobytes()))


def bitmap_from_proto(message: pb.Bitmap) -> NDArray[np.bool_]:
    """The mask (rows, cols) of a message; ValueError when its size and its bits do not agree."""
    count = _cell_count(message.rows, message.cols)
    packed = np.frombuffer(inflate(message.bits, (count + 7) // 8), dtype=np.uint8)
    return np.unpackbits(packed, count=count).astype(bool).reshape(message.rows, message.cols)


def cells_to_proto(cells: NDArray[np.int8]) -> bytes:
    """Occupancy (rows, cols) as compressed bytes."""
    return zlib.compress(np.ascontiguousarray(cells).tobytes())


def cells_from_proto(packed: bytes, rows: int, cols: int) -> NDArray[np.int8]:
    """Occupancy (rows, cols) from compressed bytes; ValueError when size and bytes do not agree."""
    return np.frombuffer(inflate(packed, _cell_count(rows, cols)), dtype=np.int8).reshape(rows, cols).copy()


def inflate(packed: bytes, size: int) -> bytes:
    """Exactly `size` bytes, and no more are ever unpacked; ValueError when there are others, or no zlib data."""
    unpacking = zlib.decompressobj()
    try:
        plain = unpacking.decompress(packed, size + 1)
    except zlib.error as fault:
        raise ValueError(f"not compressed by zlib: {fault}") from None
    if len(plain) != size:
        raise ValueError(f"{size} bytes expected")
    return plain


def _cell_count(rows: int, cols: int) -> int:
    if not (rows > 0 and cols > 0 and rows * cols <= _MOST_CELLS):
        raise ValueError(f"a grid cannot have {rows} rows and {cols} columns")
    return rows * cols


def _ring(ring: Any) -> pb.Ring:
    return pb.Ring(points=[pb.Point(x_m=x, y_m=y) for x, y in shapely.get_coordinates(ring)[:-1].tolist()])


def _points(ring: pb.Ring) -> list[tuple[float, float]]:
    return [(point.x_m, point.y_m) for point in ring.points]
