"""Finds out about nothing but itself, and warns of it."""

from ansible.module_utils.basic import AnsibleModule

options = {
    "who": {"default": "nobody"},
    "gather_timeout": {"type": "int"},
    "fact_path": {},
}
module = AnsibleModule(options, supports_check_mode=True)
module.warn("a warning of two")
facts = {
    "two": module.params["who"],
    "both": {"two": 1, "who": "two"},
    "all_of": ["two", "x"],
}
module.exit_json(changed=False, more="two", ansible_facts=facts)
