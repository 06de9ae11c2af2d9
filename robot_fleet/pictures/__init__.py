"""Floors, plans, coverage and tracks as PNG pictures."""

from robot_fleet.pictures.coverage import draw_coverage
from robot_fleet.pictures.missed import draw_missed
from robot_fleet.pictures.plan import draw_plan

__all__ = ["draw_coverage", "draw_missed", "draw_plan"]
