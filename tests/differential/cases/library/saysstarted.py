#!/usr/bin/python
"""A module whose result has a key that stock takes for a job's."""

from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule(argument_spec={})
module.exit_json(changed=True, started=True, note="a result with a key named started")
