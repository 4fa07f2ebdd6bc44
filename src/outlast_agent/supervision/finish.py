"""What an action adds to its last run's answer, when that run was a job.

Knows the few rules of the controller's `Finish`: plain data that came with the order. Leaves
the answer itself to `result`, and is loaded with it when the job is over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from outlast_agent.supervision.printed import Printed


def finished(result: dict[str, object] | Printed, rules: str) -> dict[str, object] | Printed:
    """Give a job's result with all that *rules*, JSON as it came with the order, ask for."""
    told = json.loads(rules) if rules else {}
    if isinstance(result, Printed):  # too large to be read: our keys stand around it
        result.before = {**told.get("fill", {}), **told.get("add", {}), **result.before}
        return result
    return _reshaped(result, told)


def _reshaped(result: dict[str, object], told: Mapping[str, Any]) -> dict[str, object]:
    failed = result.get("failed", result.get("rc") not in (None, 0, "0"))
    if "only" in told:
        result = {key: result[key] for key in told["only"] if key in result}
    _fill(result, told)
    if not failed:
        for key, old in told.get("alike", {}).items():
            if old in result:
                result.setdefault(key, result[old])
    if told.get("changed"):
        result["changed"] = True
    if "complaint" in told and result.get("rc") != 0:
        result.update(failed=True, msg=told["complaint"])
    if "warnings" in told:
        said = result.get("warnings")
        result["warnings"] = [*(said if isinstance(said, list) else ()), *told["warnings"]]
    return result


def _fill(result: dict[str, object], told: Mapping[str, Mapping[str, object]]) -> None:
    for key, value in told.get("fill", {}).items():
        if not result.get(key):
            result[key] = value
    for key, value in told.get("add", {}).items():
        result.setdefault(key, value)
