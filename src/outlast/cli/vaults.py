"""Vault passwords of a run: asked for, read from files, or printed by programs.

Knows the order in which stock collects them, what it says of those it cannot have, and that
a password file may itself be encrypted with a password that came before. Leaves using them
to `vault`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NoReturn

from msgspec import Struct

from outlast.cli.options import RunOptions
from outlast.errors import Cause, OutlastError
from outlast.outcome import Notice, Warned
from outlast.settings import Settings
from outlast.vault import Vault, VaultSecret

_ASKED: Final = "prompt_ask_vault_pass"
_UNKNOWN_ID: Final = 2
"""How a client program says that it has no password for an id."""


def open_vault(options: RunOptions, settings: Settings, notify: Callable[[Notice], None]) -> Vault:
    """Give the vault of a run, with every password that could be had.

    One that cannot be had is warned of; raises `OutlastError` when none could, or when a
    prompt is not answered.
    """
    secrets: list[VaultSecret] = []
    failure: OutlastError | None = None
    for source in _sources(options, settings):
        known = Vault(tuple(secrets), strict=settings.vault_id_match)
        try:
            secrets.append(VaultSecret(source.vault_id, source.password(known)))
        except _Unavailable as error:
            notify(Warned(f"{error.doing} ({source.name}): {error}"))
            if source.asks:
                raise OutlastError(error.message, causes=error.causes) from error
            failure = OutlastError(error.message, causes=error.causes)
    if failure is not None and not secrets:
        raise failure
    return Vault(tuple(secrets), strict=settings.vault_id_match)


def _sources(options: RunOptions, settings: Settings) -> Iterator[_Source]:
    default = settings.vault_identity
    for text in (*settings.vault_identity_list, *options.vault_ids):
        if text:
            name, at, value = text.partition("@")
            yield _Source(name, value, default) if at else _Source(None, text, default)
    files = [*options.vault_password_files]
    if settings.vault_password_file is not None:
        files.append(settings.vault_password_file)
    for file in files:
        yield _Source(default, file, default)
    if settings.ask_vault_pass:
        yield _Source(default, _ASKED, default)


class _Unavailable(OutlastError):
    """A password that cannot be had, and what was being done about it."""

    def __init__(self, doing: str, message: str, *causes: Cause) -> None:
        super().__init__(message, causes=causes)
        self.doing = doing


class _Source(Struct, frozen=True):
    """Where one password is to come from."""

    name: str | None
    """The id as it was written."""
    place: str
    default: str

    @property
    def vault_id(self) -> str:
        """Under which id the password goes."""
        return self.name or self.default

    @property
    def asks(self) -> bool:
        """Tell whether a person is asked."""
        return self.place in ("prompt", _ASKED)

    def password(self, known: Vault) -> bytes:
        """Give the password; raises `_Unavailable`."""
        if self.asks:
            return _asked("Vault password: " if self.place == _ASKED else None, self.vault_id)
        path = _existing(self.place)
        if not os.access(path, os.X_OK):
            return _read(path, known)
        client = Path(self.place).stem.endswith("-client")
        return _printed_by_client(path, self.name) if client else _printed(path)


def _asked(prompt: str | None, vault_id: str) -> bytes:
    import getpass  # noqa: PLC0415  # only who asks pays for it

    doing = "Error in vault password prompt"
    try:
        answer = getpass.getpass(prompt or f"Vault password ({vault_id}): ")
    except EOFError as error:
        told = f"EOFError (ctrl-d) on prompt for ({vault_id})"
        raise _Unavailable(doing, told) from error
    if not answer:
        raise _Unavailable(doing, "Invalid vault password was provided")
    return answer.encode("utf-8", "surrogateescape").strip()


def _existing(place: str) -> str:
    expanded = os.path.expandvars(Path(place).expanduser())
    path = os.path.normpath(Path.cwd() / expanded)
    doing = "Error getting vault password file"
    if not Path(path).exists():
        raise _Unavailable(doing, f"The vault password file {path} was not found")
    if Path(path).is_dir():
        told = f"The vault password file provided '{path}' can not be a directory"
        raise _Unavailable(doing, told)
    return path


def _read(path: str, known: Vault) -> bytes:
    try:
        data = Path(path).read_bytes().strip()
    except OSError as error:
        _not_loaded(f"Could not read vault password file {path!r}.", Cause(str(error)))
    try:
        data = known.opened(data, path)
    except OutlastError as error:
        _not_loaded(error.message)
    return _checked(data, f"file ({path})")


def _printed(path: str) -> bytes:
    """Give what a program prints; what it says on stderr, a prompt perhaps, is seen."""
    import subprocess  # noqa: PLC0415  # 8 ms that only password programs are worth

    try:
        run = subprocess.run([path], stdout=subprocess.PIPE, check=False)
    except OSError as error:
        _not_loaded(_NO_SCRIPT.format(kind="script", path=path, error=error))
    if run.returncode:
        _not_loaded(f"Vault password script {path} returned non-zero ({run.returncode}): None")
    return _checked(run.stdout, f"script ({path})")


def _printed_by_client(path: str, vault_id: str | None) -> bytes:
    """Give what a program prints that is told which password is wanted."""
    import subprocess  # noqa: PLC0415  # as above

    asked = [path, "--vault-id", vault_id] if vault_id else [path]
    try:
        run = subprocess.run(asked, capture_output=True, check=False)
    except OSError as error:
        _not_loaded(_NO_SCRIPT.format(kind="client script", path=path, error=error))
    if run.returncode == _UNKNOWN_ID:
        _not_loaded(
            f"Vault password client script {path} did not find a secret for"
            f" vault-id={vault_id}: {run.stderr!r}"
        )
    if run.returncode:
        _not_loaded(
            f"Vault password client script {path} returned non-zero ({run.returncode}) when"
            f" getting secret for vault-id={vault_id}: {run.stderr!r}"
        )
    return _checked(run.stdout, f"script ({path})")


_NO_SCRIPT: Final = (
    "Problem running vault password {kind} {path} ({error})."
    " If this is not a script, remove the executable bit from the file."
)


def _checked(data: bytes, source: str) -> bytes:
    data = data.strip(b"\r\n")
    if not data:
        _not_loaded(f"Invalid vault password was provided from {source}")
    return data


def _not_loaded(told: str, *causes: Cause) -> NoReturn:
    raise _Unavailable("Error in vault password file loading", told, *causes)
