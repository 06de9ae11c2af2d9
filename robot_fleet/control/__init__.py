"""The controller: the one owner of mutable state, and the ports through which it asks."""
