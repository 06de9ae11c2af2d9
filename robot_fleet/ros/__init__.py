"""The ROS 2 edge: robots that run Nav2, behind the controller's driver port."""
