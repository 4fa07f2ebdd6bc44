"""What was asked for on the command line of `outlast playbook`.

Knows stock's flags, by all their names, and which of them are settings that beat the
configured ones. Leaves doing it to `compose`. The parser is argparse because stock's is: an
abbreviated flag, a cluster of letters or a wrong word mean and say the same.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from msgspec import Struct
from msgspec.structs import replace

from outlast import __version__
from outlast.errors import OutlastError, SourceMissing
from outlast.settings import Settings

AtEnd: TypeAlias = Literal["leave", "wait", "cancel"]
"""What becomes of the jobs that run when the run is over."""
_USAGE: Final = 2
_YES: Final = frozenset(("1", "yes", "true", "on"))


class NotBuilt(OutlastError):
    """A flag of stock's that is not built here yet."""

    exit_code = _USAGE


class RunOptions(Struct, frozen=True, kw_only=True):
    """What is particular to this run; what may also be configured is in `Settings`."""

    playbooks: tuple[str, ...]
    """As they were named; each exists."""
    limit: str | None = None
    extra_vars: tuple[str, ...] = ()
    """As they were written: `k=v`, JSON or YAML, `@file`."""
    tags: tuple[str, ...] = ("all",)
    skip_tags: tuple[str, ...] = ()
    start_at_task: str | None = None
    step: bool = False
    check: bool = False
    syntax_check: bool = False
    list_hosts: bool = False
    list_tasks: bool = False
    list_tags: bool = False
    jobs: AtEnd | None = None
    """What becomes of jobs that run at the end; None: they are left, without a word to a pipe."""
    follow: bool = False
    """What a job says is shown while a task waits for it."""
    flush_cache: bool = False
    """Nothing that a cache keeps of a host counts."""
    strict_jobs: bool = False
    """Jobs that failed or were lost unseen make the run a failure."""
    ask_become_pass: bool = False
    become_password: str | None = None
    vault_ids: tuple[str, ...] = ()
    """As they were written: `id@prompt`, `id@file`."""
    vault_password_files: tuple[str, ...] = ()

    @property
    def only_looks(self) -> bool:
        """Tell whether nothing is to be run."""
        return self.syntax_check or self.list_hosts or self.list_tasks or self.list_tags

    def __repr__(self) -> str:
        return f"RunOptions({', '.join(self.playbooks)})"  # the password is nobody's business


def parse(argv: Sequence[str], configured: Settings) -> tuple[RunOptions, Settings]:
    """Give the options in *argv* and the settings with flags on top.

    Wrong usage leaves the program with code 2, as stock does. Raises `NotBuilt` for a flag
    that stock has and we have not, `SourceMissing` for a playbook that is not there.
    """
    parser = _parser()
    given = parser.parse_intermixed_args(list(argv))
    for name, spelling in _NOT_BUILT.items():
        if getattr(given, name):
            raise NotBuilt(f"{spelling} is not supported yet.")
    settings = _with_flags(configured, given)
    if settings.forks < 1:
        parser.error("The number of processes (--forks) must be >= 1")
    for playbook in given.playbooks:
        if not _FULL_NAME.fullmatch(playbook):  # it may be a collection's: that is seen later
            must_be_a_file(playbook)
    return _options(given, settings), settings


def _options(given: argparse.Namespace, settings: Settings) -> RunOptions:
    tags = settings.tags + _split(given.tags)  # a flag adds to the setting, as in stock
    skip_tags = settings.skip_tags + _split(given.skip_tags)
    if not tags:
        tags = ("never", "all") if given.list_tags and not skip_tags else ("all",)
    return RunOptions(
        playbooks=tuple(given.playbooks),
        limit=given.limit,
        extra_vars=tuple(given.extra_vars),
        tags=tags,
        skip_tags=skip_tags,
        start_at_task=given.start_at_task,
        step=given.step,
        check=given.check,
        syntax_check=given.syntax_check,
        list_hosts=given.list_hosts,
        list_tasks=given.list_tasks,
        list_tags=given.list_tags,
        jobs=given.jobs,
        follow=given.follow or os.environ.get("OUTLAST_FOLLOW", "").lower() in _YES,
        flush_cache=given.flush_cache,
        strict_jobs=given.strict_jobs,
        ask_become_pass=given.ask_become_pass or settings.become_ask_pass,
        vault_ids=tuple(given.vault_ids),
        vault_password_files=tuple(given.vault_password_files),
    )


def _with_flags(settings: Settings, given: argparse.Namespace) -> Settings:
    flags = {name: getattr(given, name) for name in _SETTINGS_FLAGS}
    made = {name: value for name, value in flags.items() if value is not None}
    if given.inventory:
        made["inventory"] = tuple(_source(source) for source in given.inventory)
    if given.module_path:
        folders = os.pathsep.join(given.module_path).split(os.pathsep)
        made["library"] = (*(_absolute(folder) for folder in folders), *settings.library)
    if given.become_user is not None:
        made["sudo_user"] = made["su_user"] = given.become_user
    if given.scp_extra_args or given.sftp_extra_args:
        made["ignored"] = (*settings.ignored, "--scp-extra-args and --sftp-extra-args")
    return replace(settings, verbosity=settings.verbosity + given.verbose, **made)


def _split(given: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag.strip() for tags in given for tag in tags.split(",")))


def _source(source: str) -> str:
    return source if "," in source else _absolute(source)


def _absolute(path: str) -> str:
    expanded = os.path.expandvars(path)
    return os.path.normpath(Path.cwd() / Path(expanded).expanduser())


_FULL_NAME: Final = re.compile(r"\w+(?:\.\w+){2,}")


