"""The terminal this program was started on.

Knows the real streams, and what is said about our own version. Leaves what is printed to
`output`.
"""

from __future__ import annotations

import os
import sys

from outlast import __version__
from outlast.output.screen import Screen, columns_of, wants_colour
from outlast.settings import Settings


def open_screen(settings: Settings) -> Screen:
    """Give a screen on stdout and stderr."""
    return Screen(
        sys.stdout,
        sys.stderr,
        colour=wants_colour(settings, os.environ, sys.stdout),
        columns=columns_of(sys.stdout),
    )


def version_lines(settings: Settings) -> list[str]:
    """Give what `-vv` says about who is running here."""
    from importlib.metadata import version  # noqa: PLC0415  # it reads files; only for -vv

    return [
        f"outlast playbook [outlast {__version__}, core {version('ansible-core')}]",
        f"  config file = {settings.config_file}",
        f"  executable location = {sys.argv[0]}",
        f"  python version = {sys.version.replace(chr(10), '')} ({sys.executable})",
        f"  jinja version = {version('jinja2')}",
        f"  pyyaml version = {version('pyyaml')}",
    ]
