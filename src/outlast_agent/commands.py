"""Programs run as `ansible.builtin.command` and `shell` run them, without the module.

Knows what that module does with its arguments and what it says of the result, key by key.
Leaves waiting for the program to whoever starts it: an agent's loop, or a job's supervisor.
"""

from __future__ import annotations

import datetime as dt
import glob
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping

from outlast_agent.surroundings import surroundings

_PASSWORD = re.compile(r"^[-]{0,2}pass[-]?(word|wd)?")


class Command:
    """One program to be run; fields as in the controller's `CommandRun`."""

    def __init__(self, fields: Mapping[str, object], environment: Mapping[str, str]) -> None:
        self._fields = fields
        self._environment = environment
        shell = fields.get("shell")
        argv = fields.get("argv")
        self.shell = shell if isinstance(shell, str) else None
        self.argv = [str(part) for part in argv] if isinstance(argv, list) else []
        self.executable = self._text("executable")
        self.check_mode = bool(fields.get("check_mode"))
        self.chdir: str | None = None
        self.creates: str | None = None
        self.removes: str | None = None
        self._warnings: list[str] = []
        if self.shell is None and self.executable is not None:
            self._warnings.append(
                "As of Ansible 2.4, the parameter 'executable' is no longer supported with the "
                "'command' module. Not using '%s'." % self.executable
            )

    def _text(self, name: str) -> str | None:
        value = self._fields.get(name)
        return None if value is None else str(value)

    def _flag(self, name: str) -> bool:
        return bool(self._fields.get(name, True))

    def _path(self, name: str) -> str | None:
        value = self._text(name)
        return None if value is None else os.path.expanduser(os.path.expandvars(value))

    @property
    def strips(self) -> bool:
        """Whether the empty lines at the end of what it says are left out."""
        return self._flag("strip_empty_ends")

    @property
    def data(self) -> bytes | None:
        """What the program is to read from stdin."""
        text = self._text("stdin")
        if not text:
            return None
        if self._flag("stdin_add_newline"):
            text += "\n"
        return text.encode("utf-8", "surrogateescape")

    def start(self) -> subprocess.Popen[bytes] | dict[str, object]:
        """Start the program in a session of its own, or give the result if it is not to run."""
        with surroundings(self._environment):
            return self._start_here()

    def _start_here(self) -> subprocess.Popen[bytes] | dict[str, object]:
        self.chdir = self._path("chdir")
        self.creates, self.removes = self._path("creates"), self._path("removes")
        if self.chdir is not None:
            try:
                os.chdir(os.fsencode(self.chdir))
            except OSError as error:
                said = "Unable to change directory before execution."
                return self._said(self._result(rc=None), said, error)
        reason = self._reason_not_to_run()
        if reason is not None:
            return self._finished(reason)
        try:
            return self._popen()
        except OSError as error:
            return self._could_not(error, error.errno or 0)
        except (IndexError, ValueError) as error:  # no program at all, a NUL in an argument
            return self._could_not(error, 257)

    def _reason_not_to_run(self) -> dict[str, object] | None:
        would = "Would" if self.check_mode else "Did"
        if self.creates and glob.glob(self.creates):
            said = "%s not run command since '%s' exists" % (would, self.creates)
            return self._result(stdout="skipped, since %s exists" % self.creates, msg=said)
        if self.removes and not glob.glob(self.removes):
            said = "%s not run command since '%s' does not exist" % (would, self.removes)
            return self._result(stdout="skipped, since %s does not exist" % self.removes, msg=said)
        if not self.check_mode:
            return None
        result = self._result(msg="Command would have run if not in check mode", changed=True)
        if self.creates is None and self.removes is None:
            result.update(skipped=True, changed=False)
        return result

    @property
    def _program(self) -> list[str]:
        if self.shell is not None:
            return [self.executable or "/bin/sh", "-c", self.shell]
        if self._flag("expand_argument_vars"):
            return [os.path.expanduser(os.path.expandvars(part)) for part in self.argv]
        return self.argv

    def _popen(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [part.encode("utf-8", "surrogateescape") for part in self._program],
            stdin=subprocess.DEVNULL if self.data is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )

    def ended(  # a program's end is these five facts
        self,
        rc: int,
        stdout: bytes,
        stderr: bytes,
        *,
        started: dt.datetime,
        ended: dt.datetime,
    ) -> dict[str, object]:
        """Give the module's result for a program that ran to its end."""
        out, err = (text.decode("utf-8", "surrogateescape") for text in (stdout, stderr))
        if self.strips:
            out, err = out.rstrip("\r\n"), err.rstrip("\r\n")
        result = self._result(rc=rc, stdout=out, changed=True)
        result.update(stderr=err, start=str(started), end=str(ended), delta=str(ended - started))
        if rc != 0:
            result.update(failed=True, msg="non-zero return code")
        return self._finished(result)

    def not_started(self, number: int) -> dict[str, object]:
        """Give the module's result for a program that the errno *number* kept from starting."""
        program = os.fsencode(self._program[0])
        return self._could_not(OSError(number, os.strerror(number), program), number)

    def _result(
        self, rc: int | None = 0, stdout: str = "", msg: str = "", *, changed: bool = False
    ) -> dict[str, object]:
        return {
            "changed": changed,
            "stdout": stdout,
            "stderr": "",
            "rc": rc,
            "cmd": self.argv if self.shell is None else self.shell,
            "start": None,
            "end": None,
            "delta": None,
            "msg": msg,
        }

    def _could_not(self, error: Exception, rc: int) -> dict[str, object]:
        result: dict[str, object] = {"rc": rc, "stdout": "", "stderr": ""}
        result["cmd"] = " ".join(shlex.quote(part) for part in _without_secrets(self._program))
        return self._said(result, "Error executing command.", error)

    def _said(self, result: dict[str, object], said: str, error: Exception) -> dict[str, object]:
        result.update(failed=True, msg=said, exception=_summary(said, str(error)))
        return self._finished(result)

    def _finished(self, result: dict[str, object]) -> dict[str, object]:
        result["invocation"] = {"module_args": self._invocation()}
        if self._warnings:
            result["warnings"] = [
                {"event": _event(text), "__ansible_type": "WarningSummary"}
                for text in self._warnings
            ]
        return result

    def _invocation(self) -> dict[str, object]:
        """Give the arguments as the module would report them."""
        written = self._text("written") or self.shell
        return {
            "_raw_params": written,
            "_uses_shell": self.shell is not None,
            "expand_argument_vars": self._flag("expand_argument_vars"),
            "stdin_add_newline": self._flag("stdin_add_newline"),
            "strip_empty_ends": self._flag("strip_empty_ends"),
            "cmd": None,
            "argv": self.argv if written is None else None,
            "chdir": self.chdir,
            "executable": self.executable,
            "creates": self.creates,
            "removes": self.removes,
            "stdin": self._text("stdin"),
        }


