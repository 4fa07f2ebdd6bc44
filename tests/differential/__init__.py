"""The same playbooks under stock and under us."""
