"""`to_yaml` and `to_nice_yaml`.

Knows that what was a `!vault` string is written as one again, encrypted: YAML is made to be
kept. Leaves reading YAML to `data_filters`.
"""

from __future__ import annotations

from typing import Any

import yaml

from outlast.templating.markers import Undecryptable
from outlast.templating.revealed import Revealed, ciphertext_of
from outlast.templating.views import plain
from outlast.values import OMIT


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # either
    """Writes YAML as PyYAML does, and `!vault` strings."""


def _encrypted(dumper: Any, value: object) -> yaml.ScalarNode:
    node: yaml.ScalarNode = dumper.represent_scalar("!vault", ciphertext_of(value), style="|")
    return node


for _kind in (Revealed, Undecryptable):
    _Dumper.add_representer(_kind, _encrypted)


def to_yaml(value: Any, *_: Any, default_flow_style: Any = None, **how: Any) -> str:
    """Write YAML."""
    text = yaml.dump(
        _kept(value),
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=default_flow_style,
        **plain(how),
    )
    return str(text)


def to_nice_yaml(
    value: Any, indent: Any = 4, *_: Any, default_flow_style: Any = False, **how: Any
) -> str:
    """Write YAML for people."""
    return to_yaml(value, indent=indent, default_flow_style=default_flow_style, **how)


def _kept(value: Any) -> Any:
    """Give *value* as data of builtin types, but for what was encrypted."""
    if ciphertext_of(value) is not None:
        return value
    if isinstance(value, dict):
        members = {plain(key): _kept(value[key]) for key in value}
        return {key: member for key, member in members.items() if member is not OMIT}
    if isinstance(value, list | tuple):
        return [member for member in map(_kept, value) if member is not OMIT]
    return plain(value)