def must_be_a_file(playbook: str) -> None:
    """Raise `SourceMissing` if *playbook* is no file that can be read."""
    path = Path(playbook)
    if not path.exists():
        raise SourceMissing(f"the playbook: {playbook} could not be found")
    if not (path.is_file() or path.is_fifo()):
        raise SourceMissing(f"the playbook: {playbook} does not appear to be a file")


_SETTINGS_FLAGS: Final = (
    "forks",
    "remote_user",
    "private_key_file",
    "transport",
    "timeout",
    "ssh_common_args",
    "ssh_extra_args",
    "become",
    "become_method",
    "become_password_file",
    "diff_always",
    "force_handlers",
    "ask_vault_pass",
)

_NOT_BUILT: Final = {
    "ask_pass": "-k, --ask-pass",
    "connection_password_file": "--connection-password-file",
}


class _Help(argparse.HelpFormatter):
    """Asks for the terminal's width itself: argparse would import an archiver for it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    try:
        return int(os.environ.get("COLUMNS") or os.get_terminal_size().columns)
    except (OSError, ValueError):  # no terminal, or no number
        return 80


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="outlast playbook",
        description="Runs Ansible playbooks, executing the defined tasks on the targeted hosts.",
        formatter_class=_Help,
    )
    parser.add_argument("--version", action="version", version=f"outlast {__version__}")
    parser.add_argument("playbooks", metavar="playbook", nargs="+", help="Playbook(s)")
    _add_what(parser)
    _add_how(parser)
    _add_jobs(parser.add_argument_group("Background Jobs (not in Ansible)"))
    _add_connection(parser.add_argument_group("Connection Options"))
    _add_become(parser.add_argument_group("Privilege Escalation Options"))
    _add_vault(parser)
    _add_not_built(parser.add_argument_group("Known to Ansible, not supported yet"))
    return parser


def _add_what(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        *("-i", "--inventory", "--inventory-file"),
        dest="inventory",
        action="append",
        help="a file, a folder, a script or `h1,h2,`; may be repeated",
    )
    add("-l", "--limit", dest="limit", metavar="SUBSET", help="only these of the hosts")
    add(
        *("-e", "--extra-vars"),
        dest="extra_vars",
        action="append",
        default=[],
        help="variables as key=value, YAML, JSON or @file; may be repeated",
    )
    add("-t", "--tags", action="append", default=[], help="only what has these tags")
    add("--skip-tags", action="append", default=[], help="all but what has these tags")
    add("--syntax-check", action="store_true", help="read the playbook, run nothing")
    add("--list-hosts", action="store_true", help="show the hosts, run nothing")
    add("--list-tasks", action="store_true", help="show the tasks, run nothing")
    add("--list-tags", action="store_true", help="show the tags, run nothing")


def _add_how(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-C", "--check", action="store_true", help="predict changes, make none")
    add(
        *("-D", "--diff"),
        dest="diff_always",
        action="store_true",
        default=None,
        help="show differences in files",
    )
    add("--step", action="store_true", help="ask before each task")
    add("--start-at-task", metavar="NAME", help="begin with the task of this name, or pattern")
    add("-f", "--forks", type=int, help="how many hosts work at a time (5)")
    add("-v", "--verbose", action="count", default=0, help="say more, -vvv for much")
    add(
        "--force-handlers",
        action="store_true",
        default=None,
        help="run handlers even if a task fails",
    )
    add(
        *("-M", "--module-path"),
        action="append",
        default=[],
        help="more folders with modules; may be repeated",
    )


def _add_jobs(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--jobs",
        choices=get_args(AtEnd),
        help="what becomes of background jobs that run at the end (leave); they are shown",
    )
    group.add_argument(
        "--follow",
        action="store_true",
        help="show what a job says while a task waits for it",
    )
    group.add_argument(
        "--strict-jobs",
        action="store_true",
        help="exit with code 2 if such a job has failed or was lost by then",
    )


def _add_connection(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-u", "--user", dest="remote_user", help="log in as this user")
    add(
        *("--private-key", "--key-file"),
        dest="private_key_file",
        type=_absolute,
        help="log in with this key",
    )
    add("-c", "--connection", dest="transport", help="how hosts are reached (ssh)")
    add("-T", "--timeout", type=int, help="seconds a connection may take to open")
    add("--ssh-common-args", help="more arguments for ssh (e.g. ProxyCommand)")
    add("--ssh-extra-args", help="more arguments for ssh")
    add("--sftp-extra-args", help="accepted; files travel inside the ssh connection")
    add("--scp-extra-args", help="accepted; files travel inside the ssh connection")


def _add_become(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-b", "--become", action="store_true", default=None, help="work as another user")
    add("--become-method", help="how to become that user (sudo)")
    add("--become-user", help="the other user (root)")
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        *("-K", "--ask-become-pass"),
        action="store_true",
        help="ask for the password that takes",
    )
    either.add_argument(
        *("--become-password-file", "--become-pass-file"),
        dest="become_password_file",
        type=_absolute,
        help="read that password from this file",
    )


def _add_vault(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--vault-id",
        dest="vault_ids",
        action="append",
        default=[],
        help="where a vault password is: [id@]prompt, [id@]file or [id@]program",
    )
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        *("-J", "--ask-vault-password", "--ask-vault-pass"),
        dest="ask_vault_pass",
        action="store_true",
        default=None,
        help="ask for the vault password",
    )
    either.add_argument(
        *("--vault-password-file", "--vault-pass-file"),
        dest="vault_password_files",
        action="append",
        default=[],
        type=_absolute,
        help="read the vault password from this file, or from what this program prints",
    )


def _add_not_built(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-k", "--ask-pass", action="store_true")
    add("--connection-password-file", "--conn-pass-file", dest="connection_password_file")
    add("--flush-cache", action="store_true")
