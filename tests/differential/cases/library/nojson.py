#!/usr/bin/python
"""A module that prints no JSON; it does without AnsibleModule on purpose. WANT_JSON."""

import sys

sys.stdout.write("hello, no json here\n")
