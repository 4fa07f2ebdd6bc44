"""Tests (`is ...`): results of tasks, patterns, versions, truth, sets, files.

Each answers as stock's of the same name, without importing ansible-core's plugins.
"""

# ruff: noqa: FBT002  # stock's signatures: a template says regex_search('a', true)

from __future__ import annotations

import importlib
import math
import operator
import os.path
import re
from collections.abc import Callable, Mapping
from typing import Any

from outlast.outcome import Notice, Warned
from outlast.templating.markers import Broken, Marker
from outlast.templating.plugins import Plugin, refused
from outlast.templating.revealed import vault_encrypted, vaulted_file
from outlast.templating.text_filters import text_of

Check = Callable[..., Any]


def _result(value: Any, test: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise refused(f"The '{test}' test expects a dictionary")
    return value


def failed(result: Any) -> bool:
    """Tell whether a task failed."""
    return bool(_result(result, "failed").get("failed"))


def succeeded(result: Any) -> bool:
    """Tell whether a task did not fail."""
    return not failed(result)


def unreachable(result: Any) -> bool:
    """Tell whether a host could not be reached."""
    return bool(_result(result, "unreachable").get("unreachable"))


def reachable(result: Any) -> bool:
    """Tell whether a host could be reached."""
    return not unreachable(result)


def skipped(result: Any) -> bool:
    """Tell whether a task was skipped."""
    return bool(_result(result, "skipped").get("skipped"))


def timedout(result: Any) -> bool:
    """Tell whether a task took too long."""
    said = _result(result, "timedout").get("timedout")
    return bool(said and said["period"])


def changed(result: Any) -> bool:
    """Tell whether a task, or any item of its loop, changed something."""
    said = _result(result, "changed")
    if "changed" in said:
        return bool(said["changed"])
    items = said.get("results")
    if not (isinstance(items, list) and isinstance(items[0], dict)):
        return False
    return any(item.get("changed") for item in items)


def background_checks(notify: Callable[[Notice], None]) -> dict[str, Check]:
    """Give the tests of background jobs; they tell when a task was none."""

    def answer(result: Any, test: str) -> bool:
        said = _result(result, test)
        if test in said:
            return bool(said[test])
        notify(Warned(f"The '{test}' test expects an async task, but a non-async task was tested"))
        return True

    def started(result: Any) -> bool:
        """Tell whether a background job has begun."""
        return answer(result, "started")

    def finished(result: Any) -> bool:
        """Tell whether a background job has ended."""
        return answer(result, "finished")

    return {"started": started, "finished": finished}


def regex(
    value: Any = "",
    pattern: str = "",
    ignorecase: object = False,
    multiline: object = False,
    match_type: str = "search",
) -> bool:
    """Tell whether a pattern matches."""
    flags = (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)
    compiled = re.compile(pattern, flags)
    return bool(getattr(compiled, match_type, compiled.search)(text_of(value)))


def match(
    value: Any, pattern: str = "", ignorecase: object = False, multiline: object = False
) -> bool:
    """Tell whether a pattern matches at the beginning."""
    return regex(value, pattern, ignorecase, multiline, "match")


def search(
    value: Any, pattern: str = "", ignorecase: object = False, multiline: object = False
) -> bool:
    """Tell whether a pattern matches anywhere."""
    return regex(value, pattern, ignorecase, multiline, "search")


_OPERATORS = {
    "==": "eq", "=": "eq", "eq": "eq", "<": "lt", "lt": "lt", "<=": "le", "le": "le",
    ">": "gt", "gt": "gt", ">=": "ge", "ge": "ge", "!=": "ne", "<>": "ne", "ne": "ne",
}  # fmt: skip  # a table is read by columns
_VERSION_CLASSES = {
    "loose": ("ansible.module_utils.compat.version", "LooseVersion"),
    "strict": ("ansible.module_utils.compat.version", "StrictVersion"),
    "semver": ("ansible.utils.version", "SemanticVersion"),
    "semantic": ("ansible.utils.version", "SemanticVersion"),
    "pep440": ("packaging.version", "Version"),
}
"""Where the classes are that know an order; imported when a template compares."""


def version(
    value: Any,
    version: Any,
    operator: str = "eq",
    strict: Any = None,
    version_type: Any = None,
) -> bool:
    """Compare two versions."""
    if strict is not None and version_type is not None:
        raise refused("Cannot specify both 'strict' and 'version_type'")
    if not value:
        raise refused("Input version value cannot be empty")
    if not version:
        raise refused("Version parameter to compare against cannot be empty")
    make = _version_class("strict" if strict else version_type or "loose")
    if operator not in _OPERATORS:
        raise refused(
            f"Invalid operator type ({operator}). Must be one of "
            + ", ".join(repr(name) for name in _OPERATORS)
        )
    return _compared(make, text_of(value), text_of(version), _OPERATORS[operator])


def _compared(make: Callable[[str], Any], one: str, other: str, name: str) -> bool:
    try:
        return bool(getattr(operator, name)(make(one), make(other)))
    except Exception as error:  # noqa: BLE001  # a version class may raise anything
        # Whatever a version class has against the texts is said the same way.
        raise refused(f"Version comparison failed: {error}") from None


def _version_class(kind: Any) -> Callable[[str], Any]:
    if kind not in _VERSION_CLASSES:
        known = ", ".join(map(repr, _VERSION_CLASSES))
        raise refused(f"Invalid version type ({kind}). Must be one of {known}")
    module, name = _VERSION_CLASSES[kind]
    made: Callable[[str], Any] = getattr(importlib.import_module(module), name)
    return made


def truthy(value: Any, convert_bool: object = False) -> bool:
    """Tell whether a value counts as true; words too, if asked."""
    if convert_bool and isinstance(value, str | int | float):
        word = str(value).lower().strip()
        if word in ("y", "yes", "on", "1", "true", "t", "1.0"):
            return True
        if word in ("n", "no", "off", "0", "false", "f", "0.0"):
            return False
    return bool(value)


def falsy(value: Any, convert_bool: object = False) -> bool:
    """Tell whether a value counts as false."""
    return not truthy(value, convert_bool)


def defined(value: Any) -> Any:
    """Tell whether there is a value; a failure is neither."""
    return value if isinstance(value, Broken) else not isinstance(value, Marker)


def undefined(value: Any) -> Any:
    """Tell whether there is no value; a failure is neither."""
    return value if isinstance(value, Broken) else isinstance(value, Marker)


def _not_a_number(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _subset(one: Any, other: Any) -> bool:
    return set(one) <= set(other)


def _superset(one: Any, other: Any) -> bool:
    return set(one) >= set(other)


def _contains(values: Any, value: Any) -> bool:
    return value in values


def _any(values: Any) -> bool:
    return any(values)


def _all(values: Any) -> bool:
    return all(values)


_STABLE: dict[str, Check] = {
    "failed": failed, "failure": failed, "succeeded": succeeded, "success": succeeded,
    "successful": succeeded, "reachable": reachable, "unreachable": unreachable,
    "timedout": timedout, "changed": changed, "change": changed, "skipped": skipped,
    "skip": skipped, "match": match, "search": search, "regex": regex, "version": version,
    "version_compare": version, "truthy": truthy, "falsy": falsy, "any": _any, "all": _all,
    "subset": _subset, "issubset": _subset, "superset": _superset, "issuperset": _superset,
    "contains": _contains, "nan": _not_a_number, "isnan": _not_a_number,
}  # fmt: skip  # a table is read by columns
_PATHS: dict[str, Check] = {
    "directory": os.path.isdir, "is_dir": os.path.isdir, "file": os.path.isfile,
    "is_file": os.path.isfile, "link": os.path.islink, "is_link": os.path.islink,
    "exists": os.path.exists, "link_exists": os.path.lexists, "abs": os.path.isabs,
    "is_abs": os.path.isabs, "same_file": os.path.samefile, "is_same_file": os.path.samefile,
    "mount": os.path.ismount, "is_mount": os.path.ismount,
}  # fmt: skip  # the same


def checks(notify: Callable[[Notice], None]) -> dict[str, Plugin]:
    """Give these tests by name."""
    stable = _STABLE | background_checks(notify)
    return (
        # They ask for one key or a few members: a long result is not evaluated for that.
        {name: Plugin(function, takes_views=True) for name, function in stable.items()}
        | {name: Plugin(function, volatile=True) for name, function in _PATHS.items()}
        | {
            "defined": Plugin(defined, takes_markers=True, takes_views=True),
            "undefined": Plugin(undefined, takes_markers=True, takes_views=True),
            "vault_encrypted": Plugin(vault_encrypted, takes_markers=True, takes_views=True),
            "vaulted_file": Plugin(vaulted_file, volatile=True),
        }
    )
