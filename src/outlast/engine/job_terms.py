"""What a task's `outlast_*` variables ask of its background job.

Knows their names, what each may be, and how a value that does not fit is told. They are variables,
not keywords, so that a playbook that uses them is still one for stock. Leaves doing what they
ask to the job's host, to `jobs`, and to the steps of this room that are named after them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from msgspec import Struct

from outlast.call import Evaluate
from outlast.errors import EvaluationError
from outlast.job import JobTerms
from outlast.playbook.conversions import to_bool, to_float, to_int
from outlast.values import OMIT, Scope, Template

T = TypeVar("T")

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:+-]{0,99}")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_NICEST: Final = 19
_LONGEST_GRACE: Final = 3600


class JobTermsReader(Struct, frozen=True):
    """Reads the variables of one host; each raises `EvaluationError` for what it cannot be."""

    evaluate: Evaluate
    scope: Scope

    def job(self) -> JobTerms:
        """Give what is asked of the job itself."""
        host_limit, run_limit = self._read("outlast_job_limit", _limits, (0, 0))
        return JobTerms(
            name=self._read("outlast_job", _name, ""),
            idle_limit=self._read("outlast_idle_limit", _seconds, 0.0),
            grace=self._read("outlast_grace", _grace, JobTerms().grace),
            reboots=self._read("outlast_reboots", to_bool, unset=False),
            host_limit=host_limit,
            run_limit=run_limit,
            nice=self._read("outlast_nice", _nice, 0),
            memory_limit=self._read("outlast_memory_limit", size, 0),
            cpu_limit=self._read("outlast_cpu_limit", _cpus, 0.0),
        )

    def settles(self) -> bool:
        """Tell whether a job nobody waits for is judged when it ends: `outlast_settle`."""
        return self._read("outlast_settle", to_bool, unset=False)

    def loop_limit(self, unset: int) -> int:
        """Give how many items of a loop may have their job at a time: `outlast_loop_limit`."""
        return self._read("outlast_loop_limit", _count, unset)

    def _read(self, name: str, convert: Callable[[object], T], unset: T) -> T:
        if name not in self.scope:
            return unset
        written = self.scope[name]
        where = written.origin if isinstance(written, Template) else None
        value = self.evaluate.render(written, self.scope)
        if value is None or value is OMIT:
            return unset
        try:
            return convert(value)
        except ValueError as error:
            raise EvaluationError(f"The variable {name!r} {error}", where) from error


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(
            "names a job: up to 100 letters, digits and _.@:+- that begin with a letter, a digit"
            f" or _, not {value!r}."
        )
    return value


def _seconds(value: object) -> float:
    try:
        seconds = to_float(value)
    except ValueError:
        seconds = -1
    if seconds < 0:
        raise ValueError(f"is a number of seconds, not {value!r}.")
    return seconds


def _grace(value: object) -> float:
    seconds = _seconds(value)
    if not seconds <= _LONGEST_GRACE:
        raise ValueError(f"is a number of seconds up to {_LONGEST_GRACE}, not {value!r}.")
    return seconds


def _count(value: object) -> int:
    try:
        count = to_int(value)
    except ValueError:
        count = 0
    if count < 1:
        raise ValueError(f"is a whole number of at least 1, not {value!r}.")
    return count


def _limits(value: object) -> tuple[int, int]:
    if not isinstance(value, Mapping):
        return _count(value), 0
    unknown = set(value) - {"host", "run"}
    if unknown:
        raise ValueError(f"is a number, or has the keys 'host' and 'run', not {min(unknown)!r}.")
    host, run = (_count(value[key]) if key in value else 0 for key in ("host", "run"))
    return host, run


def _nice(value: object) -> int:
    try:
        nice = to_int(value)
    except ValueError:
        nice = _NICEST + 1
    if not -_NICEST - 1 <= nice <= _NICEST:
        raise ValueError(f"is a whole number from -20 to 19, not {value!r}.")
    return nice


def size(value: object) -> int:
    """Give a number of bytes, of a number or a text like `512M`; raises ValueError."""
    found = _SIZE.fullmatch(str(value).strip()) if isinstance(value, int | str) else None
    amount = 0
    if found is not None and not isinstance(value, bool):
        amount = int(float(found[1]) * 1024 ** _POWERS[found[2].upper()])
    if amount < 1:
        raise ValueError(f"is a number of bytes like 1073741824 or 512M, not {value!r}.")
    return amount


def _cpus(value: object) -> float:
    text = str(value).strip()
    share = 100.0 if text.endswith("%") else 1.0
    try:
        cpus = to_float(text.removesuffix("%").strip()) / share
    except ValueError:
        cpus = 0.0
    if isinstance(value, bool) or not 0 < cpus < float("inf"):
        raise ValueError(
            f"is a number of CPUs like 1.5, or a share of one like 50%, not {value!r}."
        )
    return cpus
