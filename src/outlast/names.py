"""Names of variables that mean something else already, and where such a one is written.

Knows which names those are. Names carry no places of their own, which would cost every look-up
something: only a reserved one does, from where variables are read to where it is told of.
"""

from __future__ import annotations

from collections.abc import Iterable

from outlast.values import Origin

_KEYWORDS = """
    action always any_errors_fatal args async async_val become become_exe become_flags
    become_method become_user block changed_when check_mode collections connection cycler
    debugger delay delegate_facts delegate_to dict diff environment fact_path failed_when
    force_handlers gather_facts gather_timeout handlers hosts ignore_errors
    ignore_unreachable joiner lipsum local_action lookup loop loop_control loop_with
    max_fail_percentage module_defaults name namespace no_log notify now omit order poll port
    post_tasks pre_tasks q query range register remote_user rescue retries roles run_once
    serial strategy tags tasks throttle timeout undef until vars_files vars_prompt when with_
"""
RESERVED = frozenset(_KEYWORDS.split())
"""Names of keywords and of Jinja's globals: variables called so are told of."""


class ReservedName(str):
    """A reserved name that a variable was given, with the place where it was."""

    __slots__ = ("origin",)
    origin: Origin


def named(name: str, origin: Origin | None) -> str:
    """Give *name*, which stands at *origin*; it keeps the place if it is reserved."""
    if origin is None or name not in RESERVED:
        return name
    placed = ReservedName(name)
    placed.origin = origin
    return placed


def as_among(names: Iterable[object], name: str) -> str:
    """Give *name* as it is among *names*, with its place; as it is itself if it is not there."""
    if name not in RESERVED:
        return name
    return next((one for one in names if isinstance(one, str) and one == name), name)


def bare(name: str) -> str:
    """Give *name* as others are to see it: its place is for us alone."""
    return str(name) if isinstance(name, ReservedName) else name


def place_of_name(name: str) -> Origin | None:
    """Give where a reserved name was given; None when that is not known."""
    return name.origin if isinstance(name, ReservedName) else None
