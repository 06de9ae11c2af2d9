"""Which robots of a night could work, as far as a controller can know."""

from __future__ import annotations

from robot_fleet.fleet.entities import NOT_HERE
from robot_fleet.nights.faults import Fault
from robot_fleet.nights.site import NightSite
from robot_fleet.nights.world import HOLDS

# What is over with these is over; by others a robot may seem unable to do its work, and gets none in that run.
_PASSING = (*HOLDS, "silent", "link cut", "battery falls")


def able_robots(site: NightSite) -> list[str]:
    """Those that live, are not held, and are not ailed by any fault; none while there is no controller that listens."""
    controller = site.controller
    if controller is None or site.goes_on("asleep"):
        return []
    here = {view.name for view in controller.snapshot.robots if view.state not in NOT_HERE}
    return [
        name
        for name, robot in site.world.robots.items()
        if name in here
        and robot.alive
        and not robot.hold
        and not any(_ails(fault, site) for fault in site.ailing[name])
    ]


def _ails(fault: Fault, site: NightSite) -> bool:
    return fault.lasts(site.now_s) if fault.kind in _PASSING else fault.at_s <= site.now_s
