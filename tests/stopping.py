"""Our own processes, made so that they are killed before a given step: for tests of crashes.

A step is a call by which a process changes the world or speaks to another one. What is handed
to a host travels as text, so a test hands it a text with a hook behind it; nothing of it is
part of the program. The number of the step is in the job's name: `step12` is killed before
its twelfth, and a job of another name not at all.
"""

from __future__ import annotations

import os
from pathlib import Path

from job_host import wait_until

from outlast.transport.bootstrap import sources

_CALLS = (
    *("mkdir", "chmod", "open", "fchmod", "write", "fsync", "rename", "unlink", "rmdir"),
    *("truncate", "ftruncate", "fork", "setsid", "dup2", "pipe", "kill"),
)
_HOOK = """

def _stopped(number, told):
    import os as _os
    me, steps, write, kill, create = _os.getpid(), [0], _os.write, _os.kill, _os.open
    def counted(name, call):
        def step(*words, **named):
            reads = name == "open" and not words[1] & (_os.O_WRONLY | _os.O_RDWR | _os.O_CREAT)
            if _os.getpid() == me and not reads:
                steps[0] += 1
                if steps[0] == number:
                    said = "%%d %%s %%s" %% (me, name, words[:2])
                    fd = create(told + ".tmp", _os.O_WRONLY | _os.O_CREAT, 0o600)
                    write(fd, said.encode())
                    rename(told + ".tmp", told)
                    kill(me, 9)
            return call(*words, **named)
        return step
    rename = _os.rename
    for name in %(calls)r:
        setattr(_os, name, counted(name, getattr(_os, name)))

_unharmed = %(function)s
def _harmed(*words):
    given = words[%(place)d]
    jid = str(%(jid)s)
    if jid.startswith("step"):
        _stopped(int(jid[4:]), %(told)r)
    return _unharmed(*words)
%(function)s = _harmed
"""
ROLES = {
    "spawner": ("supervision.spawner", "Spawner.launch", 1, 'given["jid"]'),
    "go-between": ("supervision.spawner", "Spawner._let_go", 1, 'given["jid"]'),
    "supervisor": ("supervision.supervising", "supervise", 0, 'given["jid"]'),
    "agent": ("jobs.start", "start", 1, 'given.body["jid"]'),
    "module": ("jobs.module_job", "run", 0, 'given["jid"]'),
}
"""Who can be stopped: its module, the function that begins its work, and where that function
finds the name of the job."""


def stopping(role: str, told: Path) -> dict[str, str]:
    """Give the module whose text differs, so that *role* says in *told* where it was killed."""
    module, function, place, jid = ROLES[role]
    hook = {"function": function, "place": place, "jid": jid, "calls": _CALLS, "told": str(told)}
    return {module: sources()[module] + _HOOK % hook}


def processes_of(folder: Path) -> list[int]:
    """Give the living processes whose command line or environment names *folder*."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = process.joinpath("cmdline").read_bytes()
            words += process.joinpath("environ").read_bytes()
        except OSError:
            continue  # gone meanwhile, or another user's
        if os.fsencode(folder) in words and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def wait_for_quiet(folder: Path) -> None:
    """Wait until no process has to do with *folder*: nothing is left of what was started."""
    wait_until(lambda: not processes_of(folder))
