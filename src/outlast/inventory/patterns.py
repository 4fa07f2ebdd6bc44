"""Host patterns: `web:&staging:!db1`, wildcards, `~regex`, slices, and `--limit`.

Knows how a pattern is taken apart and what it selects from a tree, in stock's order. Leaves
what is done with the hosts to the engine.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from outlast.errors import InventoryError
from outlast.inventory.addresses import split_port
from outlast.inventory.tree import LOCALHOST, Host, Tree

_PIECE = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
_SUBSCRIPT = re.compile(r"(.+)\[(?:(-?[0-9]+)|([0-9]+)([:-])([0-9]*))\]")
_GLOB = (".", "?", "*", "[")


def split(pattern: object) -> list[str]:
    """Give the single patterns that *pattern* (text or a list) is made of."""
    if isinstance(pattern, list | tuple):
        return [single for member in pattern for single in split(member)]
    text = str(pattern)
    return [single.strip() for single in _pieces(text) if single.strip()]


def _pieces(text: str) -> Sequence[str]:
    if "," in text:
        return text.split(",")
    try:
        split_port(text, ranges=True)
    except InventoryError:
        # A colon separates, unless the whole is an address: the price of an old syntax.
        return _PIECE.findall(text)
    return [text]


def read_limit(limit: str) -> tuple[str, ...]:
    """Give the patterns of `--limit`; `@file` holds one a line."""
    found: list[str] = []
    for single in split(limit):
        found += _lines(single[1:]) if single.startswith("@") else [single]
    return tuple(found)


def _lines(path: str) -> list[str]:
    if not Path(path).exists():
        raise InventoryError(f"Unable to find limit file {path}")
    if not Path(path).is_file():
        raise InventoryError(f'Limit starting with "@" must be a file, not a directory: {path}')
    return [line.strip() for line in Path(path).read_text(encoding="utf-8").split("\n")]


class Subscript(Struct, frozen=True):
    """`[2]`, `[-1]`, `[1:3]` (both ends in), `[1:]`."""

    first: int
    last: int | None = None
    """None: only the first; -1: up to the end."""

    def of(self, hosts: list[Host]) -> list[Host]:
        """Cut *hosts*; raises `IndexError` when the one asked for is not there."""
        if not self.last:  # an end of 0 counts as none, as in stock
            return [hosts[self.first]]
        return hosts[self.first : len(hosts) if self.last == -1 else self.last + 1]


def select(tree: Tree, patterns: Iterable[str]) -> list[Host]:
    """Give the hosts that single *patterns* select: plain ones add, `&` and `!` take away."""
    plain, common, without = _by_kind(patterns)
    chosen: dict[Host, None] = {}
    for single in plain or ["all"]:
        # A host's own name is never a pattern, whatever signs are in it.
        host = tree.hosts.get(single)
        chosen |= dict.fromkeys([host] if host else _matching(tree, single))
    for single in common:
        others = set(_matching(tree, single[1:]))
        chosen = {host: None for host in chosen if host in others}
    for single in without:
        others = set(_matching(tree, single[1:]))
        chosen = {host: None for host in chosen if host not in others}
    return list(chosen)


def _by_kind(patterns: Iterable[str]) -> tuple[list[str], list[str], list[str]]:
    kinds: tuple[list[str], list[str], list[str]] = ([], [], [])
    for single in patterns:
        if single:
            kinds["&!".find(single[0]) + 1].append(single)
    return kinds


def _matching(tree: Tree, pattern: str) -> list[Host]:
    """Give what one pattern without its sign selects."""
    expression, subscript = _split_subscript(tree, pattern)
    hosts = _named_by(tree, expression)
    if subscript is None or not hosts:
        return hosts
    try:
        return subscript.of(hosts)
    except IndexError as error:
        raise InventoryError(f"No hosts matched the subscripted pattern '{pattern}'") from error


def _split_subscript(tree: Tree, pattern: str) -> tuple[str, Subscript | None]:
    """Take the subscript off *pattern*; a regular expression has none."""
    found = None if pattern.startswith("~") else _SUBSCRIPT.fullmatch(pattern)
    if not found:
        return pattern, None
    if found[2]:
        return found[1], Subscript(int(found[2]))
    if found[4] == "-":
        tree.warn("Use [x:y] inclusive subscripts instead of [x-y] which has been removed")
    return found[1], Subscript(int(found[3]), int(found[5] or -1))


def _named_by(tree: Tree, pattern: str) -> list[Host]:
    fits = _matcher(pattern)
    groups = [group for name, group in tree.groups.items() if fits(name)]
    found = [host for group in groups for host in group.all_hosts()]
    if not groups or pattern.startswith("~") or any(sign in pattern for sign in _GLOB):
        found += [host for name, host in tree.hosts.items() if fits(name)]
    if not found and pattern in LOCALHOST and (local := tree.host(pattern)):
        found = [local]
    if not found and not groups and pattern != "all":
        tree.warn(f"Could not match supplied host pattern, ignoring: {pattern}")
    return found


def _matcher(pattern: str) -> Callable[[str], object]:
    if not pattern:
        raise InventoryError("A host pattern is empty after its sign.")
    text = pattern[1:] if pattern.startswith("~") else fnmatch.translate(pattern)
    try:
        return re.compile(text).match
    except re.error as error:
        raise InventoryError(f"Invalid host list pattern: {pattern}") from error
