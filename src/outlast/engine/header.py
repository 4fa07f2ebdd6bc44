"""What a play says of itself, evaluated when its turn has come and before any host is asked.

They see no host's variables; the table in `outlast.playbook.keywords` says which they are. What
tasks inherit is evaluated with each of them, by `terms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from outlast.call import Evaluate
from outlast.errors import Cause, EvaluationError, PlaybookError
from outlast.playbook.conversions import converted
from outlast.playbook.keywords import KEYWORDS, Evaluated
from outlast.playbook.model import Play
from outlast.values import OMIT, Scope, Value, is_list

_OWN: Final = tuple(
    name
    for name, row in KEYWORDS.items()
    if row.evaluated is Evaluated.PLAY and name not in {"hosts", "serial"}
)
_NAMES: Final = frozenset({"hosts", "gather_subset"})
"""Lists of nothing but names."""


class HeaderReader(Struct, frozen=True):
    """Evaluates the header of one play."""

    evaluate: Evaluate
    scope: Scope

    def read(self, play: Play) -> Play:
        """Give *play* with its header evaluated; raises `PlaybookError` naming the keyword."""
        # A play without a name is called after its hosts, and stock asks for the name first.
        name = self._value("name", play)
        hosts = self._value("hosts", play, told_as="hosts" if play.name else "name")
        own: Mapping[str, object] = {word: self._value(word, play) for word in _OWN}
        return replace(
            play, name=name or _called_after(hosts), hosts=hosts, serial=self._serial(play), **own
        )

    def _value(self, name: str, play: Play, told_as: str | None = None) -> object:
        """Give what a keyword comes to, by its type; None: it is not given, or omits itself."""
        value = self._rendered(getattr(play, name), told_as or name)
        if value is None:
            return None
        if name in _NAMES:
            _check_names(name, value, play)
        try:
            return converted(value, KEYWORDS[name].type_name)
        except ValueError as error:
            origin = play.places.get(name)
            cause = Cause(str(error), origin, apart=True)
            told = f"Error processing keyword {name!r}."
            raise PlaybookError(told, origin, causes=(cause,)) from error

    def _rendered(self, value: object, name: str) -> object:
        try:
            given: object = self.evaluate.render(value, self.scope)
        except EvaluationError as error:
            told = f"Error processing keyword {name!r}"
            raise PlaybookError(told, error.origin, causes=error.chain) from error
        return None if given is OMIT else given

    def _serial(self, play: Play) -> tuple[object, ...]:
        serial: list[object] = []
        for entry in play.serial:
            value = self._rendered(entry, "serial")
            serial += value if is_list(value) else () if value is None else (value,)
        return tuple(serial)


def _check_names(keyword: str, value: object, play: Play) -> None:
    for member in value if is_list(value) else (value,):
        if not isinstance(member, str):
            kind = type(member).__name__
            told = f"Keyword {keyword!r} items must be of type 'str', not {kind!r}."
            place = play.places.get(keyword)
            raise PlaybookError(
                f"Error processing keyword {keyword!r}.", place, causes=(Cause(told),)
            )


def _called_after(hosts: object) -> Value:
    return ",".join(map(str, hosts)) if is_list(hosts) else str(hosts or "")
