"""Hashed passwords, as `vars_prompt` asks for them: made by ansible-core's own functions.

Knows how those functions fail, and that they would print from anywhere. Leaves who is asked
for a password to the engine.
"""

from __future__ import annotations

from collections.abc import Callable

from outlast.errors import OutlastError


class _Listener:
    """Stands in for ansible-core's display: what it would print at `-vv` is heard."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        self.vv = hear


def hashed(
    secret: str, kind: object, *, salt: object, salt_size: object, hear: Callable[[str], None]
) -> str:
    """Give *secret* hashed the way that is called *kind*; takes half a second.

    *hear* is told what stock says of it at `-vv`. Raises `OutlastError`: passlib is not
    there, does not know *kind*, or refuses what it is given.
    """
    from ansible.errors import AnsibleError  # noqa: PLC0415  # few plays ask for a hash
    from ansible.utils import encrypt  # noqa: PLC0415  # the same

    encrypt.display = _Listener(hear)
    try:
        return str(encrypt.do_encrypt(secret, kind, salt=salt, salt_size=salt_size))
    except AnsibleError as error:
        raise OutlastError(str(error)) from error
    except Exception as error:  # passlib may raise anything; stock shows its traceback
        raise OutlastError(f"Could not hash the secret: {error}") from error
