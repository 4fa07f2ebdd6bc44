"""From a playbook's text to a frozen, typed model."""
