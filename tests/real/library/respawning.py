#!/usr/bin/python
"""A module that looks whether the files it would start itself again with exist."""

import os
import sys

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.respawn import has_respawned  # noqa: F401  # marks it as one

module = AnsibleModule(argument_spec={})
library = sys.modules["__main__"]._modlib_path
module.exit_json(found=os.path.isfile(os.path.join(library, "ansible/module_utils/basic.py")))
