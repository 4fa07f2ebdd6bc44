"""What can be evaluated while a playbook is read: the names of what imports and roles bring in.

Knows what is known by then (a play's own variables, those around an import and of its role), and
what is wrong with a name that needs more. Leaves evaluating to whoever is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.errors import NotSupportedYet, OutlastError, PlaybookError, UndefinedVariable
from outlast.playbook.model import Play, Role, Vars
from outlast.values import Origin, Template, Value, has_templates


class Moment(Struct, frozen=True, kw_only=True):
    """Where in a playbook the reader is, as far as variables go."""

    play: Play | None = None
    """Its header; None outside of any that is being read: then the one that runs counts."""
    roles: Sequence[Role] = ()
    """Those of the play that have been read."""
    role: Role | None = None
    """The one that what is read belongs to."""
    vars: Vars = field(default_factory=dict)
    """Those that stand on and around the import."""


Look: TypeAlias = Callable[[Moment], None]
"""Sees the variables that are known wherever stock asks for them."""
Evaluate: TypeAlias = Callable[[Value, Moment], object]
"""Gives plain data for a value; raises `EvaluationError`."""


def nothing_is_known(value: Value, _moment: Moment) -> object:
    """Refuse every template: for readers that nobody gave variables."""
    raise NotSupportedYet(
        "a template in the name of what is imported is not supported yet",
        value.origin if isinstance(value, Template) else None,
    )


def nobody_looks(_moment: Moment) -> None:
    """Look at nothing."""


class Early(Struct, frozen=True):
    """Evaluates the names in one play, or in what a task of one includes."""

    evaluate: Evaluate = nothing_is_known
    moment: Moment = field(default_factory=Moment)
    look: Look = nobody_looks

    def at(self, role: Role | None, variables: Vars) -> Early:
        """Give what evaluates where *variables* stand, in a file of *role*."""
        return replace(self, moment=replace(self.moment, role=role, vars=variables))

    def look_around(self) -> None:
        """Have seen what is known here."""
        self.look(self.moment)

    def value(self, value: Value) -> object:
        """Give plain data for *value*; raises `EvaluationError`."""
        self.look_around()
        return self.evaluate(value, self.moment) if has_templates(value) else value

    def name(self, value: Value) -> object:
        """Give a role's name; one that needs what is not known ends the run."""
        try:
            return self.value(value)
        except UndefinedVariable as error:
            raise OutlastError(error.message, error.origin, causes=error.causes) from error

    def path(self, value: Value, origin: Origin) -> object:
        """Give the path of a file of tasks that the import at *origin* names."""
        try:
            return self.value(value)
        except UndefinedVariable as error:
            raise _unknown_path(value, origin, error) from error


def _unknown_path(value: Value, origin: Origin, error: UndefinedVariable) -> OutlastError:
    text = value.text if isinstance(value, Template) else value
    return PlaybookError(
        f"Error when evaluating variable in import path {text!r}.",
        origin,
        help_text="When using static imports, ensure that any variables used in their names are"
        " defined in vars/vars_files\nor extra-vars passed in from the command line. Static"
        " imports cannot use variables from facts or inventory\nsources like group or host vars.",
        causes=error.chain,
    )
