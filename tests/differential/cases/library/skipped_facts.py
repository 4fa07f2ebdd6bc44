"""Has nothing to find out."""

from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({}, supports_check_mode=True)
module.exit_json(skipped=True, msg="nothing here", ansible_facts={"skipped": 1})
