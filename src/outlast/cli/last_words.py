"""How a run that cannot go on ends: what is said, and with which code.

Knows which of several errors is told, and that a bug is told as one. Leaves the form of an
error's text to `output`.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

from outlast import __version__
from outlast.errors import OutlastError, RunLeft

_INTERRUPTED: Final = 99
_BUG: Final = 250


def exit_code(error: BaseException) -> int:
    """Give the code that says to programs what *error* says to people."""
    match _first_cause(error):
        case OutlastError() as known:
            return known.exit_code
        case KeyboardInterrupt():
            return _INTERRUPTED
        case _:
            return _BUG


def ended_by(error: BaseException) -> int:
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
