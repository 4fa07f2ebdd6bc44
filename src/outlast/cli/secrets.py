"""Passwords the user gives at the start of a run.

Knows how stock asks for them and which files it reads them from. Leaves using them to
`transport`; nothing is kept here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from outlast.cli.options import RunOptions
from outlast.errors import Cause, OutlastError
from outlast.settings import Settings


def become_password(options: RunOptions, settings: Settings) -> str | None:
    """Give the password for becoming another user: asked for, from a file, or none."""
    if options.only_looks:
        return None
    if options.ask_become_pass:
        return _asked("BECOME password: ")
    if settings.become_password_file is not None:
        return from_file(settings.become_password_file)
    return None


def _asked(prompt: str) -> str | None:
    import getpass  # noqa: PLC0415  # only who asks pays for it

    try:
        return getpass.getpass(prompt)
    except EOFError:  # nobody is there to answer
        return None


def from_file(path: str) -> str:
    """Give the secret in *path*: its text, its output if it is a program, or stdin for `-`."""
    if path == "-":
        secret = sys.stdin.buffer.read()
    elif not Path(path).exists():
        raise OutlastError(f"The password file {path} was not found")
    elif os.access(path, os.X_OK):
        secret = _printed(path)
    else:
        try:
            secret = Path(path).read_bytes().strip()
        except OSError as error:
            raise OutlastError(
                f"Could not read password file {path!r}.", causes=(Cause(str(error)),)
            ) from error
    secret = secret.strip(b"\r\n")
    if not secret:
        raise OutlastError(f"Empty password was provided from file ({path})")
    return secret.decode("utf-8", "surrogateescape")


def _printed(path: str) -> bytes:
    import subprocess  # noqa: PLC0415  # 8 ms that only password programs are worth

    try:
        run = subprocess.run([path], capture_output=True, check=False)
    except OSError as error:
        raise OutlastError(
            f"Problem occurred when trying to run the password script {path} ({error})."
            " If this is not a script, remove the executable bit from the file."
        ) from error
    if run.returncode:
        said = run.stderr.decode("utf-8", "replace")
        raise OutlastError(
            f"The password script {path} returned an error (rc={run.returncode}): {said}"
        )
    return run.stdout
