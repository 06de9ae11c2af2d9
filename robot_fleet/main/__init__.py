"""The composition root: builds the parts, joins them, starts and stops them. It alone may import every room."""
