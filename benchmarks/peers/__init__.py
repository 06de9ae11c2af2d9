"""Other planners to compare with. Each runs in a process and an environment of its own, made when it is first asked for."""
