"""Where a job's records lie on the host, and how they are written so that they are never half.

    ASYNC_DIR/JID                      the JSON stock Ansible writes there, and nothing else
    ASYNC_DIR/.outlast/JID/job.json    what runs, for whom, since when, under which supervisor
    ASYNC_DIR/.outlast/JID/stdout      output as it comes; stderr beside it
    ASYNC_DIR/.outlast/JID/turns       which of the two spoke when, if both did (see `output`)
    ASYNC_DIR/.outlast/JID/answer      what a module itself prints, its JSON; `complaints` beside
                                       it: its stderr. stdout and stderr are its programs' then
    ASYNC_DIR/.outlast/JID/child       pid and start time of the job's own process
    ASYNC_DIR/.outlast/JID/grace       seconds it has to end itself, if somebody cancelled it
    ASYNC_DIR/.outlast/JID/end.json    how it ended

What lies beside the folders of the jobs belongs to all of them: see `supervision.admission`.

Knows names, modes, trust and durability. Leaves what the records say to `supervision` (which
writes) and `jobs` (which reads). It is part of every supervisor, one per running job, so it
imports nothing that costs memory.
"""

from __future__ import annotations

import errno
import os
from _collections_abc import Iterable

PRIVATE = ".outlast"
TITLE = "outlast-job"
"""What `ps` shows of a supervisor; at most 15 letters."""
PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
_STARTTIME = 19  # of what `process_fields` gives
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


CAUSES = (
    "exited",  # by itself, and well
    "failed",  # by itself, and not well; or it could not be started
    "signalled",
    "limit",
    "idle",
    "cancelled",
    "out_of_memory",  # the kernel said that it killed it for that
    "lost",  # its supervisor is gone, and has left no end
)
"""Why a job has ended: `cause` in end.json, and `outlast_cause` in results of our own words."""


class SpoolRefused(Exception):
    """The job must not be started: its records would be unsafe or could not be kept."""


class Entry:
    """The files of one job."""

    def __init__(self, folder: str, jid: str) -> None:
        self.folder = folder
        self.jid = jid
        self.results_file = os.path.join(folder, jid)
        self.private = os.path.join(folder, PRIVATE, jid)

    def path(self, name: str) -> str:
        """Give the path of one of the job's own records."""
        return os.path.join(self.private, name)

    def running_text(self) -> str:
        """Give the JSON that stock's wrapper writes while a job runs."""
        return '{"started": true, "finished": false, "ansible_job_id": "%s"}' % self.jid


def expand(async_dir: str) -> str:
    """Give the spool folder, `~` being the home of the user this process runs as."""
    return os.path.abspath(os.path.expanduser(async_dir))


def open_folder(folder: str) -> None:
    """Make the spool folder and our part of it; raise `SpoolRefused` if it is not to be trusted."""
    _make_folder(folder)
    _trust(folder, (0, os.geteuid()))
    ours = os.path.join(folder, PRIVATE)
    try:
        if not os.path.lexists(ours):
            _private_folder(ours)
    except FileExistsError:
        pass  # another job was started at the same moment
    except OSError as error:
        raise SpoolRefused(_unusable(folder, _reason(error))) from error
    _trust(ours, (os.geteuid(),), follow=False)
    os.chmod(ours, PRIVATE_FOLDER)


def _make_folder(folder: str) -> None:
    if os.path.isdir(folder):
        return
    mask = os.umask(0o022)  # the folders above it are the user's; only the last is ours to close
    try:
        above = known = os.path.dirname(folder)
        while not os.path.isdir(known):
            known = os.path.dirname(known)
        os.makedirs(above, exist_ok=True)
        _private_folder(folder)
        _sync_folders(above, known)
    except OSError as error:
        if not (error.errno == errno.EEXIST and os.path.isdir(folder)):
            # The sentence is stock's.
            raise SpoolRefused("could not create directory: %s - %s" % (folder, error)) from error
    finally:
        os.umask(mask)


def _sync_folders(path: str, known: str) -> None:
    """Get to the disk what is new in *path*, and in the folders above it up to *known*."""
    while True:
        try:  # noqa: SIM105  # see `forget`
            sync_folder(path)
        except PermissionError:
            pass  # one may write to it and not read it: its owner has chosen so
        if path == known:
            return
        path = os.path.dirname(path)


def _private_folder(path: str) -> None:
    os.mkdir(path, PRIVATE_FOLDER)
    os.chmod(path, PRIVATE_FOLDER)  # a umask may have taken our own rights away


def _trust(path: str, owners: tuple[int, ...], *, follow: bool = True) -> None:
    """Refuse a folder that somebody else made for us, or a link that somebody else laid."""
    found = os.lstat(path)
    is_link = os.path.islink(path)
    if is_link and not follow:
        raise SpoolRefused(_unusable(path, "it is a symbolic link"))
    if found.st_uid not in owners:
        what = "a symbolic link that belongs" if is_link else "it belongs"
        raise SpoolRefused(_unusable(path, "%s to another user (uid %d)" % (what, found.st_uid)))
    if is_link:
        target = os.stat(path)
        if target.st_uid not in owners:
            raise SpoolRefused(
                _unusable(path, "it leads to a folder of another user (uid %d)" % target.st_uid)
            )


