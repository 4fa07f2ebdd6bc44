#!/usr/bin/python
"""A module that crashes."""

from ansible.module_utils.basic import AnsibleModule

AnsibleModule(argument_spec={})
raise RuntimeError("boom")
