"""Plans for machines that must be steered: long bodies, heads ahead of the turning centre, least radii."""
