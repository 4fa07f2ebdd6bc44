"""The program: arguments in, exit code out.

Knows which command is meant, and how a run that cannot go on ends: what is said and with
which code. Leaves the commands to their own modules, which are imported when they are used:
`outlast --version` pays for nothing else.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from outlast import __version__
from outlast.errors import OutlastError, RunLeft

_MAX_FRAMES = 4000
"""As deep as blocks in includes in blocks may lead; Python's own limit is a quarter of it."""
_INTERRUPTED: Final = 99
_BUG: Final = 250
_USAGE: Final = 2
_HELP: Final = """\
usage: outlast [--version] [-h] COMMAND ...

Runs Ansible playbooks, unchanged, on an engine made for long tasks.

commands:
  playbook    run playbooks; takes the options of ansible-playbook
              (outlast playbook --help shows them)
  jobs        see, follow and end background jobs, whoever started them
  runs        see what runs there were, and what came of them
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in *argv* (the program's own arguments by default); give the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    match arguments:
        case ["playbook", *rest]:
            return _playbook(rest)
        case ["jobs" | "runs" as word, *rest]:
            return _own(word, rest)
        case ["--version", *_]:
            sys.stdout.write(f"outlast {__version__}\n")
            return 0
        case ["-h" | "--help" | "help", *_]:
            sys.stdout.write(_HELP)
            return 0
        case [word, *_]:
            sys.stderr.write(f"{_HELP}\noutlast: error: there is no command {word!r}\n")
            return _USAGE
        case _:
            sys.stderr.write(_HELP)
            return _USAGE


def _playbook(arguments: Sequence[str]) -> int:
    try:
        return _run(arguments)
    except SystemExit as exit_:  # argparse has said what was wrong, or shown its help
        return exit_.code if isinstance(exit_.code, int) else _USAGE
    except BaseException as error:  # noqa: BLE001  # the last border: said, counted, not hidden
        return _ended_by(error)


def _own(word: str, arguments: Sequence[str]) -> int:
    try:
        from outlast.cli.own_command import run_command  # noqa: PLC0415  # it imports click

        if word == "jobs":
            from outlast.cli.jobs.commands import jobs as command  # noqa: PLC0415
        else:
            from outlast.cli.runs import runs as command  # noqa: PLC0415
        return run_command(command, f"outlast {word}", arguments)
    except BaseException as error:  # noqa: BLE001  # as above: only bugs and interrupts come here
        return _ended_by(error)


def exit_code(error: BaseException) -> int:
    """Give the code that says to programs what *error* says to people."""
    match _first_cause(error):
        case OutlastError() as known:
            return known.exit_code
        case KeyboardInterrupt():
            return _INTERRUPTED
        case _:
            return _BUG


def _ended_by(error: BaseException) -> int:
    """Say why the run ends, and give the code that says the same to programs."""
    match _first_cause(error):
        case RunLeft():
            pass  # whoever wished it knows
        case OutlastError() as known:
            _say_error(known)
        case KeyboardInterrupt():
            # The next one would meet us half out of the door, and leave a traceback there.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _say("[ERROR]: User interrupted execution")
        case _:
            _say_bug(error)
    return exit_code(error)


def _first_cause(error: BaseException) -> BaseException:
    """Give what a group of errors is about: the first, unless one of them is a bug."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [_first_cause(member) for member in error.exceptions]
    bugs = (c for c in causes if not isinstance(c, OutlastError | KeyboardInterrupt))
    return next(bugs, causes[0])


def _run(arguments: Sequence[str]) -> int:
    from msgspec.structs import replace  # noqa: PLC0415  # all of this is for runs alone

    from outlast.cli.options import parse  # noqa: PLC0415
    from outlast.cli.secrets import become_password  # noqa: PLC0415
    from outlast.settings import read_settings  # noqa: PLC0415

    options, settings = parse(arguments, read_settings(os.environ, str(Path.cwd())))
    options = replace(options, become_password=become_password(options, settings))

    from outlast.cli.compose import run_playbooks  # noqa: PLC0415  # only when all is well so far

    sys.setrecursionlimit(_MAX_FRAMES)
    return run_playbooks(options, settings)


def _say_error(error: OutlastError) -> None:
    from outlast.output.explain import explanation  # noqa: PLC0415  # errors pay for themselves

    _say(f"[ERROR]: {explanation(error.chain, error.help_text)}")


def _say_bug(error: BaseException) -> None:
    import traceback  # noqa: PLC0415  # a bug may take its time

    trace = "".join(traceback.format_exception(error))
    _say(
        f"[ERROR]: Unexpected Exception, this is probably a bug: {error}\n\n"
        f"{trace}\nThis is a fault in outlast {__version__}, not in your playbook."
        " Please report it with the lines above.\n\n"
    )


def _say(text: str) -> None:
    from outlast.cli.terminal import open_screen  # noqa: PLC0415  # as above
    from outlast.output.screen import FAILED  # noqa: PLC0415
    from outlast.settings import Settings, read_settings  # noqa: PLC0415

    try:
        settings = read_settings(os.environ, str(Path.cwd()))
    except Exception:  # noqa: BLE001  # this may be the very error that is to be told
        settings = Settings()
    screen = open_screen(settings)
    screen.say(text, FAILED, stderr=True)
    screen.show()
