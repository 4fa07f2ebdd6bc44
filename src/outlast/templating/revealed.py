"""What a `!vault` string holds, and the filters and tests that ask about encryption.

Knows that such text stays marked while a template works on it, so that a test can tell and
YAML for people can show what is encrypted in its place. Leaves decrypting to `vault`; out of
a template comes plain text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn, Self

from outlast.errors import EvaluationError, VaultError
from outlast.templating.explaining import because
from outlast.templating.markers import Marker, Undecryptable
from outlast.vault import Vault, VaultSecret, encrypted, is_encrypted


class Revealed(str):
    """Decrypted text that remembers what it was decrypted from."""

    __slots__ = ("ciphertext",)

    ciphertext: str

    def __new__(cls, text: str, ciphertext: str) -> Self:
        """Mark *text*."""
        made = super().__new__(cls, text)
        made.ciphertext = ciphertext
        return made


# Python's own messages and `type_debug` name the type: to a playbook this is text.
Revealed.__name__ = Revealed.__qualname__ = "str"
Revealed.__module__ = "builtins"


def ciphertext_of(value: object) -> str | None:
    """Give what *value* was, or still is, encrypted as; None for everything else."""
    return value.ciphertext if isinstance(value, Revealed | Undecryptable) else None


def vault_encrypted(value: Any) -> bool:
    """Tell whether a variable is one encrypted string."""
    text = ciphertext_of(value)
    if text is not None:
        return is_encrypted(text)
    if isinstance(value, Marker):
        value.trip()
    return False


def vaulted_file(path: Any) -> bool:
    """Tell whether a file is encrypted."""
    try:
        with Path(path).open("rb") as file:
            return is_encrypted(file.read(len("$ANSIBLE_VAULT")))
    except OSError as error:
        _failed(f"Cannot test if the file {path!r} is a vault.", error)


def vault(
    data: Any,
    secret: Any,
    salt: Any = None,
    vault_id: Any = "filter_default",
    wrap_object: Any = False,  # noqa: FBT002  # stock's signature
) -> str:
    """Encrypt text."""
    if not isinstance(secret, str | bytes):
        raise TypeError(f"Secret passed is required to be a string, instead we got {type(secret)}.")
    if not isinstance(data, str | bytes):
        raise TypeError(f"Can only vault strings, instead we got {type(data)}.")
    if wrap_object:
        raise EvaluationError("the vault filter's wrap_object is not supported yet")
    key = VaultSecret(str(vault_id), _bytes(secret))
    try:
        return encrypted(_bytes(data), key, salt=None if salt is None else _bytes(salt)).decode()
    except VaultError as error:
        _failed("Unable to encrypt.", error)


def unvault(data: Any, secret: Any, vault_id: Any = "filter_default") -> Any:
    """Decrypt text, and a `!vault` string with another secret than the run's."""
    text = ciphertext_of(data) or data
    for given in (text, secret, vault_id):
        if isinstance(given, Marker):
            return given
    if not isinstance(secret, str | bytes):
        raise TypeError(
            f"Secret passed is required to be as string, instead we got {type(secret)}."
        )
    if not isinstance(text, str | bytes):
        raise TypeError(f"Vault should be in the form of a string, instead we got {type(text)}.")
    if not is_encrypted(text):
        return text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
    key = VaultSecret(str(vault_id), _bytes(secret))
    try:
        return Vault((key,)).decrypted(_bytes(text)).decode("utf-8", "surrogateescape")
    except VaultError as error:
        _failed("Unable to decrypt.", error)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _failed(what: str, error: Exception) -> NoReturn:
    raise because(what, None, error) from None
