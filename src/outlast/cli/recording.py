"""A run's entry in the ledger: what it says of itself, and how it ended.

Knows what of a command line may be kept: what is listed here, and never the value of a
variable. Leaves writing it to `ledger`.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from outlast import __version__
from outlast.cli.last_words import exit_code
from outlast.cli.options import RunOptions
from outlast.ledger.keep import Keep
from outlast.ledger.recording import Recording
from outlast.ledger.statements import Beginning
from outlast.outcome import Notice, Warned
from outlast.settings import Settings

_HIDDEN = "..."


def recording_of(options: RunOptions, settings: Settings) -> Recording:
    """Give the recording of a run, which begins when the run does something."""
    keep = Keep(
        days=settings.ledger_keep_days,
        runs=settings.ledger_keep_runs,
        bytes=settings.ledger_keep_bytes,
    )
    return Recording(lambda: _beginning(options, settings), keep=keep, heed=bool(settings.job_hook))


def recorded(
    recording: Recording, notify: Callable[[Notice], None], play: Callable[[], int]
) -> int:
    """Run *play*, say in the ledger how it ended, and to *notify* what the ledger lacks."""
    code = None
    try:
        code = play()
    except BaseException as error:
        code = exit_code(error)
        raise
    finally:
        recording.end(code)
        for problem in recording.problems:
            notify(Warned(problem))
    return code


def _beginning(options: RunOptions, settings: Settings) -> Beginning:
    return Beginning(
        command=tuple(_command(options, settings)),
        folder=_folder(),
        user=_user(),
        playbooks=options.playbooks,
        version=__version__,
    )


def _command(options: RunOptions, settings: Settings) -> Iterator[str]:
    """Yield the command line as it may be kept, from what it came to.

    Not from what was typed: an abbreviated flag or a cluster of letters would hide a value.
    """
    yield from ("outlast", "playbook", *options.playbooks)
    for source in settings.inventory:
        yield from ("-i", source)
    if options.limit is not None:
        yield from ("-l", options.limit)
    if options.tags != ("all",):
        yield from ("-t", ",".join(options.tags))
    if options.skip_tags:
        yield from ("--skip-tags", ",".join(options.skip_tags))
    for extra in options.extra_vars:
        yield from ("-e", extra if extra.startswith("@") else _HIDDEN)
    if options.check:
        yield "--check"
    if settings.diff_always:
        yield "--diff"


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was removed under our feet
        return ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())  # a uid without a name, as in some containers
