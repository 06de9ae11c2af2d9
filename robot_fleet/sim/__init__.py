"""Simulated robots: pure motion, a virtual-time driver, and the same robot behind Nav2 actions."""
