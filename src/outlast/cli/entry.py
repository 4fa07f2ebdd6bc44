"""The program: arguments in, exit code out.

Knows which command is meant. Leaves how one that cannot go on ends to `last_words`, and the
commands to their own modules, which are imported when they are used: `outlast --version` pays
for nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from outlast import __version__
from outlast.cli.last_words import ended_by

_MAX_FRAMES = 4000
"""As deep as blocks in includes in blocks may lead; Python's own limit is a quarter of it."""
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
        return ended_by(error)


def _own(word: str, arguments: Sequence[str]) -> int:
    try:
        from outlast.cli.own_command import run_command  # noqa: PLC0415  # it imports click

        if word == "jobs":
            from outlast.cli.jobs.commands import jobs as command  # noqa: PLC0415
        else:
            from outlast.cli.runs import runs as command  # noqa: PLC0415
        return run_command(command, f"outlast {word}", arguments)
    except BaseException as error:  # noqa: BLE001  # as above: only bugs and interrupts come here
        return ended_by(error)


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
