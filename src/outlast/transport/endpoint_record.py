"""An endpoint as it may be written down, and read again in another process.

Knows that no password is written, and that what is as usual need not be. Leaves keeping it
to whoever asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import asdict, fields, replace

from outlast.errors import ActionFailed, Cause
from outlast.transport.endpoint import Endpoint, Identity

_SECRET = frozenset({"password"})


def described(endpoint: Endpoint) -> Mapping[str, object]:
    """Give *endpoint* in plain values, without passwords."""
    plain = _unusual(endpoint)
    if endpoint.identity is not None:
        plain["identity"] = _unusual(endpoint.identity)
    return plain


def restored(plain: Mapping[str, object], *, become_password: str | None = None) -> Endpoint:
    """Give the endpoint that `described` gave *plain* for, with a password typed anew.

    Raises `ActionFailed` for what cannot be one.
    """
    try:
        endpoint = msgspec.convert(dict(plain), Endpoint)
    except msgspec.ValidationError as error:
        raise ActionFailed("This is no place of a host.", causes=(Cause(str(error)),)) from error
    if endpoint.identity is None or become_password is None:
        return endpoint
    return replace(endpoint, identity=replace(endpoint.identity, password=become_password))


def _unusual(value: Endpoint | Identity) -> dict[str, Any]:
    """Give the fields that are not as they are when nobody says anything, secrets left out."""
    usual = {field.name: field.default for field in fields(type(value))}
    return {
        name: found
        for name, found in asdict(value).items()
        if name not in _SECRET and found != usual[name]
    }
