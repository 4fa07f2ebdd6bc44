"""The lines a person types at the task debugger, and what they make of Python's values.

Knows the commands; everything else is a statement of Python. It is evaluated as it stands: it
comes from the terminal of whoever runs all this, and not from a host or a playbook. Leaves
asking for lines, and doing what is wished for, to `debugging`.
"""

from __future__ import annotations

import cmd
import contextlib
import io
import pprint
from enum import Enum
from typing import Any


class Wish(Enum):
    """What is to become of the task."""

    CONTINUE = "leave it as it is"
    REDO = "run it again"
    UPDATE = "evaluate its arguments anew"
    QUIT = "end the run"


class Shell(cmd.Cmd):
    """Obeys line after line; the layout of its help and the parsing of lines are Python's own."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._shown = io.StringIO()
        super().__init__(stdout=self._shown)
        self.names = names
        """What expressions know; assignments add to it."""
        self._wish: Wish | None = None

    def obey(self, line: str) -> tuple[Wish | None, str]:
        """Do what *line* says: gives what is wished for, if anything, and what is to be shown."""
        self._wish = None
        self._shown.seek(0)
        self._shown.truncate()
        with contextlib.redirect_stdout(self._shown):
            try:
                self.onecmd(line)
            except SystemExit:  # `exit()` means what it says
                self._wish = Wish.QUIT
        return self._wish, self._shown.getvalue()

    def default(self, line: str) -> None:
        """Run a statement; the value of an expression is shown."""
        try:
            exec(compile(f"{line}\n", "<stdin>", "single"), self.names)  # noqa: S102  # see above
        except Exception as error:  # noqa: BLE001  # whatever was typed is the typist's to see
            self._complain(error)

    def do_pprint(self, expression: str) -> None:
        """Show the value of an expression"""  # shown as it is
        try:
            value = eval(expression, self.names)  # noqa: S307  # see above
            self._say(pprint.pformat(value))
        except Exception as error:  # noqa: BLE001  # as above
            self._complain(error)

    def do_continue(self, _rest: str) -> None:
        """Leave the result as it is, and go on"""
        self._wish = Wish.CONTINUE

    def do_redo(self, _rest: str) -> None:
        """Run the task again on this host, with what has been changed here"""
        self._wish = Wish.REDO

    def do_update_task(self, _rest: str) -> None:
        """Evaluate the arguments of the task anew, with the task_vars as they are now"""
        self._wish = Wish.UPDATE

    def do_quit(self, _rest: str) -> None:
        """End the run"""
        self._wish = Wish.QUIT

    do_p = do_pprint
    do_c = do_continue
    do_r = do_redo
    do_u = do_update_task
    do_q = do_EOF = do_quit  # noqa: N815  # what `cmd` calls the end of the input
    do_h = cmd.Cmd.do_help

    def _complain(self, error: Exception) -> None:
        self._say(f"***{type(error).__name__}:{error!r}")

    def _say(self, text: str) -> None:
        self._shown.write(f"{text}\n")
