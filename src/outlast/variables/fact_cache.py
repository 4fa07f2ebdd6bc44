"""Facts that outlive a run: the setting `fact_caching: jsonfile`, in stock's own files.

Knows how a host's facts lie in its file, and that nothing that comes from there is ever a
template, whatever its marks say. Files are written aside by a thread of their own, all of them
before the run ends. Leaves what facts there are to `variables`.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from outlast.errors import EvaluationError, SettingsError
from outlast.outcome import Warned
from outlast.values import Vaulted
from outlast.variables.files import Notify

_PAYLOAD: Final = "__payload__"
_TYPE: Final = "__ansible_type"
_S: Final = "AnsibleSerializable"
_SCHEMA: Final = "s1_"
"""Stands before each host's name, as stock's form of what is inside has a number."""
_NAMES: Final = frozenset(
    f"{collection}jsonfile" for collection in ("", "ansible.builtin.", "ansible.legacy.")
)
_MEMORY: Final = frozenset(
    f"{collection}memory" for collection in ("", "ansible.builtin.", "ansible.legacy.")
)


class JsonFiles:
    """Implements `ports.FactCache`: a file for each host in a folder."""

    def __init__(self, folder: str, *, prefix: str, timeout: int, notify: Notify) -> None:
        """Make a cache in *folder*, made if need be; raises `SettingsError` if it cannot be used.

        What is older than *timeout* seconds is not read; 0: nothing is too old.
        """
        self._folder = Path(folder)
        self._prefix = f"{prefix}{_SCHEMA}"
        self._timeout = timeout
        self._notify = notify
        self._lock = threading.Lock()
        self._due: dict[str, Mapping[str, object] | None] = {}
        """What is still to be written, None: removed; the newest of each host counts."""
        self._problems: list[str] = []
        """Of the writer: it has nobody to tell when the run is over."""
        self._writer = ThreadPoolExecutor(1, "facts")
        _usable(self._folder)

    def read(self, host: str) -> Mapping[str, object]:
        """Give what is known of *host*; a spoilt file is removed, and `EvaluationError` raised."""
        file = self._file(host)
        if file is None or self._is_too_old(file):
            return {}
        try:
            return _facts(json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except OSError as error:
            told = f"Error while accessing the cache file {str(file)!r}: {error}"
            raise EvaluationError(told) from error
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            self._spoilt(file, error)
            raise EvaluationError(
                f"The cache file {file} was corrupt, or did not otherwise contain valid data."
                " It has been removed, so you can re-run your command now."
            ) from error

    def write(self, host: str, facts: Mapping[str, object]) -> None:
        """Have all that is known of *host* written soon."""
        self._later(host, facts)

    def forget(self, host: str) -> None:
        """Have the file of *host* removed soon."""
        self._later(host, None)

    def flush(self, hosts: Iterable[str]) -> None:
        """Remove the files of *hosts* before anything is read."""
        for file in map(self._file, hosts):
            if file is not None:
                self._remove(file)

    def close(self) -> None:
        """Return when all is written; what could not be is told."""
        self._writer.shutdown()
        for problem in self._problems:
            self._notify(Warned(problem))
        self._problems.clear()

    def _file(self, host: str) -> Path | None:
        """Give the file of *host*; a name that leads elsewhere has none."""
        return None if "/" in host or "\0" in host else self._folder / f"{self._prefix}{host}"

    def _is_too_old(self, file: Path) -> bool:
        try:
            return self._timeout != 0 and time.time() - file.stat().st_mtime > self._timeout
        except OSError:
            return False  # reading it says more

    def _spoilt(self, file: Path, error: Exception) -> None:
        text = (
            f"error in 'jsonfile' cache plugin while trying to read {file} :"
            f" {str(error).encode()!r}. Most likely a corrupt file, so erasing and failing."
        )
        self._notify(Warned(text))
        self._remove(file)

    def _later(self, host: str, facts: Mapping[str, object] | None) -> None:
        with self._lock:
            waits = host in self._due
            self._due[host] = facts
        if not waits:
            self._writer.submit(self._settle, host)

    def _settle(self, host: str) -> None:
        with self._lock:
            facts = self._due.pop(host)
        file = self._file(host)
        if file is None:
            return
        try:
            if facts is None:
                file.unlink(missing_ok=True)
            else:
                _write(file, json.dumps({_PAYLOAD: json.dumps(_plain(facts))}))
        except (OSError, TypeError, ValueError, RecursionError) as error:
            what = f"Error in 'jsonfile' cache plugin while trying to write to {str(file)!r}"
            self._problems.append(f"{what}: {error}")

    def _remove(self, file: Path) -> None:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            self._notify(Warned(f"The cache file {file} could not be removed: {error}"))


def opened(
    name: str, folder: str | None, *, prefix: str, timeout: int, notify: Notify
) -> JsonFiles | None:
    """Give the cache that the settings name; None: facts are kept in memory, told if not meant."""
    if name in _MEMORY:
        return None
    if name not in _NAMES:
        notify(Warned(f"Unable to load the cache plugin {name!r}."))
        return None
    if not folder:
        notify(Warned("Required config '_uri' for 'jsonfile' cache plugin not provided."))
        return None
    try:
        return JsonFiles(folder, prefix=prefix, timeout=timeout, notify=notify)
    except SettingsError as error:
        notify(Warned(str(error)))
        return None


def _usable(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"Error in 'jsonfile' cache plugin while trying to create cache dir {str(folder)!r}:"
            f" {error}"
        ) from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise SettingsError(
            f"error in 'jsonfile' cache, configured path ({folder}) does not have necessary"
            " permissions (rwx), disabling plugin"
        )


def _write(file: Path, text: str) -> None:
    """Write *text* aside and put it in place: private, and whole whenever it is read."""
    number, aside = tempfile.mkstemp(dir=file.parent, prefix=".")
    try:
        with open(number, "w", encoding="utf-8") as out:  # noqa: PTH123  # a descriptor has no path
            out.write(text)
            out.flush()
            os.fsync(number)
        Path(aside).replace(file)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _facts(kept: Any) -> dict[str, object]:
    """Give what *kept* holds; a mapping that is none of stock's or ours holds nothing."""
    if isinstance(kept, dict) and _PAYLOAD not in kept:
        return {}
    facts = _read(json.loads(kept[_PAYLOAD]))
    if not isinstance(facts, dict):
        told = f"facts are a mapping, not {type(facts).__name__!r}"
        raise TypeError(told)
    return facts


