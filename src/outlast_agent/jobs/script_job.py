"""A program that runs as a job and needs a file of the controller's: a script.

Knows where in the job's own folder the file lies, which the supervisor has put there, and that
the program is to find everything as if it had been started without us. Leaves what the
command line says to `commands`, and watching over it to `supervision`, whose child
it is.
"""

from __future__ import annotations

import os
import signal

from outlast_agent import spool

FOLDER = "given-script"
"""Where in the job's own folder its file lies."""
NEEDED = ("spool", "jobs.script_job")
"""The modules of this package that such a process needs."""
BEGIN = "sys.modules['outlast_agent.jobs.script_job'].run(work)\n"


def run(work: dict[str, object]) -> None:
    """Become the program that *work* describes, its file in place."""
    argv, environment = work["argv"], work["environment"]
    assert isinstance(argv, list) and isinstance(environment, dict)  # noqa: S101, PT018  # as written by orders
    # The supervisor, whose pid is part of the job's id, is our parent.
    entry = spool.Entry(str(work["folder"]), "%s.%d" % (work["jid"], os.getppid()))
    folder = entry.path(FOLDER)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and exec would keep that
    line = [word.replace(str(work["stands_as"]), folder + "/") for word in argv]
    os.execve(line[0], line, environment)  # noqa: S606  # the user's choice
