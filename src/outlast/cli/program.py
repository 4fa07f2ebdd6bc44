"""The program as a process: in quickly, out quickly.

Knows what costs time around a command and gives nothing: the collector looking through what
was only just imported, and the interpreter being taken apart at the end. Leaves what is done
in between to `entry`.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress


def program() -> None:
    """Run the command of this process, and end the process with its exit code.

    Whatever a command opens it closes itself, so nothing is left for the interpreter to do
    but to free memory that is freed with the process.
    """
    gc.disable()  # the event loop enables it again
    from outlast.cli.entry import main  # noqa: PLC0415  # imported with the collector at rest

    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody may read any more
            stream.flush()
    os._exit(code)
