"""Telling of variables with reserved names, wherever they come from.

Knows that each is told once for each place, and that of several by one name the place of the
weakest is told: it was there first. Leaves which names are reserved to `names`.
"""

from __future__ import annotations

from collections.abc import Iterable

from outlast.names import RESERVED, place_of_name
from outlast.outcome import Warned
from outlast.values import Origin
from outlast.variables.files import Notify
from outlast.variables.precedence import Layers, Precedence

_OURS = frozenset({Precedence.FACTS, Precedence.MAGIC})
"""What is in them was told when it was learnt, or is no business of the user's."""


class ReservedNames:
    """Tells of each once; one per run."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._told: set[tuple[str, Origin | None]] = set()

    def tell(self, names: Iterable[str]) -> None:
        """Tell of those of *names* that are reserved, in their order."""
        if RESERVED.isdisjoint(names):
            return
        for name in names:
            place = place_of_name(name)
            if name in RESERVED and (name, place) not in self._told:
                self._told.add((name, place))
                self._notify(Warned(f"Found variable using reserved name {str(name)!r}.", place))

    def tell_of(self, layers: Layers) -> None:
        """Tell of those in *layers*, each as the weakest layer that has it writes it."""
        held = [
            layers[one]
            for one in sorted(layers)
            if one not in _OURS and not RESERVED.isdisjoint(layers[one])
        ]
        if held:
            self.tell(list(dict.fromkeys(name for layer in held for name in layer)))
