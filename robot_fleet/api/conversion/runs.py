"""Cleaning runs as messages and back."""

from __future__ import annotations

import functools

from robot_fleet.api.conversion.geometry import polygon_from_proto, polygon_to_proto
from robot_fleet.api.conversion.values import (
    duration_from_proto,
    duration_to_proto,
    enum_from_proto,
    enum_to_proto,
    time_from_proto,
    time_to_proto,
)
from robot_fleet.api.v1 import cleaning_run_pb2 as pb
from robot_fleet.control.snapshot import PlanningProgress, RobotShare, RunView, ZoneProgress
from robot_fleet.fleet.states import RunState
from robot_fleet.planning.plan import MissedArea, MissedReason

_State = pb.CleaningRun.State
_Reason = pb.MissedArea.Reason


def run_to_proto(run: RunView) -> pb.CleaningRun:
    """A run as a message in the BASIC view."""
    return pb.CleaningRun(
        run_id=run.run_id,
        request_id=run.request_id,
        store=run.store,
        zones=run.zones,
        state=enum_to_proto(_State, "STATE", run.state),
        reason=run.reason,
        version=run.version,
        create_time=time_to_proto(run.created_at_s),
        start_time=None if run.started_at_s is None else time_to_proto(run.started_at_s),
        end_time=None if run.ended_at_s is None else time_to_proto(run.ended_at_s),
        elapsed_duration=duration_to_proto(run.elapsed_s),
        time_to_go_duration=None if run.time_to_go_s is None else duration_to_proto(run.time_to_go_s),
        requested_m2=run.requested_m2,
        coverable_m2=run.coverable_m2,
        cleaned_m2=run.cleaned_m2,
        progress=run.progress,
        zone_progress=[_zone_to_proto(zone) for zone in run.zone_progress],
        shares=[_share_to_proto(share) for share in run.shares],
        missed=[_missed_to_proto(area) for area in run.missed],
        unconfirmed_robots=run.unconfirmed,
        planning=pb.PlanningProgress(progress=run.planning.share, step=run.planning.step) if run.planning else None,
    )


def run_from_proto(message: pb.CleaningRun) -> RunView:
    """The run of a message; KeyError for a state or reason that this version does not know."""
    return RunView(
        run_id=message.run_id,
        request_id=message.request_id,
        store=message.store,
        zones=tuple(message.zones),
        state=enum_from_proto(_State, "STATE", message.state, RunState),
        reason=message.reason,
        version=message.version,
        created_at_s=time_from_proto(message.create_time),
        started_at_s=time_from_proto(message.start_time) if message.HasField("start_time") else None,
        ended_at_s=time_from_proto(message.end_time) if message.HasField("end_time") else None,
        elapsed_s=duration_from_proto(message.elapsed_duration),
        time_to_go_s=_time_to_go(message),
        requested_m2=message.requested_m2,
        coverable_m2=message.coverable_m2,
        cleaned_m2=message.cleaned_m2,
        zone_progress=tuple(_zone_from_proto(zone) for zone in message.zone_progress),
        shares=tuple(_share_from_proto(share) for share in message.shares),
        missed=tuple(_missed_from_proto(area) for area in message.missed),
        unconfirmed=tuple(message.unconfirmed_robots),
        planning=_planning_from_proto(message.planning) if message.HasField("planning") else None,
    )


def _planning_from_proto(message: pb.PlanningProgress) -> PlanningProgress:
    return PlanningProgress(message.progress, message.step)


def _time_to_go(message: pb.CleaningRun) -> float | None:
    return duration_from_proto(message.time_to_go_duration) if message.HasField("time_to_go_duration") else None


def _zone_to_proto(zone: ZoneProgress) -> pb.ZoneProgress:
    return pb.ZoneProgress(
        zone=zone.zone, requested_m2=zone.requested_m2, coverable_m2=zone.coverable_m2, cleaned_m2=zone.cleaned_m2
    )


def _zone_from_proto(message: pb.ZoneProgress) -> ZoneProgress:
    return ZoneProgress(message.zone, message.requested_m2, message.coverable_m2, message.cleaned_m2)


def _share_to_proto(share: RobotShare) -> pb.RobotShare:
    return pb.RobotShare(
        robot=share.robot,
        distance_m=share.distance_m,
        cleaning_duration=duration_to_proto(share.cleaning_s),
        driving_duration=duration_to_proto(share.driving_s),
        waiting_duration=duration_to_proto(share.waiting_s),
        cleaned_m2=share.cleaned_m2,
    )


def _share_from_proto(message: pb.RobotShare) -> RobotShare:
    return RobotShare(
        robot=message.robot,
        distance_m=message.distance_m,
        cleaning_s=duration_from_proto(message.cleaning_duration),
        driving_s=duration_from_proto(message.driving_duration),
        waiting_s=duration_from_proto(message.waiting_duration),
        cleaned_m2=message.cleaned_m2,
    )


# Outlines are most of a run, and stay the same while every watcher gets the run ten times a second.
@functools.lru_cache(maxsize=4096)
def _missed_to_proto(area: MissedArea) -> pb.MissedArea:
    return pb.MissedArea(
        zone=area.zone,
        reason=enum_to_proto(_Reason, "REASON", area.reason),
        polygon=polygon_to_proto(area.polygon),
        area_m2=area.area_m2,
    )


def _missed_from_proto(message: pb.MissedArea) -> MissedArea:
    reason = enum_from_proto(_Reason, "REASON", message.reason, MissedReason)
    return MissedArea(message.zone, reason, polygon_from_proto(message.polygon), message.area_m2)
