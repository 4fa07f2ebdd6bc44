"""Vault: text that only who has the password can read.

Knows Ansible's format (1.1 and 1.2, AES256), which of several secrets is tried first, and
stock's words when none fits. Leaves where passwords come from to `cli`, and what is
encrypted to `loader` and whoever reads files. Nothing of a secret or of what it protects is
ever part of an error or of a `repr`.
"""

from __future__ import annotations

from binascii import Error as NotHex
from binascii import hexlify, unhexlify
from typing import Final

from msgspec import Struct

from outlast.errors import Cause, VaultError
from outlast.values import Origin

_MARK: Final = b"$ANSIBLE_VAULT"
_ROUNDS: Final = 10_000
_KEY: Final = 32
_BLOCK: Final = 16
_WIDTH: Final = 80
_CIPHER: Final = "AES256"
_CLOSED: Final = "Attempting to decrypt but no vault secrets found."
_NO_MATCH: Final = "Decryption failed (no vault secrets were found that could decrypt)."


class VaultSecret(Struct, frozen=True):
    """A password and the id it goes by."""

    vault_id: str
    password: bytes

    def __repr__(self) -> str:
        return f"VaultSecret({self.vault_id})"


class _Envelope(Struct, frozen=True):
    """What an encrypted text holds, taken apart."""

    vault_id: str
    salt: bytes
    digest: bytes
    ciphertext: bytes


def is_encrypted(data: bytes | str) -> bool:
    """Tell whether *data* is encrypted, by how it begins; such text is plain ASCII."""
    if isinstance(data, str):
        return data.startswith("$ANSIBLE_VAULT") and data.isascii()
    return data.startswith(_MARK) and data.isascii()


class Vault:
    """Reads what is encrypted with any of its secrets; safe to use from several threads.

    *strict* is the setting `vault_id_match`: only the secrets of the very id that is written
    in a text are tried.
    """

    def __init__(self, secrets: tuple[VaultSecret, ...] = (), *, strict: bool = False) -> None:
        self.secrets = secrets
        self._strict = strict
        self._keys: dict[tuple[bytes, bytes], bytes] = {}
        self._texts: dict[str, str] = {}

    def opened(self, data: bytes, path: str) -> bytes:
        """Give what a file holds: *data*, decrypted if it is encrypted. Raises `VaultError`."""
        return self.decrypted(data, Origin(path)) if is_encrypted(data) else data

    def revealed(self, text: str, origin: Origin | None = None) -> str:
        """Give the text that a `!vault` value holds, decrypted once. Raises `VaultError`."""
        known = self._texts.get(text)
        if known is None:
            plain = self.decrypted(text.encode("utf-8", "surrogateescape"), origin)
            known = self._texts[text] = plain.decode("utf-8", "surrogateescape")
        return known

    def is_known(self, text: str) -> bool:
        """Tell whether *text* has been decrypted before, so that it costs nothing now."""
        return text in self._texts

    def decrypted(self, data: bytes, origin: Origin | None = None) -> bytes:
        """Give what *data* holds; raises `VaultError` with stock's words."""
        if not is_encrypted(data):
            raise VaultError("Input is not vault encrypted data.", origin)
        envelope, cipher, body = _header(data, origin)
        if cipher != _CIPHER:
            raise VaultError(f"Cipher {cipher!r} could not be found.", origin)
        if not self.secrets:
            raise VaultError(_CLOSED, origin)
        candidates = self._candidates(envelope)
        if candidates:
            sealed = _body(envelope, body, origin)
            for secret in candidates:
                plain = self._unsealed(sealed, secret, origin)
                if plain is not None:
                    return plain
        raise VaultError(_NO_MATCH, origin)

    def _candidates(self, vault_id: str) -> list[VaultSecret]:
        """Give the secrets to try: in their order, for stock looks for matches so."""
        if not self._strict:
            return list(self.secrets)
        return [secret for secret in self.secrets if secret.vault_id == vault_id]

    def _unsealed(
        self, sealed: _Envelope, secret: VaultSecret, origin: Origin | None
    ) -> bytes | None:
        """Give what *sealed* holds, None if *secret* is not the one."""
        import hmac  # noqa: PLC0415  # a run without vault has no use for it

        keys = self._derived(secret.password, sealed.salt)
        digest = hmac.digest(keys[_KEY : 2 * _KEY], sealed.ciphertext, "sha256")
        if not hmac.compare_digest(digest, _unhexed(sealed.digest, origin)):
            return None
        return _unpadded(_aes(keys, sealed.ciphertext), origin)

    def _derived(self, password: bytes, salt: bytes) -> bytes:
        known = self._keys.get((password, salt))
        if known is None:
            known = self._keys[password, salt] = _derive(password, salt)
        return known


