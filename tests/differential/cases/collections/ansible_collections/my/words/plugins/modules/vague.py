#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.my.words.plugins.module_utils.old_words import spelled

module = AnsibleModule(argument_spec={"word": {"default": "unsaid"}})
module.exit_json(changed=False, said=spelled("vague " + module.params["word"]))
