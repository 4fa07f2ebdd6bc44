"""What starts a module that is a program: its first line, as the host has it."""

from __future__ import annotations

import pytest
from unit.actions.calls import a_call, marked

from outlast.actions.modules import interpreter
from outlast.errors import ActionFailed
from outlast.work import Program

VARIABLES = {
    "ansible_perl_interpreter": "{{ where }}/perl -w",
    "where": "/opt",
    "ansible_bash_interpreter": "",
    "ansible_python_interpreter": "/not/asked",
    "ansible_ruby_interpreter": "/opt/ruby 'x",
    "ansible_python3_interpreter": "/opt/python3",
}


@pytest.mark.parametrize(
    ("kind", "line", "starts"),
    [
        ("old", ("/bin/sh",), ("/bin/sh",)),
        ("old", ("/usr/bin/env", "perl"), ("/usr/bin/env", "perl")),
        ("json", ("/usr/bin/perl", "-T"), ("/opt/perl", "-w", "-T")),
        ("json", ("/bin/bash", "-e"), ("/bin/bash", "-e")),
        ("filled", ("/usr/bin/python", "-B"), ("", "-B")),
        ("filled", ("/usr/bin/python3",), ("/opt/python3",)),
        ("binary", (), ()),
    ],
)
def test_a_variable_stands_before_the_first_line(kind, line, starts):
    call = a_call("it", {}, scope=marked(VARIABLES))
    assert interpreter(call, Program(kind=kind, file="it", interpreter=line)) == starts


def test_a_text_that_names_none_is_refused():
    with pytest.raises(ActionFailed, match=r"module \(it\) is missing interpreter line"):
        interpreter(a_call("it", {}), Program(kind="json", file="it"))


def test_a_variable_that_is_no_command_line_is_named():
    call = a_call("it", {}, scope=marked(VARIABLES))
    program = Program(kind="json", file="it", interpreter=("/usr/bin/ruby",))
    with pytest.raises(ActionFailed, match="ansible_ruby_interpreter is no command line: No clos"):
        interpreter(call, program)
