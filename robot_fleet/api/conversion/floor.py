"""The floor of a store, and what of it is closed for a while, as messages and back."""

from __future__ import annotations

from robot_fleet.api.conversion.geometry import (
    cells_from_proto,
    cells_to_proto,
    polygon_from_proto,
    polygon_to_proto,
    pose_from_proto,
    pose_to_proto,
)
from robot_fleet.api.conversion.values import time_from_proto, time_to_proto
from robot_fleet.api.v1 import closure_pb2
from robot_fleet.api.v1 import floor_pb2 as pb
from robot_fleet.control.snapshot import ClosureView
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.store import Dock, FloorMap, Keepout, Zone


def floor_to_proto(floor: FloorMap) -> pb.Floor:
    """A floor as a message."""
    return pb.Floor(
        store=floor.name,
        grid=_grid_to_proto(floor.grid),
        zones=[_zone_to_proto(zone) for zone in floor.zones],
        keepouts=[_keepout_to_proto(keepout) for keepout in floor.keepouts],
        docks=[_dock_to_proto(dock) for dock in floor.docks],
    )


def floor_from_proto(message: pb.Floor) -> FloorMap:
    """The floor of a message; ValueError when its grid contradicts itself."""
    return FloorMap(
        name=message.store,
        grid=_grid_from_proto(message.grid),
        zones=tuple(_zone_from_proto(zone) for zone in message.zones),
        keepouts=tuple(_keepout_from_proto(keepout) for keepout in message.keepouts),
        docks=tuple(_dock_from_proto(dock) for dock in message.docks),
    )


def closure_to_proto(closure: ClosureView) -> closure_pb2.FloorClosure:
    """Closed floor as a message."""
    return closure_pb2.FloorClosure(
        name=closure.name,
        polygon=polygon_to_proto(closure.polygon),
        create_time=time_to_proto(closure.closed_at_s),
        expire_time=None if closure.ends_at_s is None else time_to_proto(closure.ends_at_s),
        robots_inside=closure.inside,
    )


def closure_from_proto(message: closure_pb2.FloorClosure) -> ClosureView:
    """The closed floor of a message; ValueError when its outline is none."""
    return ClosureView(
        name=message.name,
        polygon=polygon_from_proto(message.polygon),
        closed_at_s=time_from_proto(message.create_time),
        ends_at_s=time_from_proto(message.expire_time) if message.HasField("expire_time") else None,
        inside=tuple(message.robots_inside),
    )


def _grid_to_proto(grid: OccupancyGrid) -> pb.Grid:
    rows, cols = grid.shape
    return pb.Grid(
        rows=rows,
        cols=cols,
        resolution_m=grid.resolution_m,
        origin=pose_to_proto(grid.origin),
        cells=cells_to_proto(grid.cells),
    )


def _grid_from_proto(message: pb.Grid) -> OccupancyGrid:
    cells = cells_from_proto(message.cells, message.rows, message.cols)
    return OccupancyGrid(cells, message.resolution_m, pose_from_proto(message.origin))


def _zone_to_proto(zone: Zone) -> pb.Zone:
    return pb.Zone(name=zone.name, polygon=polygon_to_proto(zone.polygon), priority=zone.priority, surface=zone.surface)


def _zone_from_proto(message: pb.Zone) -> Zone:
    return Zone(message.name, polygon_from_proto(message.polygon), message.priority, message.surface)


def _keepout_to_proto(keepout: Keepout) -> pb.Keepout:
    return pb.Keepout(name=keepout.name, polygon=polygon_to_proto(keepout.polygon))


def _keepout_from_proto(message: pb.Keepout) -> Keepout:
    return Keepout(message.name, polygon_from_proto(message.polygon))


def _dock_to_proto(dock: Dock) -> pb.Dock:
    return pb.Dock(name=dock.name, pose=pose_to_proto(dock.pose), staging_m=dock.staging_m)


def _dock_from_proto(message: pb.Dock) -> Dock:
    return Dock(message.name, pose_from_proto(message.pose), message.staging_m)
