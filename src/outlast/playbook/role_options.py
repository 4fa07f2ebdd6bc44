"""What `import_role` and `include_role` say beside a task's keywords.

Knows their options and what is wrong with them. Leaves finding and reading the role to
`roles`.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from outlast.errors import Cause, EvaluationError, PlaybookError
from outlast.playbook.calls import Found, short_name
from outlast.playbook.conversions import to_bool
from outlast.playbook.early import Early
from outlast.playbook.keywords import type_shown
from outlast.playbook.reading import Text
from outlast.values import Origin, Template, Value

_FROM = ("tasks_from", "vars_from", "defaults_from", "handlers_from")
_FLAGS = ("public", "allow_duplicates", "rolespec_validate")
_OPTIONS = frozenset({"name", "role", "apply", *_FROM, *_FLAGS})


class RoleWanted(Struct, frozen=True, kw_only=True):
    """A role that a task asks for; everything is evaluated."""

    name: str
    files: Mapping[str, str] = field(default_factory=dict)
    """`tasks` to the file that stands in for `main`, and so on."""
    public: bool | None = None
    """None: as it is usual for the statement."""
    repeats: bool = True
    validate: bool = True


def check_role_options(found: Found, text: Text) -> Mapping[str, Value]:
    """Refuse what is wrong with the options, evaluated or not; gives `apply`."""
    args = found.args
    if args.get("name", args.get("role")) is None:
        raise PlaybookError(f"'name' is a required field for {found.name}.", text.origin)
    odd = [str(name) for name in args if name not in _OPTIONS]
    if odd:
        raise PlaybookError(f"Invalid options for {found.name}: {','.join(odd)}", text.origin)
    for name in _FROM:
        value = args.get(name)
        if name in args and not isinstance(value, str | Template):
            told = f"Expected a string for {name} but got {type_shown(value)} instead"
            raise PlaybookError(told)
    apply = args.get("apply", {})
    if apply and short_name(found.name) != "include_role":
        raise PlaybookError(f"Invalid options for {found.name}: apply", text.origin)
    if not isinstance(apply, dict):
        told = f"Expected a dict for apply but got {type_shown(apply)} instead"
        raise PlaybookError(told)
    return apply


def name_place(action: str, text: Text) -> Origin:
    """Give where the role's name stands in the task that *action* is of."""
    given = text.entries.get(action)
    for word in ("name", "role"):
        if given is not None and word in (places := given.value_origins):
            return places[word]
    return text.origin


def static_role(found: Found, text: Text, early: Early) -> RoleWanted:
    """Give what an import asks for, as far as *early* knows what it needs."""
    args = {name: early.name(value) for name, value in found.args.items()}
    try:
        return role_wanted(args, text.origin, option_places(found.name, text))
    except EvaluationError as error:
        raise PlaybookError(error.message, error.origin, causes=error.causes) from error


def option_places(action: str, text: Text) -> Mapping[str, Origin]:
    """Give where the values of the options stand that say yes or no."""
    given = text.entries.get(action)
    places = given.value_origins if given else {}
    return {name: places[name] for name in _FLAGS if name in places}


def role_wanted(
    args: Mapping[str, object], origin: Origin, places: Mapping[str, Origin]
) -> RoleWanted:
    """Give what evaluated *args* ask for; raises `EvaluationError`.

    The task stands at *origin*, its options in *places*, as far as they are known.
    """
    public = args.get("public")

    def flag(name: str, value: object) -> bool:
        return _flag(name, value, places.get(name, origin))

    return RoleWanted(
        name=str(args.get("name", args.get("role"))),
        files={name.removesuffix("_from"): str(args[name]) for name in _FROM if name in args},
        public=None if public is None else flag("public", public),
        repeats=flag("allow_duplicates", args.get("allow_duplicates", True)),
        validate=flag("rolespec_validate", args.get("rolespec_validate", True)),
    )


def _flag(name: str, value: object, origin: Origin) -> bool:
    try:
        return to_bool(value)
    except ValueError as error:
        told = f"Error processing keyword {name!r}."
        cause = Cause(str(error), origin, apart=True)
        raise EvaluationError(told, origin, causes=(cause,)) from error