def _read(value: Any) -> Any:
    """Give *value* without stock's marks: data, whatever they say of it."""
    if isinstance(value, list):
        return [_read(member) for member in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(_TYPE)
    if kind is None:
        return {key: _read(member) for key, member in value.items()}
    if kind == "EncryptedString":
        return Vaulted(str(value["ciphertext"]))  # what it decrypts to is data
    if kind in _MOMENTS:
        return _MOMENTS[kind](value["iso8601"])
    return _read(value["value"])


_MOMENTS: Final[Mapping[str, Callable[[str], object]]] = {
    "AnsibleSerializableDate": dt.date.fromisoformat,
    "AnsibleSerializableTime": dt.time.fromisoformat,
    "AnsibleSerializableDateTime": dt.datetime.fromisoformat,
}


def _plain(value: object) -> object:
    """Give *value* as it is written: what a host itself has marked loses its mark.

    Stock would take `TrustedAsTemplate` for its own word.
    """
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items() if key != _TYPE}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(member) for member in value]
    match value:
        case Vaulted():
            return {"ciphertext": value.text, _TYPE: "EncryptedString"}
        case dt.datetime():
            return {"iso8601": value.isoformat(), "fold": value.fold, _TYPE: f"{_S}DateTime"}
        case dt.date():
            return {"iso8601": value.isoformat(), _TYPE: f"{_S}Date"}
        case dt.time():
            return {"iso8601": value.isoformat(), "fold": value.fold, _TYPE: f"{_S}Time"}
    return value
