#!/usr/bin/python
"""A module that says more than its result."""

import atexit
import sys

from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule(argument_spec={})
module.warn("a warning from the module")
module.deprecate("a deprecation from the module", version="9.9")
sys.stdout.write("junk before\n")
sys.stderr.write("text on stderr\n")
atexit.register(sys.stdout.write, "junk after\n")
module.exit_json(changed=False, answer=42)