def _summary(said: str, reason: str) -> dict[str, object]:
    """Give an error with its cause in the form modules send them."""
    chain = {
        "msg_reason": "<<< caused by >>>",
        "traceback_reason": "The above exception was the direct cause of the following error:",
        "event": _event(reason),
        "follow": True,
        "__ansible_type": "EventChain",
    }
    return {"event": {**_event(said), "chain": chain}, "__ansible_type": "ErrorSummary"}


def _event(text: str) -> dict[str, object]:
    return {"msg": text, "__ansible_type": "Event"}


def _without_secrets(program: list[str]) -> Iterator[str]:
    """Give the words of *program* with what looks like a password starred out."""
    hidden = False
    for part in program:
        if hidden:
            hidden = False
            yield "********"
        elif _PASSWORD.match(part) and "=" in part:
            yield part.partition("=")[0] + "=********"
        else:
            hidden = bool(_PASSWORD.match(part))
            yield _starred(part)


def _starred(text: str) -> str:
    """Star out what may be the password of `user:password@host`, in a URL or not."""
    at = text.rfind("@")
    begin = max(text.rfind("://", 0, max(at, 0)), 0)
    while at > 0:
        colon = text.find(":", begin + len("://"), at)
        if colon >= 0:
            return _starred(text[:begin]) + text[begin : colon + 1] + "********" + text[at:]
        if begin == 0:
            break
        begin = max(text.rfind("://", 0, begin), 0)
    return text
