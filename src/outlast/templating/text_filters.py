"""Filters over text: regular expressions, encodings, quoting, paths, hashes, dates.

Each answers as stock's of the same name, without importing ansible-core.
"""

# ruff: noqa: FBT002  # stock's signatures: a template says regex_search('a', true)

from __future__ import annotations

import base64
import datetime as dt
import glob
import ntpath
import os.path
import re
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from outlast.templating.plugins import Plugin, refused


def text_of(value: Any) -> str:
    """Give any value as text."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _bytes_of(value: Any, encoding: str = "utf-8") -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(encoding, "surrogateescape")


def _flags(ignorecase: object, multiline: object) -> re.RegexFlag:
    flags = re.RegexFlag(0)
    if ignorecase:
        flags |= re.IGNORECASE
    if multiline:
        flags |= re.MULTILINE
    return flags


def regex_replace(  # noqa: PLR0913, PLR0917  # stock's signature
    value: Any = "",
    pattern: str = "",
    replacement: str = "",
    ignorecase: object = False,
    multiline: object = False,
    count: int = 0,
    mandatory_count: int = 0,
) -> str:
    """Replace what a pattern matches."""
    expression = re.compile(pattern, _flags(ignorecase, multiline))
    result, done = expression.subn(replacement, text_of(value), count=count)
    if mandatory_count and mandatory_count != done:
        raise refused(
            f"'{pattern}' should match {mandatory_count:d} times, "
            f"but matches {count:d} times in '{text_of(value)}'"
        )
    return result


def regex_findall(
    value: Any, regex: str, multiline: object = False, ignorecase: object = False
) -> list[Any]:
    """Give everything a pattern matches."""
    return re.findall(regex, text_of(value), _flags(ignorecase, multiline))


def regex_search(value: Any, regex: str, *groups: str, **kwargs: Any) -> Any:
    r"""Give what a pattern matches first, or the groups asked for as `\1` and `\g<name>`."""
    wanted: list[str | int] = []
    for group in groups:
        named = re.match(r"\\g<(\S+)>", group)
        numbered = re.match(r"\\(\d+)", group)
        if named:
            wanted.append(named[1])
        elif numbered:
            wanted.append(int(numbered[1]))
        else:
            raise refused("Unknown argument")
    found = re.search(
        regex, text_of(value), _flags(kwargs.get("ignorecase"), kwargs.get("multiline"))
    )
    if found is None:
        return None
    return [found.group(group) for group in wanted] if wanted else found.group()


def regex_escape(value: Any, re_type: str = "python") -> str:
    """Take away the meaning special characters have in a pattern."""
    match re_type:
        case "python":
            return re.escape(text_of(value))
        case "posix_basic":
            return re.sub(r"([].[^$*\\])", r"\\\1", text_of(value))
        case "posix_extended":
            raise refused(f"Regex type ({re_type}) not yet implemented")
        case _:
            raise refused(f"Invalid regex type ({re_type})")


def quote(value: Any) -> str:
    """Quote for a shell."""
    return shlex.quote("" if value is None else text_of(value))


def b64encode(value: Any, encoding: str = "utf-8", urlsafe: object = False) -> str:
    """Encode as base64."""
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    return encode(_bytes_of(value, encoding)).decode()


def b64decode(value: Any, encoding: str = "utf-8", urlsafe: object = False) -> str:
    """Decode from base64."""
    decode = base64.urlsafe_b64decode if urlsafe else base64.b64decode
    return decode(_bytes_of(value)).decode(encoding, "surrogateescape")


def path_join(paths: Any) -> str:
    """Join parts of a path."""
    if isinstance(paths, str):
        return os.path.join(paths)  # noqa: PTH118  # text in, text out: pathlib normalizes
    if isinstance(paths, list | tuple):
        return os.path.join(*paths)  # noqa: PTH118  # the same
    raise refused(f"|path_join expects string or sequence, got {type(paths)} instead.")


def fileglob(pattern: str) -> list[str]:
    """Give the files a pattern matches on the controller."""
    return [found for found in glob.glob(pattern) if Path(found).is_file()]  # noqa: PTH207  # order


def digest(value: Any, hashtype: str = "sha1") -> str:
    """Hash with any algorithm hashlib knows."""
    import hashlib  # noqa: PLC0415  # OpenSSL behind it is slow to load

    try:
        state = hashlib.new(hashtype)
    except ValueError as error:
        raise refused(str(error)) from error
    state.update(_bytes_of(value))
    return state.hexdigest()


def md5(value: Any) -> str:
    """Hash with MD5."""
    return digest(value, "md5")


def sha1(value: Any) -> str:
    """Hash with SHA-1."""
    return digest(value)


def to_datetime(value: str, format: str = "%Y-%m-%d %H:%M:%S") -> Any:  # noqa: A002  # stock's name
    """Read a date and time."""
    return dt.datetime.strptime(value, format)  # as stock: no time zone


def strftime(string_format: str, second: Any = None, utc: object = False) -> str:
    """Write a time; the present one if none is given."""
    if second is not None:
        try:
            second = float(second)
        except (TypeError, ValueError):
            raise refused(f"Invalid value for epoch value ({second})") from None
    return time.strftime(string_format, (time.gmtime if utc else time.localtime)(second))


def to_uuid(value: Any, namespace: Any = "361E6D51-FAEC-444A-9079-341386DA8E2E") -> str:
    """Give the name-based UUID of a text."""
    import uuid  # noqa: PLC0415  # it looks for system libraries when loaded

    try:
        space = namespace if isinstance(namespace, uuid.UUID) else uuid.UUID(namespace)
    except (AttributeError, ValueError) as error:
        raise refused(f"Invalid value '{namespace}' for 'namespace': {error}") from error
    return str(uuid.uuid5(space, text_of(value)))


def _as_text(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function of text that is C code or shared, so that it can be a plugin."""

    def called(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return called


def text_filters() -> dict[str, Plugin]:
    """Give these filters by name."""
    stable: dict[str, Callable[..., Any]] = {
        "regex_replace": regex_replace, "regex_findall": regex_findall,
        "regex_search": regex_search, "regex_escape": regex_escape, "quote": quote,
        "b64encode": b64encode, "b64decode": b64decode, "path_join": path_join,
        "md5": md5, "sha1": sha1, "checksum": sha1, "hash": digest,
        "to_datetime": to_datetime, "to_uuid": to_uuid, "split": _as_text(str.split),
        "basename": _as_text(os.path.basename), "dirname": _as_text(os.path.dirname),
        "splitext": _as_text(os.path.splitext), "normpath": _as_text(os.path.normpath),
        "win_basename": _as_text(ntpath.basename), "win_dirname": _as_text(ntpath.dirname),
        "win_splitdrive": _as_text(ntpath.splitdrive),
    }  # fmt: skip  # a table is read by columns
    volatile: dict[str, Callable[..., Any]] = {
        "expanduser": _as_text(os.path.expanduser), "expandvars": _as_text(os.path.expandvars),
        "realpath": _as_text(os.path.realpath), "relpath": _as_text(os.path.relpath),
        "fileglob": fileglob, "strftime": strftime,
    }  # fmt: skip  # the same
    return {name: Plugin(function) for name, function in stable.items()} | {
        name: Plugin(function, volatile=True) for name, function in volatile.items()
    }
