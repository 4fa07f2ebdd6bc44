"""What is known while a playbook is read, for whoever reads it.

Knows how a place in a playbook becomes a scope. Leaves which variables are known there to
`variables`.
"""

from __future__ import annotations

from msgspec import Struct

from outlast.call import Evaluate
from outlast.playbook.early import Moment
from outlast.values import Scope, Value
from outlast.variables import Variables


class Beforehand(Struct, frozen=True):
    """Implements `playbook.early.Evaluate` and `playbook.early.Look`."""

    evaluate: Evaluate
    variables: Variables

    def value(self, value: Value, moment: Moment) -> object:
        """Give plain data for *value*; raises `EvaluationError`."""
        return self.evaluate.render(value, self._scope(moment))

    def look(self, moment: Moment) -> None:
        """Have told what is wrong with the names of variables that are known so early."""
        self._scope(moment)

    def _scope(self, moment: Moment) -> Scope:
        return self.variables.early_scope(moment.play, moment.roles, moment.role, moment.vars)
