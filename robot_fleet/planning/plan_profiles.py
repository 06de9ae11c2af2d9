"""Whether robots in a plan's file are the machines that the store says they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from robot_fleet.floor.faults import Fault
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.plan_format import Profiles

# What says nothing of where and how a robot drives, or how it is judged.
_NO_MATTER = ("name", "interface", "overlap_m", "goal_tolerance_m")


def differing(profile: RobotProfile, known: RobotProfile) -> tuple[str, ...]:
    """The fields in which a profile of a plan's file is not the known one; a battery counts where the known one is planned."""
    names = [field.name for field in fields(RobotProfile) if field.name not in _NO_MATTER]
    return tuple(
        name
        for name in names
        if getattr(profile, name) != getattr(known, name) and (name != "battery" or known.battery.planned)
    )


def other_than_in_the_store(profiles: Mapping[str, RobotProfile], kinds: Profiles) -> dict[str, tuple[str, ...]]:
    """For each robot that is another machine than in the store: the fields of its profile that differ."""
    if kinds.instead is not None:
        return {}
    found = {}
    for robot, profile in profiles.items():
        known = kinds.left_out(robot)
        if known is not None and (wrong := differing(profile, known)):
            found[robot] = wrong
    return found


def misnamed(profiles: Mapping[str, RobotProfile], kinds: Profiles, file: str) -> tuple[Fault, ...]:
    """A fault for each robot whose profile has the name of one that the store knows, and is not that one."""
    found = []
    for robot, profile in profiles.items():
        known = kinds.named.get(profile.name)
        wrong = differing(profile, known) if known is not None and kinds.instead is None else ()
        if wrong:
            what = (
                f'is called "{profile.name}" and differs from the store\'s profile of that name in {", ".join(wrong)}'
            )
            remedy = (
                f"Plan anew; or judge with --profile {profile.name}, which takes the store's; or give it another name."
            )
            found.append(Fault(file, f'profile of robot "{robot}"', what, remedy))
    return tuple(found)
