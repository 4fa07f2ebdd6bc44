"""Hosts, groups and patterns, from inventory files."""
