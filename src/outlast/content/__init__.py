"""Modules and plugins of ansible-core and of the playbook's folder, found and packed."""
