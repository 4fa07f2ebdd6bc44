"""Runs programs for a job's tests, in the one way that is overheard and in another."""

from ansible.module_utils import basic


def main():
    module = basic.AnsibleModule(
        argument_spec={
            "line": {"type": "str", "required": True},
            "aside": {"type": "str"},
            "password": {"type": "str", "no_log": True},
        }
    )
    aside = b""
    if module.params["aside"]:
        pipe = basic.subprocess.PIPE
        words = ["/bin/sh", "-c", module.params["aside"]]
        with basic.subprocess.Popen(words, stdout=pipe, stderr=pipe) as program:
            aside = program.stdout.read()
    rc, out, err = module.run_command(module.params["line"], use_unsafe_shell=True)
    module.exit_json(rc=rc, out=out, err=err, aside=aside.decode(), msg="said all")


if __name__ == "__main__":
    main()
