#!/usr/bin/python
"""A module that looks whether the files it would start itself again with exist."""

import pathlib
import sys

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.respawn import has_respawned  # noqa: F401  # marks it as one

module = AnsibleModule(argument_spec={})
library = pathlib.Path(sys.modules["__main__"]._modlib_path)
module.exit_json(found=library.joinpath("ansible/module_utils/basic.py").is_file())
