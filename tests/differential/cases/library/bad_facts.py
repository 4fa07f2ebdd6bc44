"""Fails, facts in hand."""

from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({}, supports_check_mode=True)
module.fail_json(msg="bad facts", ansible_facts={"bad": 1})
