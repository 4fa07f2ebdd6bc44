#!/usr/bin/python
"""A module whose arguments stand in its own text."""

import json
import sys

args = json.loads(r"""<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>""")
told = {"version": "<<ANSIBLE_VERSION>>", "special": "<<SELINUX_SPECIAL_FILESYSTEMS>>"}
told["log"] = "syslog.LOG_USER"
given = "<<INCLUDE_ANSIBLE_MODULE_COMPLEX_ARGS>>"
told["given"] = "he said" in str(given)
sys.stdout.write(json.dumps({"got": args["text"], "words": len(sys.argv), **told}))
