"""Whether one more job may be recorded: its name is free, and there is room for it.

    ASYNC_DIR/.outlast/lock             held while that is found out and the job is recorded
    ASYNC_DIR/.outlast/names/NAME.job   whose the name is: a job's id and a digest of what it runs

Knows that a name belongs to one job as long as that job's record is there, and how many jobs
run in a folder, whoever started them. The claim of a job that is gone, or whose supervisor was
killed before it had recorded it, counts for nothing, and is cleared away by the next. Leaves
the record to `spool`, and what is said of a name that is taken to `jobs.names`. It is part of
every supervisor, so it imports nothing that costs memory.
"""

from __future__ import annotations

import os

from outlast_agent import spool

TAKEN = "taken"
"""The name belongs to a job that runs something else."""
FULL = "full"
"""As many jobs run as may."""
_ENDING = ".job"
"""No claim's name ends as the file does that `spool.put` writes aside."""
_SIGNATURE = '"supervisor": {"pid": '
"""Cannot stand in a text of job.json: there its quotes are escaped."""


class Wish:
    """What a job asks for before it is started."""

    def __init__(self, fields: dict[str, object]) -> None:
        self.name = str(fields.get("label", ""))
        """Empty: it needs none."""
        self.content = str(fields.get("content", ""))
        most = fields.get("host_limit", 0)
        self.most = int(most) if isinstance(most, (int, float)) else 0
        """How many jobs may run in the folder with it; 0: any number."""


def record_start(
    entry: spool.Entry, facts: str, wish: Wish, streams: tuple[str, ...]
) -> tuple[str, str, str]:
    """Record a job if it may be started; gives (refusal, id, results file).

    *facts* and *streams* are for `spool.record_start`.
    The refusal is `TAKEN`, with the id of the job that has the name, or `FULL`. An id that is
    not the entry's is that of the job which is the same and is there already.
    """
    own = ("", entry.jid, entry.results_file)
    if not wish.name and not wish.most:
        spool.record_start(entry, facts, streams)
        return own
    lock = _locked(entry.folder)
    try:
        holder = _holder(entry.folder, wish.name) if wish.name else None
        if holder is not None:
            jid, content = holder
            same = content == wish.content
            return (
                ("", jid, spool.Entry(entry.folder, jid).results_file) if same else (TAKEN, jid, "")
            )
        if wish.most and len(running(entry.folder)) >= wish.most:
            return (FULL, "", "")
        if wish.name:
            _claim(entry, wish)  # before the record: whoever sees that sees the name taken
        spool.record_start(entry, facts, streams)
    finally:
        os.close(lock)
    return own


def _locked(folder: str) -> int:
    """Give the folder's lock, held until it is closed."""
    path = os.path.join(folder, spool.PRIVATE, "lock")
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    lock = os.open(path, flags, spool.PRIVATE_FILE)
    try:
        os.lockf(lock, os.F_LOCK, 0)
    except OSError:
        os.close(lock)
        raise
    return lock


# -- names ------------------------------------------------------------------------------------


def _names(folder: str) -> str:
    return os.path.join(folder, spool.PRIVATE, "names")


def _holder(folder: str, name: str) -> tuple[str, str] | None:
    """Give the job that has the name, and the digest of what it runs; None: it is free."""
    jid, _, content = spool.first_line(os.path.join(_names(folder), name + _ENDING)).partition(" ")
    return (jid, content) if _is_recorded(folder, jid) else None


def _is_recorded(folder: str, jid: str) -> bool:
    return bool(jid) and os.path.exists(spool.Entry(folder, jid).path("job.json"))


def _claim(entry: spool.Entry, wish: Wish) -> None:
    """Have the name belong to a job that is about to be recorded, on the disk."""
    names = _names(entry.folder)
    if os.path.isdir(names):
        _sweep(entry.folder, names)
    else:
        os.mkdir(names, spool.PRIVATE_FOLDER)
        os.chmod(names, spool.PRIVATE_FOLDER)
        spool.sync_folder(os.path.dirname(names))
    spool.put(os.path.join(names, wish.name + _ENDING), "%s %s\n" % (entry.jid, wish.content))
    spool.sync_folder(names)


def _sweep(folder: str, names: str) -> None:
    """Clear away what jobs that are gone have claimed."""
    for name in os.listdir(names):
        path = os.path.join(names, name)
        if not _is_recorded(folder, spool.first_line(path).partition(" ")[0]):
            os.unlink(path)


# -- room -------------------------------------------------------------------------------------


def running(folder: str) -> list[spool.Entry]:
    """Give the jobs of ours whose supervisors live."""
    try:
        jids = os.listdir(os.path.join(folder, spool.PRIVATE))
    except OSError:
        return []
    entries = [spool.Entry(folder, jid) for jid in jids if jid.rpartition(".")[2].isdigit()]
    boot = spool.boot_id()
    return [entry for entry in entries if _lives(entry, boot)]


def _lives(entry: spool.Entry, boot: str) -> bool:
    pid = int(entry.jid.rpartition(".")[2])
    start = spool.process_start(pid)
    if not start and not _exists_unseen(pid):
        return False  # most are over: nothing of theirs need be read
    try:
        with open(entry.path("job.json"), encoding="utf-8", errors="replace") as file:
            said = file.read().rpartition(_SIGNATURE)[2]
    except OSError:
        return False
    # Of a host without /proc: it knew no start then either, and this is 0.
    return said.startswith('%d, "start": %d}, "boot_id": "%s"' % (pid, start, boot))


def _exists_unseen(pid: int) -> bool:
    """Tell of a process where there is no /proc to see it in."""
    if os.path.exists("/proc/self"):
        return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
