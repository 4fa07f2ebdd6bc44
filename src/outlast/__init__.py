"""Runs Ansible playbooks on an engine made for long tasks."""

__version__ = "0.1.0"
