"""Op `become`: an agent of another user, relayed over the same pipe.

Knows how sudo and su are called, how they ask for a password and how they say no: all as
stock knows it. The password goes from the request into their stdin or terminal, nowhere
else. What the other agent says is streamed as it is; its frames are the controller's business.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys

from outlast_agent import bootstrap
from outlast_agent.agent import Agent
from outlast_agent.channel import Inbox
from outlast_agent.loop import exit_code
from outlast_agent.processes import Ending, close_descriptors
from outlast_agent.request import Refused, Request

_SU_PROMPTS = (
    *("Password", "암호", "パスワード", "Adgangskode", "Contraseña", "Contrasenya", "Hasło"),
    *("Heslo", "Jelszó", "Lösenord", "Mật khẩu", "Mot de passe", "Parola", "Parool", "Pasahitza"),
    *("Passord", "Passwort", "Salasana", "Sandi", "Senha", "Wachtwoord", "ססמה", "Лозинка"),
    *("Парола", "Пароль", "गुप्तशब्द", "शब्दकूट", "సంకేతపదము", "හස්පදය", "密码", "密碼", "口令"),
)
_WRONG = {"sudo": "Sorry, try again.", "su": "Authentication failure"}
_MISSING = ("Sorry, a password is required to run sudo", "sudo: a password is required")
_SPOKEN = 16 * 1024
"""What is kept of what sudo or su say."""


def become(agent: Agent, request: Request) -> None:
    """Start an agent as `user` by `method` (`exe`, `flags`, `password`, `chdir`, `prompts`).

    Streams what it says after its first word, `word`; answered when it has ended.
    """
    if request.text("method") not in _WRONG:
        raise Refused("unknown become method %r" % request.text("method"))
    _Becoming(agent, request).start()


def command_line(request: Request, inner: str, prompt: str) -> str:
    """Give the line for sh that runs *inner* (for sh) as the other user."""
    exe, flags, user = (request.text(name) for name in ("exe", "flags", "user"))
    shell = "/bin/sh -c %s" % shlex.quote(inner)
    if request.text("method") == "su":
        return "exec %s %s %s -c %s" % (exe, flags, user, shlex.quote(shell))
    ask = ""
    if request.body.get("password"):
        flags = _without_n(flags)
        ask = '-p "%s" ' % prompt
    chdir = request.body.get("chdir")
    go = "cd %s && " % shlex.quote(str(chdir)) if chdir else ""
    return "%sexec %s %s %s-u %s %s" % (go, exe, flags, ask, user, shell)


def _without_n(flags: str) -> str:
    """Have sudo ask: -n, alone or among others, forbids it."""
    kept = []
    for flag in shlex.split(flags):
        if flag in ("-n", "--non-interactive"):
            continue
        kept.append(flag if flag.startswith("--") else re.sub(r"^(-\w*)n(\w*.*)", r"\1\2", flag))
    return " ".join(map(shlex.quote, kept))


class _Becoming:
    """One other identity, from the question for a password to its end."""

    def __init__(self, agent: Agent, request: Request) -> None:
        self._agent = agent
        self._request = request
        self._method = request.text("method")
        password = request.body.get("password")
        self._password = None if password is None else str(password)
        self._word = request.text("word")
        self._prompt = "[sudo via ansible, key=%s] password:" % self._word.lower()
        self._said = ""
        self._heard = b""
        self._through = False
        self._relaying = False
        self._asked = 0
        self._socket: socket.socket | None = None
        self._ending: Ending | None = None

    def start(self) -> None:
        """Run sudo or su, and watch it."""
        options: dict[str, object] = dict(self._agent.options)
        python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
        program = bootstrap.stub(self._word, self._agent.bundle, options)
        words = "exec %s -c %s %s" % (python, shlex.quote(program), shlex.quote(python))
        begin = self._on_terminal if self._method == "su" else self._on_pipes
        pid, send, receive, talk = begin("echo %s in; %s" % (self._word, words))
        loop = self._agent.loop
        self._to_child = self._agent.outbox(send)
        self._from_child = Inbox(loop, receive, self._hear, _nothing)
        self._talk_in = Inbox(loop, talk, self._listen, _nothing)
        self._talk_fd = talk if self._method == "su" else None
        self._request.on_stream = self._pass_on
        self._request.on_cancel = self._hang_up
        seconds = 2 + self._request.number("timeout")
        self._timer = loop.call_later(seconds, lambda: self._give_up(seconds))
        self._pid = pid
        loop.when_exited(pid, self._exited)

    def _on_pipes(self, inner: str) -> tuple[int, int, int, int]:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command_line(self._request, inner, self._prompt)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        process.returncode = 0  # the loop waits for it
        streams = (process.stdin, process.stdout, process.stderr)
        send, receive, talk = (os.dup(stream.fileno()) for stream in streams if stream is not None)
        for stream in streams:
            if stream is not None:
                stream.close()
        return process.pid, send, receive, talk

    def _on_terminal(self, inner: str) -> tuple[int, int, int, int]:
        """Su reads the password from a terminal; the frames go by a socket on its stdout."""
        import pty

        line = command_line(self._request, inner + " <&1", self._prompt)
        ours, theirs = socket.socketpair()
        pid, terminal = pty.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE):
                    signal.signal(number, signal.SIG_DFL)
                os.dup2(theirs.fileno(), 1)
                close_descriptors()
                os.execv("/bin/sh", ["/bin/sh", "-c", line])  # noqa: S606  # the line is stock's
            finally:
                os._exit(127)
        theirs.close()
        self._socket = ours
        return pid, os.dup(ours.fileno()), os.dup(ours.fileno()), terminal

    # -- what sudo and su say

    def _listen(self, data: bytes) -> None:
        if self._through:
            return  # the other agent's stderr; nobody is to be bothered with it
        self._said = (self._said + data.decode("utf-8", "replace"))[-_SPOKEN:]
        if _WRONG[self._method] in self._said:
            self._refuse("Incorrect %s password" % self._method)
        elif self._method == "sudo" and any(text in self._said for text in _MISSING):
            self._refuse("Missing sudo password")
        elif self._prompts() > self._asked:
            self._asked += 1
            self._answer()

    def _prompts(self) -> int:
        """Count the questions for a password so far."""
        if self._method == "sudo":
            return self._said.count(self._prompt)
        own = self._request.body.get("prompts")
        words = own if isinstance(own, list) and own else _SU_PROMPTS
        pattern = r"(?:%s)\s*[:：]" % "|".join(re.escape(str(word)) for word in words)  # noqa: RUF001  # the colon of Chinese
        return len(re.findall(pattern, self._said, re.IGNORECASE))

    def _answer(self) -> None:
        if self._password is None:
            self._refuse("Missing %s password" % self._method)
        elif self._asked > 1:
            self._refuse("Incorrect %s password" % self._method)
        elif self._talk_fd is not None:
            os.write(self._talk_fd, self._password.encode() + b"\n")
        else:
            self._to_child.send([self._password.encode() + b"\n"])

    def _refuse(self, message: str, kind: str = "failed") -> None:
        self._request.fail(message, kind)
        self._ending = Ending(self._agent.loop, self._pid)
        self._close()

    def _give_up(self, seconds: float) -> None:
        if not self._through:
            said = self._without_password(self._said)
            text = "Timeout (%ds) waiting for privilege escalation prompt: %s" % (seconds, said)
            self._refuse(text, "unreachable")

    def _without_password(self, text: str) -> str:
        return text.replace(self._password, "********") if self._password else text

    # -- what the other agent says

    def _hear(self, data: bytes) -> None:
        if self._relaying:
            self._request.stream(data)
            self._agent.relieve(self._from_child)
            return
        self._heard += data
        if not self._through and self._line("in") is not None:
            self._through = True
            self._timer.cancel()
            self._to_child.send([self._agent.bundle])
        old = self._line("old")
        if old is not None:
            self._refuse(
                "ansible-core requires a minimum of Python version 3.8. Current version: %s" % old
            )
        elif self._line("ok") is not None:
            rest = self._heard.partition(b" ok \n")[2]
            self._relaying = True
            if rest:
                self._hear(rest)

    def _line(self, what: str) -> str | None:
        """Give what follows the word and *what* on its line, once the line is whole."""
        start = self._heard.find(("%s %s" % (self._word, what)).encode())
        end = self._heard.find(b"\n", start)
        if start < 0 or end < 0:
            return None
        return self._heard[start:end].decode().split(" ", 2)[-1]

    def _pass_on(self, data: bytes) -> None:
        self._to_child.send([data])
        self._agent.hold_for(self._to_child)

    # -- the end

    def _hang_up(self) -> None:
        """Have the other agent read its pipe's end: then it leaves in good order."""
        self._to_child.finish()
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_WR)

    def _exited(self, status: int) -> None:
        if self._ending is not None:
            self._ending.when_over(_nothing)
            return
        for inbox in (self._from_child, self._talk_in):
            inbox.drain()
        code = exit_code(status)
        if self._relaying:
            self._request.reply({"rc": code})
        else:
            said = self._without_password(self._said).strip() or "it said nothing"
            who = "%s to %s" % (self._method, self._request.text("user"))
            self._request.fail("%s failed (rc %d): %s" % (who, code, said))
        self._close()

    def _close(self) -> None:
        self._timer.cancel()
        self._to_child.close()
        self._from_child.close()
        self._talk_in.close()
        if self._socket is not None:
            self._socket.close()


def _nothing() -> None:
    """Have the end of a stream mean nothing: the process's end counts."""