LOCKED: Final = Vault()
"""A vault without secrets: plain files pass, encrypted ones are an error."""


def encrypted(plain: bytes, secret: VaultSecret, *, salt: bytes | None = None) -> bytes:
    """Give *plain* as stock's `ansible-vault encrypt` writes it."""
    import hmac  # noqa: PLC0415  # as above
    import os  # noqa: PLC0415  # as above

    if is_encrypted(plain):
        raise VaultError("input is already encrypted")
    if salt is None:
        salt = os.urandom(32)
    elif not salt:
        raise VaultError("Empty or invalid salt passed to encrypt()")
    keys = _derive(secret.password, salt)
    fill = _BLOCK - len(plain) % _BLOCK
    ciphertext = _aes(keys, plain + bytes([fill]) * fill)
    digest = hmac.digest(keys[_KEY : 2 * _KEY], ciphertext, "sha256")
    body = hexlify(b"\n".join([hexlify(salt), hexlify(digest), hexlify(ciphertext)]))
    named = secret.vault_id not in ("", "default")
    header = [_MARK, b"1.2" if named else b"1.1", _CIPHER.encode()]
    if named:
        header.append(secret.vault_id.encode())
    lines = [body[start : start + _WIDTH] for start in range(0, len(body), _WIDTH)]
    return b"\n".join([b";".join(header), *lines, b""])


def _header(data: bytes, origin: Origin | None) -> tuple[str, str, bytes]:
    """Give id, cipher and the hexadecimal rest of an encrypted text."""
    lines = data.splitlines()
    words = [word.strip().decode("ascii", "replace") for word in lines[0].strip().split(b";")]
    if len(words) < 3:  # noqa: PLR2004  # mark, version, cipher
        why = Cause("list index out of range")
        raise VaultError("Vault envelope format error.", origin, causes=(why,))
    vault_id = words[3] if len(words) > 3 else "default"  # noqa: PLR2004  # since version 1.2
    return vault_id, words[2], b"".join(lines[1:])


def _body(vault_id: str, body: bytes, origin: Origin | None) -> _Envelope:
    parts = _unhexed(body, origin).split(b"\n", 2)
    if len(parts) != 3:  # noqa: PLR2004  # salt, digest, ciphertext
        why = Cause(f"not enough values to unpack (expected 3, got {len(parts)})")
        raise VaultError("Vault vaulttext format error.", origin, causes=(why,))
    salt, digest, ciphertext = parts
    return _Envelope(vault_id, _unhexed(salt, origin), digest, _unhexed(ciphertext, origin))


def _unhexed(data: bytes, origin: Origin | None) -> bytes:
    try:
        return unhexlify(data)
    except NotHex as error:
        why = Cause(str(error))  # says that a digit is wrong, not which
        raise VaultError("Vault format unhexlify error.", origin, causes=(why,)) from error


def _derive(password: bytes, salt: bytes) -> bytes:
    import hashlib  # noqa: PLC0415  # as above

    return hashlib.pbkdf2_hmac("sha256", password, salt, _ROUNDS, 2 * _KEY + _BLOCK)


def _aes(keys: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt: in counter mode both are one."""
    from cryptography.hazmat.primitives.ciphers import (  # noqa: PLC0415  # 17 ms, for vault alone
        Cipher,
        algorithms,
        modes,
    )

    cipher = Cipher(algorithms.AES(keys[:_KEY]), modes.CTR(keys[2 * _KEY :]))
    worker = cipher.encryptor()
    return worker.update(data) + worker.finalize()


def _unpadded(data: bytes, origin: Origin | None) -> bytes:
    fill = data[-1] if data else 0
    if not 0 < fill <= _BLOCK or data[-fill:] != bytes([fill]) * fill:
        raise VaultError("Vault vaulttext format error.", origin)
    return data[:-fill]
