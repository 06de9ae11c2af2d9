"""Gazebo: stores as SDF worlds, its transport's protocol in Python, and robots that its physics moves."""
