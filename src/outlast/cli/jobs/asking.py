"""What the commands of `jobs` and `runs` have in common: how hosts are named, and how JSON is said.

Knows how the options are written. Leaves what they mean to `hosts`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from outlast.cli.jobs.hosts import Asked, Hosts
from outlast.settings import read_settings

JSON_VERSION: Final = 1
"""Of what `--json` prints: keys may be added to it, none goes or changes its meaning."""

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def _seconds(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """Give the seconds that a length of time says: 90, 30s, 10m, 2h, 7d, 1h30m."""
    text = (value or "").strip().lower()
    if value is None or re.fullmatch(r"\d+(\.\d+)?", text):
        return None if value is None else float(text)
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if not parts or "".join(count + unit for count, unit in parts) != text:
        raise click.BadParameter(f"{value!r} is no length of time; try 30s, 10m, 2h or 7d")
    return sum(float(count) * _UNITS[unit] for count, unit in parts)


def time_option(
    name: str, text: str, default: str | None = None
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Give an option that takes a length of time; the command gets seconds."""
    return click.option(name, callback=_seconds, default=default, metavar="TIME", help=text)


def reaching(command: Callable[..., object]) -> Callable[..., object]:
    """Add the options that say how hosts are found and entered; see `hosts_of`."""
    options = (
        click.option(
            *("-i", "--inventory"),
            multiple=True,
            metavar="INV",
            help="Ask the hosts of this inventory: a file, a folder, a script or `h1,h2,`.",
        ),
        click.option("--host", metavar="PATTERN", help="Only jobs of these hosts."),
        click.option("-u", "--user", help="Log in as this user."),
        click.option("-b", "--become", is_flag=True, help="Look as another user (root)."),
        click.option("--become-user", metavar="USER", help="The other user."),
        click.option(
            *("-K", "--ask-become-pass"),
            is_flag=True,
            help="Ask for the password that becoming another user takes.",
        ),
        click.option(
            "--vault-password-file",
            multiple=True,
            metavar="FILE",
            help="Read the password of encrypted variables from this file or program.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def hosts_of(given: dict[str, object]) -> Hosts:
    """Take the options of `reaching` out of *given*; asks for the password when told to."""
    password = None
    if given.pop("ask_become_pass"):
        password = click.prompt("BECOME password", hide_input=True, err=True)
    asked = Asked(
        inventory=_texts(given.pop("inventory")),
        host=_text(given.pop("host")),
        user=_text(given.pop("user")),
        become=bool(given.pop("become")),
        become_user=_text(given.pop("become_user")),
        become_password=password,
        vault_password_files=_texts(given.pop("vault_password_file")),
    )
    return Hosts(asked, read_settings(os.environ, str(Path.cwd())))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else ()


def _text(value: object) -> str | None:
    return None if value is None else str(value)


as_data = click.option("--json", "as_data", is_flag=True, help="Print JSON.")


def print_json(**data: object) -> None:
    """Print one JSON object on stdout."""
    click.echo(json.dumps({"version": JSON_VERSION, **data}, indent=2, default=str))
