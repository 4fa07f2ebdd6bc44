"""What an attempt has found out, as its own conditions see it.

`changed_when`, `failed_when` and `until` know the variables that the attempt they judge sets,
though its host learns them only when the task is over; `ansible_facts` is what it was before
(stock). Leaves keeping them to `variables`.
"""

from __future__ import annotations

from collections.abc import Mapping

from outlast.outcome import Performed, SetFacts, SetIncludedVars
from outlast.values import Overlaid, Scope
from outlast.variables.facts import public

NO_FACTS = frozenset(
    {"ansible.builtin.debug", "ansible.builtin.set_fact", "ansible.builtin.include_vars"}
)
"""Actions whose results may hold facts that are none of the host's."""


def knowing(
    scope: Scope, action: str, performed: Performed, *, elsewhere: bool, inject: bool
) -> Scope:
    """Give *scope* with what *action* has just found out on top.

    *elsewhere*: variables that it sets are another host's; *inject*: facts are variables of
    their own as well.
    """
    found: dict[str, object] = {}
    for effect in () if elsewhere else performed.effects:
        if isinstance(effect, SetFacts):
            found |= effect.facts
        elif isinstance(effect, SetIncludedVars):
            found |= effect.variables
    facts = performed.outcome.payload.get("ansible_facts")
    if inject and action not in NO_FACTS and isinstance(facts, Mapping):
        found |= public(facts)
    return Overlaid(found, scope) if found else scope
