"""Actions whose name is a template: what they are once it is known what it comes to.

Knows where a name that comes late is looked for, and that a statement cannot come late: what a
file includes, or ends, decides how the rest of it is read.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from outlast.call import ResolvedAction
from outlast.errors import EvaluationError, OutlastError
from outlast.playbook.calls import CallReader, is_statement
from outlast.playbook.defaults import DefaultsReader
from outlast.playbook.model import ActionCall, Keywords
from outlast.values import OMIT, Template

OMITTED_NAME: Final = "Omit is not valid for the `action` keyword."


class Late(Struct, frozen=True):
    """Implements `model.LateName`."""

    template: Template
    calls: CallReader
    defaults: DefaultsReader
    keywords: Keywords
    """The task's: `module_defaults` wait for the name as well."""

    def called(self, call: ActionCall, name: object) -> ActionCall:
        """Give *call* under the *name* that came of the template; raises `EvaluationError`."""
        if name is OMIT:
            raise EvaluationError(OMITTED_NAME, self.template.origin)
        if not isinstance(name, str) or not name:
            kind = "nothing" if name in (None, "") else type(name).__name__
            told = f"The name of an action must be text, and this gives {kind}."
            raise EvaluationError(told, self.template.origin)
        if is_statement(name):
            told = f"{name!r} is a statement of the language: its name cannot come of a template."
            raise EvaluationError(told, self.template.origin)
        resolved = self._resolved(name)
        if resolved is None:
            told = f"Cannot resolve {name!r} to an action or module."
            raise EvaluationError(told, self.template.origin)
        named = replace(call, name=name, resolved=resolved.fqcn, late=None)
        return self.defaults.applied(named, self.keywords)

    def _resolved(self, name: str) -> ResolvedAction | None:
        try:
            return self.calls.names.resolve(name, self.calls.collections)
        except OutlastError as error:  # it is gone, or not for us
            raise EvaluationError(error.message, self.template.origin) from error
