"""Which host is meant, how it is reached, and as whom.

Knows the variables, keywords and settings that decide it, and which beats which. Leaves
evaluating them to the caller, and connecting to `sessions`.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from outlast.errors import ActionFailed, NotSupportedYet
from outlast.settings import Settings

Lookup = Callable[[str], object | None]
"""A variable's evaluated value as the host sees it; None: there is none."""

PYTHONS = (
    *("python3.13", "python3.12", "python3.11", "python3.10", "python3.9", "python3.8"),
    *("/usr/bin/python3", "python3"),
)
"""Where a Python is looked for, the best first."""

DISCOVER = frozenset({"auto", "auto_silent", "auto_legacy", "auto_legacy_silent"})

_SSH_NAMES = frozenset({"ssh", "smart", "ansible.builtin.ssh", "ansible.legacy.ssh"})
_LOCAL_NAMES = frozenset({"local", "ansible.builtin.local", "ansible.legacy.local"})
_METHODS = {
    f"{prefix}{name}": name for name in ("sudo", "su") for prefix in ("", "ansible.builtin.")
}
_TRUE = frozenset({"y", "yes", "on", "1", "true", "t"})
_FALSE = frozenset({"n", "no", "off", "0", "false", "f", ""})


class Identity(Struct, frozen=True, kw_only=True):
    """Whom to become after logging in, and how."""

    method: str
    """`sudo` or `su`."""
    user: str
    exe: str
    flags: str
    password: str | None = None
    chdir: str | None = None
    prompts: tuple[str, ...] = ()
    """What su asks in a language stock does not know; empty: stock's list."""

    def __repr__(self) -> str:
        return f"Identity({self.method} to {self.user})"  # the password is nobody's business


class Endpoint(Struct, frozen=True, kw_only=True):
    """All that decides which connection is meant: equal endpoints share one."""

    kind: str
    """`ssh` or `local`."""
    host: str
    port: int | None = None
    user: str | None = None
    private_key: str | None = None
    host_key_checking: bool = True
    ssh_executable: str = "ssh"
    ssh_args: str = ""
    ssh_common_args: str = ""
    ssh_extra_args: str = ""
    timeout: int = 10
    retries: int = 0
    control_path: str | None = None
    control_path_dir: str = "~/.ansible/cp"
    python: str = "auto"
    """A command, or one of `DISCOVER`."""
    pythons: tuple[str, ...] = PYTHONS
    remote_tmp: str = "~/.ansible/tmp"
    identity: Identity | None = None

    @property
    def discovers(self) -> bool:
        """Tell whether the interpreter is to be looked for."""
        return self.python in DISCOVER

    @property
    def discovers_aloud(self) -> bool:
        """Tell whether the user is to hear which interpreter was found."""
        return self.discovers and not self.python.endswith("_silent")

    @property
    def login(self) -> Endpoint:
        """The same connection as the user who logs in."""
        return replace(self, identity=None)


class Wishes(Struct, frozen=True, kw_only=True):
    """What the keywords of play, block and task say, evaluated; None: nothing."""

    connection: object = None
    port: object = None
    remote_user: object = None
    become: object = None
    become_user: object = None
    become_method: object = None
    become_exe: object = None
    become_flags: object = None


def endpoint_for(
    lookup: Lookup,
    wishes: Wishes,
    settings: Settings,
    *,
    become_password: str | None = None,
) -> Endpoint:
    """Give the endpoint of the host whose variables *lookup* gives.

    Variables beat keywords, keywords beat settings, among variables the more special name
    wins, as in stock. *become_password* is what a person typed; a variable beats it.
    Raises `NotSupportedYet` for a connection or become method that is not built.
    """
    reader = _Reader(lookup)
    kind = _kind(reader, wishes, settings)
    user = reader.text(wishes.remote_user, settings.remote_user, "ansible_user", "ansible_ssh_user")
    if kind == "local":
        user = _own_name()
    endpoint = Endpoint(
        kind=kind,
        host=_host(reader),
        user=user,
        python=_python(reader, settings),
        pythons=_pythons(lookup("ansible_interpreter_python_fallback")),
        remote_tmp=reader.text(None, settings.remote_tmp, "ansible_remote_tmp") or "~/.ansible/tmp",
        identity=_identity(reader, wishes, settings, become_password, user),
    )
    return endpoint if kind == "local" else _with_ssh(endpoint, reader, wishes, settings)


