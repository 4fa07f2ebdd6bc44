#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.my.plays.plugins.module_utils.words import spelled

from ..module_utils import numbers
from ..module_utils.deep.inner import twice

module = AnsibleModule(argument_spec={"word": {"type": "str", "default": ""}})
module.exit_json(changed=False, said=twice(spelled(module.params["word"])), number=numbers.ONE)
