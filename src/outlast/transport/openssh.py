"""The command line of ssh for an endpoint, word for word as stock builds it, but for one.

So that the same ~/.ssh/config, known hosts, keys, agents and persisted masters serve both.
Leaves running it to `link`.
"""

from __future__ import annotations

import hashlib
import os
import shlex

from outlast.settings import Settings
from outlast.transport.endpoint import Endpoint

_NO_PASSWORD = (
    "KbdInteractiveAuthentication=no",
    "PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey",
    "PasswordAuthentication=no",
)


def argv(endpoint: Endpoint, command: str) -> list[str]:
    """Give the words that run *command* (for a shell) on the host."""
    words = [endpoint.ssh_executable, *_split(endpoint.ssh_args)]
    if endpoint.ssh_args == Settings().ssh_args:
        words.remove("-C")  # what we send is compressed already; who asks for -C himself gets it
    if not endpoint.host_key_checking:
        words += _options("StrictHostKeyChecking=no")
    if endpoint.port is not None:
        words += _options(f"Port={endpoint.port}")
    if endpoint.private_key:
        words += _options(f'IdentityFile="{os.path.expanduser(endpoint.private_key)}"')  # noqa: PTH111  # pathlib would also tidy up what the user wrote
    words += _options(*_NO_PASSWORD)
    if endpoint.user:
        words += _options(f'User="{endpoint.user}"')
    words += _options(f"ConnectTimeout={endpoint.timeout}")
    words += [*_split(endpoint.ssh_common_args), *_split(endpoint.ssh_extra_args)]
    path = _control_path(endpoint, words)
    if path:
        words += _options(f'ControlPath="{path}"')
    words += _options("NumberOfPasswordPrompts=1")
    return [*words, endpoint.host, command]


def through_shell(line: str) -> str:
    """Give a command that runs *line* by sh, whatever the user's login shell is."""
    return f"/bin/sh -c {shlex.quote(line)}"


def control_folder(words: list[str]) -> str:
    """Give the folder that must exist for the control path we gave; empty: we gave none."""
    ours = [word for word in words if word.startswith('ControlPath="')]
    return os.path.dirname(ours[-1].partition('"')[2].rstrip('"')) if ours else ""  # noqa: PTH120  # it is text for a shell


def _options(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("-o", setting)]


def _split(text: str) -> list[str]:
    return [word.strip() for word in shlex.split(text) if word.strip()]


def _control_path(endpoint: Endpoint, words: list[str]) -> str | None:
    """Give stock's path for a shared master, unless there is none or the user names one."""
    said = [word.lower() for word in words]
    if not any("controlpersist" in word for word in said):
        return None
    if any("controlpath" in word and "controlpersist" not in word for word in said):
        return None
    folder = os.path.realpath(os.path.expandvars(os.path.expanduser(endpoint.control_path_dir)))  # noqa: PTH111  # links resolved as stock does, for the same socket
    if endpoint.control_path:
        return endpoint.control_path % {"directory": folder}
    name = f"{endpoint.host}-{endpoint.port}-{endpoint.user}"
    return f"{folder}/{hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:10]}"
