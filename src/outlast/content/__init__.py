"""What can be run: modules by name, everything they import, and what their answers mean.

Knows where ansible-core's files stand and how to read them without importing them. Leaves
running to `transport`, and what a task is to `actions`.
"""
