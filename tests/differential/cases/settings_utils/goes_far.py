#!/usr/bin/python
"""A module that says what it has imported."""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.farther import WORD

AnsibleModule(argument_spec={}).exit_json(word=WORD)
