"""Inventories that only Ansible's plugins can read: clouds, `constructed`, and the like.

Knows how `ansible-inventory` is asked, in a process of its own, and what to make of its
answer. Costs what starting Ansible costs, so it is the last resort.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from outlast.errors import InventoryError
from outlast.inventory.scripts import take_answer
from outlast.inventory.tree import Tree
from outlast.outcome import Deprecated, Warned
from outlast.values import Origin
from outlast.vault import Vault

_ORIGIN = Origin("<inventory as ansible-inventory reads it>")
_REMARK = re.compile(r"^\[(WARNING|DEPRECATION WARNING|ERROR)\]: ", re.MULTILINE)


def read_by_stock(tree: Tree, sources: Sequence[str], *, flush: bool = False) -> bool:
    """Have *sources* read by `ansible-inventory`; tells whether any was.

    What it warns of is told in its words. Raises `InventoryError` when it fails.
    """
    with _passwords(tree.vault) as given:
        done = subprocess.run(
            [*_command(sources), *given.words, *(["--flush-cache"] if flush else [])],
            capture_output=True,
            check=False,
            text=True,
            env=_environment(),
            pass_fds=given.pipes,
        )
    remarks = _remarks(done.stderr)
    if done.returncode:
        said = [text for kind, text in remarks if kind == "ERROR"]
        raise InventoryError(
            said[0] if said else f"ansible-inventory failed with exit code {done.returncode}.",
            help_text="" if said else done.stderr.strip(),
        )
    for kind, text in remarks:
        tree.notify(Warned(text) if kind == "WARNING" else Deprecated(text))
    if len(sources) == 1:  # else nobody tells which host is from where
        tree.reading(sources[0])
    take_answer(tree, _in_order(json.loads(done.stdout)), _ORIGIN)
    return bool(tree.hosts) or len(tree.groups) > 2  # noqa: PLR2004  # all and ungrouped


def _in_order(answer: dict[str, Any]) -> dict[str, Any]:
    """Put groups as `all` has them: the answer itself is sorted by name."""
    names = ["all"]
    for name in names:  # grows while it is walked
        children = answer.get(name, {}).get("children", [])
        names += [child for child in children if child not in names]
    return {name: answer[name] for name in names if name in answer} | answer


def _command(sources: Sequence[str]) -> list[str]:
    given = [word for source in sources for word in ("-i", source)]
    return [sys.executable, "-m", "ansible", "inventory", "--list", "--export", *given]


class _Passwords(Struct, frozen=True):
    """How the child is given vault passwords: through pipes, so that no one sees them."""

    words: tuple[str, ...]
    pipes: tuple[int, ...]


@contextmanager
def _passwords(vault: Vault) -> Iterator[_Passwords]:
    words, pipes = [], []
    try:
        for secret in vault.secrets:
            reading, writing = os.pipe()
            pipes.append(reading)
            words += ["--vault-id", f"{secret.vault_id}@/dev/fd/{reading}"]
            with open(writing, "wb") as pipe:  # noqa: PTH123  # a descriptor has no path
                pipe.write(secret.password)
        yield _Passwords(tuple(words), tuple(pipes))
    finally:
        for reading in pipes:
            os.close(reading)


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",  # we say so ourselves
    }


def _remarks(stderr: str) -> list[tuple[str, str]]:
    """Give what was said on stderr as (kind, text)."""
    parts = _REMARK.split(stderr)[1:]
    return [(kind, text.strip("\n")) for kind, text in zip(parts[::2], parts[1::2], strict=True)]
