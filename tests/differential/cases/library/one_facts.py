"""Finds out about nothing but itself, and warns of it."""

from ansible.module_utils.basic import AnsibleModule

options = {
    "who": {"default": "nobody"},
    "gather_timeout": {"type": "int"},
    "fact_path": {},
}
module = AnsibleModule(options, supports_check_mode=True)
module.warn("a warning of one")
facts = {
    "one": module.params["who"],
    "both": {"one": 1, "who": "one"},
    "all_of": ["one", "x"],
}
module.exit_json(changed=True, more="one", ansible_facts=facts)
