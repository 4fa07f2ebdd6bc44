"""How hosts are spelled: names, addresses, ports, and `[1:10]` ranges.

Knows which texts are one host's address (or a range of them) and expands ranges. Leaves
which hosts exist to `tree`.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Sequence

from outlast.errors import InventoryError

# Nearly every name is of this kind; it spares us the grammar below.
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|[-_.](?=[A-Za-z0-9]))*")
_BRACKETED_PORT = re.compile(r"\[(.+)\]:([0-9]+)")
_PORT = re.compile(r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)")
_RANGE = re.compile(r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]", re.IGNORECASE)
_HEX_RANGE = re.compile(r"\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\]", re.IGNORECASE)
_LABEL = re.compile(r"[^\W_]|\w[\w-]*[^\W_]")


def split_port(text: str, *, ranges: bool) -> tuple[str, int | None]:
    """Give the host and the port (None: not given) of *text*.

    Raises `InventoryError` when it is no address, or holds a range and *ranges* says no.
    """
    if _PLAIN.fullmatch(text):
        return text, None
    port = None
    for form in (_BRACKETED_PORT, _PORT):
        if found := form.fullmatch(text):
            text, port = found[1], int(found[2])
    if not (_is_ip_v6(text) or _is_name(text)):
        raise InventoryError(f"Not a valid network hostname: {text}")
    if not ranges and "[" in text:
        raise InventoryError("Detected range in host but was asked to ignore ranges")
    return text, port


def _is_name(text: str) -> bool:
    """Tell dotted labels, IPv4 addresses included; a range stands for one character."""
    return all(_LABEL.fullmatch(label) for label in _RANGE.sub("0", text).split("."))


def _is_ip_v6(text: str) -> bool:
    """Tell IPv6 addresses, ranges allowed in them."""
    if text.count(":") < 2 or "%" in text:  # noqa: PLR2004  # `::` is the shortest
        return False
    import ipaddress  # noqa: PLC0415  # only few inventories need it

    try:
        ipaddress.IPv6Address(_HEX_RANGE.sub("1", text))
    except ValueError:
        return False
    return True


def expand(text: str) -> tuple[list[str], int | None]:
    """Give every host that *text* spells, and the port for all of them."""
    try:
        pattern, port = split_port(text, ranges=True)
    except InventoryError:
        pattern, port = text, None
    return (list(_expand_ranges(pattern)) if "[" in pattern else [pattern]), port


def _expand_ranges(text: str) -> Iterator[str]:
    head, _, rest = text.partition("[")
    if "]" not in rest:
        raise ValueError(f"host range is not closed: {text}")
    bounds, _, tail = rest.partition("]")
    for member in _members(bounds.split(":")):
        name = f"{head}{member}{tail}"
        if "[" in name:
            yield from _expand_ranges(name)
        else:
            yield name


def _members(bounds: Sequence[str]) -> Iterator[str]:
    if len(bounds) not in (2, 3):
        raise InventoryError("host range must be begin:end or begin:end:step")
    begin, end = bounds[0] or "0", bounds[1]
    step = int(bounds[2]) if len(bounds) > 2 else 1  # noqa: PLR2004
    if not end:
        raise InventoryError("host range must specify end value")
    spell = _spelling(begin, end)
    letters = string.ascii_letters
    if begin in letters and end in letters:
        first, last = letters.index(begin), letters.index(end)
        if first > last:
            raise InventoryError("host range must have begin <= end")
        yield from letters[first : last + 1 : step]
    else:
        yield from map(spell, range(int(begin), int(end) + 1, step))


def _spelling(begin: str, end: str) -> Callable[[int], str]:
    """Numbers keep their leading zeros."""
    width = len(begin)
    if not begin.startswith("0") or width == 1:
        return str
    if width != len(end):
        raise InventoryError("host range must specify equal-length begin and end formats")
    return lambda number: str(number).zfill(width)
