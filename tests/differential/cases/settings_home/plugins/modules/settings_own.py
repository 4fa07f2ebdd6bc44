#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule(argument_spec={"text": {"required": True}}, supports_check_mode=True)
module.exit_json(changed=False, said=module.params["text"])
