"""Simulated nights: a whole store in virtual time with everything going wrong, and independent checks of what came of it."""
