"""The judge's own geometry and arithmetic: nothing here is shared with the planner."""
