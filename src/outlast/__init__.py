"""Runs Ansible playbooks on an engine made for long tasks."""
