"""A module that runs as a job: a Python of its own, fed through a pipe.

Knows how it gets the module, what it imports and its arguments, none of which may stand in
argv, in the environment or in a file that others can read. Leaves running the module to
`finder`, telling what its programs print to `teeing`, and watching over it to
`supervision`, whose child it is.
"""

from __future__ import annotations

import os
import sys
import zlib
from importlib import import_module

from outlast_agent import spool

NEEDED = (
    "spool",
    "loop",
    "channel",
    "marks",
    "processes",
    "finder",
    "foreign",
    "jobs.teeing",
    "jobs.module_job",
)
"""The modules of this package that such a process needs."""
_RESPAWN = "ansible.module_utils.common.respawn"
BEGIN = "sys.modules['outlast_agent.jobs.module_job'].run(work)\n"


def run(work: dict[str, object]) -> None:
    """Run the module that *work* describes in this process, and exit as it does."""
    from outlast_agent import finder, processes
    from outlast_agent.jobs import teeing

    if sys.path and sys.path[0] == "":
        del sys.path[0]  # what lies in the current folder is nobody's module
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    processes.find_footing()
    files, sources, args, given = (work[n] for n in ("files", "sources", "args", "given"))
    assert isinstance(files, dict) and isinstance(sources, dict)  # noqa: S101, PT018  # as written by orders
    assert isinstance(args, dict) and isinstance(given, dict)  # noqa: S101, PT018
    # The supervisor, whose pid is part of the job's id, is our parent.
    entry = spool.Entry(str(work["folder"]), "%s.%d" % (work["jid"], os.getppid()))
    args.update({name: entry.path(place) for name, place in given.items()})
    if work["program"]:
        os._exit(_become(entry, work))
    library = finder.NOWHERE
    if work["on_disk"]:
        library = _folder(entry, "library")
        finder.materialise(files, sources, library)

    def change(basic: object) -> None:
        teeing.tee(basic)
        if work["on_disk"]:  # because it may start itself again
            teeing.tee_again(import_module(_RESPAWN), library)

    found = finder.ModuleFinder(files, sources, library)
    code = finder.run_module(found, str(work["main"]), args, change)
    os._exit(code)  # what the module left running in threads is not waited for


def _become(entry: spool.Entry, work: dict[str, object]) -> int:
    """Become the program that the module is; gives an exit code if that fails."""
    from outlast_agent import foreign

    files, sources, interpreter = work["files"], work["sources"], work["interpreter"]
    program, args = work["program"], work["args"]
    assert isinstance(files, dict) and isinstance(sources, dict)  # noqa: S101, PT018  # as written by orders
    assert isinstance(program, dict) and isinstance(args, dict)  # noqa: S101, PT018
    assert isinstance(interpreter, list)  # noqa: S101
    text = zlib.decompress(sources[files[str(work["main"])][1]])
    return foreign.become(program, text, interpreter, args, _folder(entry, "module"))


def _folder(entry: spool.Entry, name: str) -> str:
    """Give a new folder inside the job's own, which the supervisor removes."""
    path = entry.path(name)
    os.mkdir(path, 0o700)
    return path
