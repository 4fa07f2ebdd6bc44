"""Stands before the real one: a controller that has none."""

raise ImportError("No module named 'passlib'")
