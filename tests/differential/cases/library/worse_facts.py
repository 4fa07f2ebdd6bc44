"""Fails as well."""

from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({}, supports_check_mode=True)
module.fail_json(msg="worse facts", ansible_facts={"bad": 1})
