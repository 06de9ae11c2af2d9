"""Runs and robots: state tables, events, commands, the errors tree. Pure."""
