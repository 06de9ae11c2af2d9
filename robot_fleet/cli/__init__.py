"""The robot-fleet command line."""