def _unusable(path: str, reason: str) -> str:
    return "could not use the job folder %s: %s" % (path, reason)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def record_start(entry: Entry, facts: str, streams: tuple[str, ...] = ("stdout", "stderr")) -> None:
    """Make a new job's records and get them to the disk; raise `SpoolRefused` if that fails.

    *facts* is the text of job.json, *streams* are the files its output goes to. When this
    returns, the job is known to whoever looks, even if the power fails in the next moment.
    """
    try:
        _private_folder(entry.private)
    except OSError as error:  # another job's, if it is there: not ours to remove
        raise SpoolRefused(_unusable(entry.private, _reason(error))) from error
    try:
        put(entry.path("job.json"), facts)
        for name in streams:
            os.close(_private_file(entry.path(name)))
        # Before stock's file, which says by itself that a job runs: nobody could ever tell that
        # one without our records had ended.
        for folder in (entry.private, os.path.dirname(entry.private)):
            sync_folder(folder)
        put(entry.results_file, entry.running_text())
        sync_folder(entry.folder)
    except OSError as error:
        forget(entry)
        raise SpoolRefused(_unusable(entry.folder, _reason(error))) from error


def take_in(entry: Entry, files: list[tuple[str, str]]) -> None:
    """Move (path, name) each into a folder of that name in the job's own; raise `SpoolRefused`.

    What a job needs must not go with the agent, and may be too much to be read.
    """
    try:
        for path, name in files:
            _private_folder(entry.path(name))
            _move(path, os.path.join(entry.path(name), os.path.basename(path)))
    except OSError as error:
        for path, name in files:
            _remove(os.path.join(entry.path(name), os.path.basename(path)))
            if os.path.isdir(entry.path(name)):
                os.rmdir(entry.path(name))
        forget(entry)
        raise SpoolRefused(_unusable(entry.folder, _reason(error))) from error


def _move(path: str, to: str) -> None:
    try:
        os.rename(path, to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    else:
        return
    source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    target = _private_file(to)
    try:
        while block := os.read(source, 1 << 20):
            write_all(target, block)
    finally:
        os.close(source)
        os.close(target)
    os.unlink(path)


def open_new(path: str) -> int:
    """Make a file of our own and open it to append to it."""
    return os.open(path, _NEW | os.O_APPEND, PRIVATE_FILE)


def open_output(entry: Entry, name: str) -> int:
    """Open a stream's file to append to it."""
    return os.open(
        entry.path(name), os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE
    )


def put(path: str, text: str) -> None:
    """Make *path* hold exactly *text* or what it held before, whatever happens meanwhile."""
    put_pieces(path, (text.encode("utf-8", "surrogateescape"),))


def put_pieces(path: str, pieces: Iterable[bytes]) -> None:
    """Do the same with a text that is not in memory as a whole."""
    aside = path + ".tmp"
    fd = _private_file(aside)
    try:
        try:
            for piece in pieces:
                write_all(fd, piece)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(aside, path)
    except OSError:
        _remove(aside)
        raise


def _private_file(path: str) -> int:
    try:
        fd = os.open(path, _NEW, PRIVATE_FILE)
    except FileExistsError:
        # Left by a crash, or planted; either way the name goes, nothing is followed.
        os.unlink(path)
        fd = os.open(path, _NEW, PRIVATE_FILE)
    os.fchmod(fd, PRIVATE_FILE)
    return fd


def write_all(fd: int, content: bytes) -> None:
    """Write all of *content*, however little the kernel takes at a time."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def sync_folder(path: str) -> None:
    """Get a folder's names to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.EROFS):
            raise  # those three: a filesystem that cannot sync folders, and need not
    finally:
        os.close(fd)


def forget(entry: Entry) -> None:
    """Remove whatever there is of a job."""
    _remove(entry.results_file)
    _remove(entry.results_file + ".tmp")
    try:
        names = os.listdir(entry.private)
    except OSError:
        return
    for name in names:
        _remove(entry.path(name))
    try:  # noqa: SIM105  # contextlib would cost every running job a third of a megabyte
        os.rmdir(entry.private)
    except OSError:
        pass  # the supervisor may just have written its end there; it is found at the next look


def _remove(path: str) -> None:
    try:  # noqa: SIM105  # see `forget`
        os.unlink(path)
    except OSError:
        pass


def boot_id() -> str:
    """Tell this boot of the host from every other; empty where the host does not say."""
    return first_line("/proc/sys/kernel/random/boot_id")


def process_start(pid: int) -> int:
    """Give when a living process began, in ticks since boot; 0 if it is gone or unknown.

    With the pid it names a process for ever: pids come again, this pair does not.
    """
    fields = process_fields(pid)
    if not fields or fields[0] in ("Z", "X"):
        return 0
    return int(fields[_STARTTIME])


def process_fields(pid: int) -> list[str]:
    """Give /proc/PID/stat from the state on (state, ppid, pgrp, session, ...); empty if gone."""
    return first_line("/proc/%d/stat" % pid).rpartition(")")[2].split()


def first_line(path: str) -> str:
    """Give what a small file says; empty when there is none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(fd, 4096).decode("utf-8", "replace").strip()
    except OSError:
        return ""  # the process went away between the two calls
    finally:
        os.close(fd)
