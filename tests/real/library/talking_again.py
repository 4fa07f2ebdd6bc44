"""Runs a program under the Python it is told, for a job's tests."""

import sys

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.respawn import has_respawned, respawn_module


def main():
    module = AnsibleModule(
        argument_spec={
            "line": {"type": "str", "required": True},
            "python": {"type": "str", "required": True},
            "password": {"type": "str", "no_log": True},
        }
    )
    if not has_respawned():
        respawn_module(module.params["python"])
    _, out, _ = module.run_command(module.params["line"], use_unsafe_shell=True)
    module.exit_json(out=out, python=sys.executable, msg="said all")


if __name__ == "__main__":
    main()
