"""A result as text: the JSON or YAML after `=>`.

Knows what stock leaves out of a result when it shows it, and both formats to the letter.
Leaves whether a result is shown at all to `console`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from outlast.outcome import Failed, Outcome, Skipped, Unreachable
from outlast.values import Template, Vaulted, is_list

_INDENT: Final = 4
_NOT_PART_OF_IT: Final = frozenset(("exception", "warnings", "deprecations", "failed", "skipped"))
_DEBUG: Final = frozenset(("debug", "ansible.builtin.debug", "ansible.legacy.debug"))
_META: Final = frozenset(("meta", "ansible.builtin.meta"))
_LOOP: Final = frozenset(("ansible_loop_var", "ansible_index_var", "ansible_loop"))
_HIDDEN_IN_DEBUG: Final = _LOOP | {"changed", "invocation", "skip_reason"}
_SO_FAR: Final = ("outlast_stdout", "outlast_stderr")
"""What a running job has said: for playbooks; a status is shown as stock shows it."""
_BREAKS: Final = "\n\x85\u2028\u2029"
_FORBIDDEN: Final = "[^\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010fffe]"


def is_debug(action: str) -> bool:
    """Tell whether *action* is debug, however the playbook spells it."""
    return action in _DEBUG


def seen(outcome: Outcome, action: str) -> dict[str, object]:
    """Give what of *outcome* may be shown: envelope and payload as one, debug's noise gone."""
    result: dict[str, object] = {"changed": outcome.changed, **outcome.payload}
    if isinstance(outcome, Unreachable):
        result["unreachable"] = True
    if is_debug(action):
        return _debug(result)
    if isinstance(outcome, Skipped) and action in _META:
        del result["changed"]
    return {key: value for key, value in result.items() if key not in _NOT_PART_OF_IT}


def _debug(result: dict[str, object]) -> dict[str, object]:
    if "msg" in result:
        return {"msg": result["msg"]}
    hidden = _HIDDEN_IN_DEBUG | _NOT_PART_OF_IT
    return {key: value for key, value in result.items() if key not in hidden}


def failed_items(outcome: Failed, action: str) -> dict[str, object] | None:
    """Give what is shown of a whole loop that failed: only debug shows anything (stock's slip)."""
    result = seen(outcome, action)
    return result if is_debug(action) and "msg" in result else None


def plain(value: Any) -> Any:
    """Give *value* as JSON can hold it, keys as text, those gone that are never shown.

    They are internal (`_ansible_*`), or ours alone.
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {
            _key(key): plain(member)
            for key, member in value.items()
            if not (isinstance(key, str) and key.startswith("_ansible_"))
            and not (key in _SO_FAR and "ansible_job_id" in value)
        }
    if is_list(value) or isinstance(value, set | frozenset):
        return [plain(member) for member in value]
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    # What include_vars read, or a condition: shown as it is written, if it may be shown.
    if isinstance(value, Template) and not isinstance(value, Vaulted):
        return value.text
    return str(value)


def _key(key: object) -> str:
    key = plain(key)
    return key if isinstance(key, str) else json.dumps(key)


def as_json(value: object, indent: int | None = None) -> str:
    """Give *value* as stock's JSON: keys sorted, text as it is."""
    return json.dumps(plain(value), indent=indent, ensure_ascii=False, sort_keys=True)


def as_yaml(value: object) -> str:
    """Give *value* as stock's lossy YAML, on lines of its own, indented."""
    value = plain(value)
    for stream in ("stdout", "stderr"):
        if isinstance(value, dict) and stream in value and f"{stream}_lines" in value:
            value[f"{stream}_lines"] = "<omitted>"
    return f"\n{yaml_text(value)}"


def yaml_text(value: object) -> str:
    """Give plain *value* as YAML, readable before exact, indented."""
    import textwrap  # noqa: PLC0415  # needed for this format alone

    import yaml  # noqa: PLC0415  # the same

    text = yaml.dump(
        value,
        Dumper=_dumper(),
        allow_unicode=True,
        default_flow_style=False,
        indent=_INDENT,
    )
    return textwrap.indent(text, " " * _INDENT)


@cache
def _dumper() -> Any:
    import yaml  # noqa: PLC0415  # as above

    def represent_text(_dumper: object, text: str) -> yaml.ScalarNode:
        if any(sign in text for sign in _BREAKS):
            return yaml.ScalarNode("tag:yaml.org,2002:str", _blocky(text), style="|")
        return yaml.ScalarNode("tag:yaml.org,2002:str", text)

    # The two emitters fold long lines at different places: stock uses libyaml's where it is.
    dumper: Any = type("Dumper", (getattr(yaml, "CSafeDumper", yaml.SafeDumper),), {})
    dumper.add_representer(str, represent_text)
    return dumper


def _blocky(text: str) -> str:
    """Give *text* without what YAML forbids in a block: readable beats exact here."""
    return re.sub(f" +([{_BREAKS}])", r"\1", re.sub(_FORBIDDEN, "", text.rstrip().expandtabs()))


def dumped(result: Mapping[str, object], *, form: str, verbosity: int, at_length: bool) -> str:
    """Give the text after `=>` for *result*, as *form* (json or yaml) and verbosity want it."""
    hidden = ("invocation", "diff") if verbosity < 3 else ()  # noqa: PLR2004  # -vvv
    shown = {key: value for key, value in result.items() if key not in hidden}
    if form == "yaml":
        return as_yaml(shown)
    return as_json(shown, _INDENT if at_length or verbosity > 2 else None)  # noqa: PLR2004
