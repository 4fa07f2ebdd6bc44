"""What the programs of a module print, told while the module still collects it.

Knows `AnsibleModule.run_command`, through which modules run programs, and which of what they
print is secret: the values that the module itself would mask in its result. What a module
runs in any other way is its own business. Leaves keeping it to the supervisor at the other
end of the pipes. A module that starts itself again under another Python takes this file along,
so it imports nothing of ours.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

OUT, ERR = 3, 4
"""The descriptors on which a supervisor listens for what a module's programs print."""
NAME = "outlast_teeing"
"""What this module is called under another Python."""
_MASK = b"********"
_BEGIN = '\nif __name__ == "__main__":\n'
"""Before what follows in the program that a module starts itself again with."""
_FIRST = """
import sys
sys.path.insert(0, %r)
from ansible.module_utils import basic
import outlast_teeing
outlast_teeing.tee(basic)
"""


def tee(basic: Any) -> None:
    """Have `run_command` of *basic* pass on to `OUT` and `ERR` what it reads.

    *basic* is the imported `ansible.module_utils.basic`.
    """
    for fd in (OUT, ERR):
        os.set_inheritable(fd, False)  # noqa: FBT003  # what goes on after the module has its own output
    run_command = basic.AnsibleModule.run_command.__code__

    class Popen(subprocess.Popen):  # type: ignore[type-arg]  # as it is in Python 3.8
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            caller = sys._getframe(1)  # noqa: SLF001  # modules may find this class by basic's name
            if caller.f_code is run_command and self.stdout and self.stderr:
                secrets = _secrets(caller.f_locals["self"])
                self.stdout = Overheard(self.stdout, OUT, secrets)  # type: ignore[assignment]
                self.stderr = Overheard(self.stderr, ERR, secrets)  # type: ignore[assignment]

    basic.subprocess = _subprocess_with(Popen=Popen)


def tee_again(respawn: Any, library: str) -> None:
    """Have the same done under the Python by which *respawn* starts a module again.

    *respawn* is the imported `ansible.module_utils.common.respawn`; *library* is the folder
    where that Python finds this file as `NAME`.
    """
    respawn_module = respawn.respawn_module.__code__
    own = respawn._respawn  # noqa: SLF001  # there is no public way
    payload = own.create_payload

    def call(*args: Any, **kwargs: Any) -> int:
        if sys._getframe(1).f_code is respawn_module:  # noqa: SLF001  # it uses this for other calls as well
            kwargs["pass_fds"] = (OUT, ERR)
        return subprocess.call(*args, **kwargs)

    respawn.subprocess = _subprocess_with(call=call)
    own.create_payload = lambda: payload().replace(_BEGIN, _FIRST % library + _BEGIN, 1)


def _subprocess_with(**changed: Any) -> ModuleType:
    stand_in = ModuleType("subprocess")
    stand_in.__dict__.update(vars(subprocess), **changed)
    return stand_in


def _secrets(module: Any) -> list[bytes]:
    values = (str(value) for value in module.no_log_values)
    return [value.encode("utf-8", "surrogateescape") for value in values if value]


class Overheard:
    """A program's output that is passed on to *fd* as it is read."""

    def __init__(self, source: Any, fd: int, secrets: Iterable[bytes]) -> None:
        self._source = source
        self._fd = fd
        self._mask = Mask(secrets)

    def read(self, size: int = -1) -> bytes | None:
        """Read from the program; what comes is passed on."""
        block: bytes | None = self._source.read(size)
        if block is not None:
            self._pass_on(self._mask.masked(block) if block else self._mask.rest())
        return block

    def close(self) -> None:
        """Read no more."""
        self._pass_on(self._mask.rest())
        self._source.close()

    def _pass_on(self, block: bytes) -> None:
        try:
            while block and self._fd >= 0:
                block = block[os.write(self._fd, block) :]
        except OSError:
            self._fd = -1  # nobody listens any more: no reason for the module to fail

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


class Mask:
    """Puts stars in the place of secrets in a stream, wherever its blocks are cut."""

    def __init__(self, secrets: Iterable[bytes]) -> None:
        longest_first = sorted(secrets, key=len, reverse=True)
        self._secrets = longest_first
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)))
        self._held = b""
        """What may be the beginning of a secret."""

    def masked(self, block: bytes) -> bytes:
        """Give what is known to be harmless by now."""
        if not self._secrets:
            return block
        text = self._held + block
        end = len(text) - self._beginning(text)
        for match in self._pattern.finditer(text):
            if match.start() < end < match.end():
                end = match.start()
        self._held = text[end:]
        return self._pattern.sub(_MASK, text[:end])

    def _beginning(self, text: bytes) -> int:
        """Give the bytes at the end of *text* with which a longer secret may begin."""
        most = min(len(self._secrets[0]) - 1, len(text))
        tails = (text[len(text) - size :] for size in range(most, 0, -1))
        held = (t for t in tails if any(len(s) > len(t) and s.startswith(t) for s in self._secrets))
        return len(next(held, b""))

    def rest(self) -> bytes:
        """Give what was held back: nothing more comes."""
        held, self._held = self._held, b""
        return self._pattern.sub(_MASK, held) if self._secrets else held