class _Reader:
    """Reads what variables say, the last name that is given winning."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    def value(self, wish: object, setting: object, *names: str) -> object:
        for name in reversed(names):
            found = self._lookup(name)
            if found is not None:
                return found
        return setting if wish is None else wish

    def text(self, wish: object, setting: str | None, *names: str) -> str | None:
        value = self.value(wish, setting, *names)
        return None if value is None else str(value)

    def number(self, wish: object, setting: int | None, *names: str) -> int | None:
        value = self.value(wish, setting, *names)
        if value is None or value == "":
            return None
        try:
            return int(str(value))
        except ValueError as error:
            raise ActionFailed(f"{names[-1]}: {value!r} is not a number") from error

    def flag(self, wish: object, setting: bool, *names: str) -> bool:  # noqa: FBT001  # the third of three places
        value = self.value(wish, setting, *names)
        word = str(value).strip().lower()
        if word not in _TRUE | _FALSE:
            raise ActionFailed(f"{names[-1]}: {value!r} is neither yes nor no")
        return word in _TRUE


def _kind(reader: _Reader, wishes: Wishes, settings: Settings) -> str:
    name = reader.text(wishes.connection, settings.transport, "ansible_connection") or "ssh"
    if name in _LOCAL_NAMES:
        return "local"
    if name not in _SSH_NAMES:
        raise NotSupportedYet(
            f"the connection {name!r} is not supported yet.",
            help_text="Supported are ssh and local.",
        )
    if reader.value(None, None, "ansible_password", "ansible_ssh_pass", "ansible_ssh_password"):
        raise NotSupportedYet(
            "logging in with a password (ansible_password) is not supported yet.",
            help_text="Use an SSH key, or an ssh agent.",
        )
    return "ssh"


def _host(reader: _Reader) -> str:
    return reader.text(None, "", "inventory_hostname", "ansible_host", "ansible_ssh_host") or ""


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""  # a uid without a name, as in some containers


def _python(reader: _Reader, settings: Settings) -> str:
    return reader.text(None, settings.interpreter_python, "ansible_python_interpreter") or "auto"


def _pythons(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(","))
    return PYTHONS


def _with_ssh(endpoint: Endpoint, reader: _Reader, wishes: Wishes, settings: Settings) -> Endpoint:
    key = reader.text(
        *(None, settings.private_key_file),
        *("ansible_private_key_file", "ansible_ssh_private_key_file"),
    )
    checking = reader.flag(
        *(None, settings.host_key_checking),
        *("ansible_host_key_checking", "ansible_ssh_host_key_checking"),
    )
    timeout = reader.number(None, settings.timeout, "ansible_timeout", "ansible_ssh_timeout")
    return replace(
        endpoint,
        port=reader.number(wishes.port, settings.remote_port, "ansible_port", "ansible_ssh_port"),
        private_key=_from_anywhere(key),
        host_key_checking=checking,
        timeout=10 if timeout is None else timeout,
        retries=reader.number(None, settings.ssh_retries, "ansible_ssh_retries") or 0,
        **_ssh_texts(reader, settings),
    )


def _from_anywhere(key: str | None) -> str | None:
    """Give a path that means the same file in another folder and another home.

    A job is found again by how its host was reached. What begins with `%` is for ssh to fill in.
    """
    if not key or key.startswith("%"):
        return key
    return os.path.abspath(os.path.expanduser(key))  # noqa: PTH100, PTH111  # a link's own name is the user's


def _ssh_texts(reader: _Reader, settings: Settings) -> Mapping[str, Any]:
    texts = {
        "ssh_executable": settings.ssh_executable,
        "ssh_args": settings.ssh_args,
        "ssh_common_args": settings.ssh_common_args,
        "ssh_extra_args": settings.ssh_extra_args,
    }
    found = {name: reader.text(None, value, f"ansible_{name}") for name, value in texts.items()}
    found["control_path"] = reader.text(None, None, "ansible_control_path")
    found["control_path_dir"] = reader.text(
        None, settings.control_path_dir, "ansible_control_path_dir"
    )
    return {name: value for name, value in found.items() if value is not None}


def _identity(
    reader: _Reader,
    wishes: Wishes,
    settings: Settings,
    typed_password: str | None,
    login: str | None,
) -> Identity | None:
    if not reader.flag(wishes.become, settings.become, "ansible_become"):
        return None
    named = reader.text(wishes.become_method, settings.become_method, "ansible_become_method")
    method = _METHODS.get(named or "sudo")
    if method is None:
        raise NotSupportedYet(
            f"the become method {named!r} is not supported yet.",
            help_text="Supported are sudo and su.",
        )
    special = f"ansible_{method}_"

    made = _made(settings)[method]

    def said(name: str, wish: object) -> str | None:
        return reader.text(wish, made[name], f"ansible_become_{name}", f"{special}{name}")

    user = said("user", wishes.become_user)
    if user == login and user:
        return None  # nobody needs to become who he is already
    flags = said("flags", wishes.become_flags)
    default_flags = "-H -S -n" if method == "sudo" else ""
    chdir, prompts = settings.sudo_chdir, settings.su_prompts
    return Identity(
        method=method,
        user=user or "root",
        exe=said("exe", wishes.become_exe) or method,
        flags=default_flags if flags is None else flags,
        password=reader.text(
            typed_password,
            made["password"],
            *("ansible_become_password", "ansible_become_pass", f"{special}pass"),
        ),
        chdir=reader.text(None, chdir, "ansible_sudo_chdir") if method == "sudo" else None,
        prompts=_prompts(reader.value(None, prompts, "ansible_su_prompt_l10n")),
    )


def _made(settings: Settings) -> Mapping[str, Mapping[str, str | None]]:
    """Give what is configured for each method."""
    return {
        "sudo": {
            "user": settings.sudo_user,
            "exe": settings.sudo_exe,
            "flags": settings.sudo_flags,
            "password": settings.sudo_password,
        },
        "su": {
            "user": settings.su_user,
            "exe": settings.su_exe,
            "flags": settings.su_flags,
            "password": settings.su_password,
        },
    }


def _prompts(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    return (value,) if isinstance(value, str) and value else ()
