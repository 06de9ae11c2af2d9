"""The store floor: occupancy grid, zones, keepouts, docks, geometry, robot shapes. Pure."""
