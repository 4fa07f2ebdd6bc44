"""The border of our own commands (`jobs`, `runs`): how each ends, and what it says then.

Knows click's ways of ending and our exit codes: 0 done, 1 it failed or is not so, 2 wrong
usage, 130 interrupted. Leaves what a command does to the command. What was asked for goes
to stdout, everything else through here to stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from outlast.cli.aside import say, tell
from outlast.errors import OutlastError

FAILED: Final = 1
INTERRUPTED: Final = 130


def run_command(command: click.Command, name: str, arguments: Sequence[str]) -> int:
    """Run *command* with *arguments*; gives the exit code.

    Raises nothing that a user can cause; what is raised is a bug.
    """
    try:
        ended = command.main(args=list(arguments), prog_name=name, standalone_mode=False)
    except click.Abort:  # click's word for an interrupt, and for no answer to a question
        say("Interrupted.")
        return INTERRUPTED
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except SystemExit:  # click's way when whoever read our output has left (`| head`)
        return 0
    except BaseException as error:  # noqa: BLE001  # sorted there; bugs are raised again
        return _ended_by(error)
    return ended if isinstance(ended, int) else 0


def _ended_by(error: BaseException) -> int:
    """Tell the first error that a person can do something about; let bugs fly."""
    first = error
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    match first:
        case OutlastError():
            tell(first)
            return FAILED
        case KeyboardInterrupt():
            say("Interrupted.")
            return INTERRUPTED
        case BrokenPipeError():
            _leave_stdout()
            return 0
        case _:
            raise error


def _leave_stdout() -> None:
    """Whoever read has left (`| head`): what is still held goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
