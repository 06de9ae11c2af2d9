"""How far the simulated world is from a perfect one."""

from __future__ import annotations

from dataclasses import dataclass

from robot_fleet.sim.rail import Wander


@dataclass(frozen=True)
class Realism:
    """Noise and delays of a simulated robot: metres, radians, seconds.

    `wander` is how far it strays from its path, `pose_noise_m` the standard deviation of each reported coordinate.
    """

    wander: Wander = Wander()  # noqa: RUF009 - frozen, so one instance serves all
    pose_noise_m: float = 0.0
    yaw_noise_rad: float = 0.0
    pose_delay_s: float = 0.0
    pose_period_s: float = 0.1
    state_period_s: float = 1.0
    command_delay_s: float = 0.0


PERFECT = Realism()
EXECUTED = Realism(wander=Wander(0.03, 5.0, 0.05), pose_noise_m=0.02, pose_delay_s=0.3)
"""The executed run of the definitions."""
