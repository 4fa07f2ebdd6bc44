"""A module that is a program of its own: handed its arguments as stock hands them.

Knows the forms of the arguments, and that nobody else may read them. Used in a child made for
one run, which it becomes. Leaves what starts the program to the controller, and the folder in
which it lies to whoever removes it.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Mapping

_NOT_FOUND = 127
_FILLED = b"<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"


def become(
    program: Mapping[str, object],
    text: bytes,
    interpreter: list[str],
    args: Mapping[str, object],
    folder: str,
) -> int:
    """Become the module *program*, its files in *folder*; gives an exit code if that fails."""
    args = {**args, "_ansible_tmpdir": folder + "/"}
    path = os.path.join(folder, "AnsiballZ_%s" % os.path.basename(str(program["file"])))
    line = [word or sys.executable for word in interpreter] + [path]
    if program["kind"] == "filled":
        text = _filled(text, args)
    else:
        words = _words(args) if program["kind"] == "old" else json.dumps(args)
        line.append(os.path.join(folder, "args"))
        _write(line[-1], words.encode("utf-8", "surrogateescape"), 0o600)
    _write(path, text, 0o700)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and exec would keep that
    try:
        os.execvp(line[0], line)  # noqa: S606  # the module's choice
    except OSError as error:
        why = error.strerror
        if isinstance(error, FileNotFoundError) and not os.path.exists(line[0]):
            why = "not found"  # as a shell says it
        sys.stderr.write("%s: %s\n" % (line[0], why))
        return _NOT_FOUND


def _words(args: Mapping[str, object]) -> str:
    return "".join("%s=%s " % (name, shlex.quote(str(value))) for name, value in args.items())


def _filled(text: bytes, args: Mapping[str, object]) -> bytes:
    """Give the module's own text with what stock writes into it."""
    given = json.dumps(args).encode()
    special = args.get("_ansible_selinux_special_fs", [])
    for mark, filling in (
        (b'"<<ANSIBLE_VERSION>>"', repr(args.get("_ansible_version", "")).encode()),
        (b'"<<INCLUDE_ANSIBLE_MODULE_COMPLEX_ARGS>>"', repr(given).encode()),
        (
            b"<<SELINUX_SPECIAL_FILESYSTEMS>>",
            ",".join(map(str, special)).encode() if isinstance(special, list) else b"",
        ),
        (_FILLED, given),
        (b"syslog.LOG_USER", b"syslog." + str(args.get("_ansible_syslog_facility")).encode()),
    ):
        text = text.replace(mark, filling)
    return text


def _write(path: str, data: bytes, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(fd, "wb") as file:
        file.write(data)
