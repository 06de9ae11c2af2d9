"""A fleet controller for floor-cleaning robots: plans, drives and reports the cleaning of whole stores."""

__version__ = "0.1.0"
