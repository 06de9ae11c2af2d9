"""Lanes, coverage, routing, assignment, timing, conflicts, and the judge, which shares no planner code. Pure."""
