"""What a task's action is asked with: its arguments, from all places that give some, evaluated.

Knows which place is stronger: what the task says one by one, then a template in place of all
of it, then one in place of `args`, then `module_defaults`. Leaves evaluating to `templating`,
and which defaults an action has to `playbook`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from outlast.call import Evaluate
from outlast.errors import EvaluationError
from outlast.outcome import Warned
from outlast.playbook.calls import ARGS_TEMPLATE, is_all_template, takes_text
from outlast.playbook.model import ActionCall
from outlast.values import Scope, Template

_AS_WRITTEN = {"ansible.builtin.assert": frozenset({"that"})}
"""Arguments that are conditions: the action evaluates them as they are written."""
_LINE = "_raw_params"
_UNSAFE = (
    "Using a template for task args is unsafe in some situations (see"
    " https://docs.ansible.com/ansible/devel/reference_appendices/faq.html#argsplat-unsafe)."
)


class Arguments(Struct, frozen=True, kw_only=True):
    """The arguments of one task on one host, for one item."""

    given: dict[str, object]
    """Evaluated, those that are omitted left out."""
    written: Mapping[str, object]
    """As files have them, as far as they do; what a template gave as a whole is data."""
    notices: tuple[Warned, ...] = ()
    """What is to be said of how they are given."""


class ArgumentsReader(Struct, frozen=True, kw_only=True):
    """Evaluates arguments."""

    evaluate: Evaluate
    warns: bool
    """A template that gives all arguments may be led astray by facts that are variables."""

    def read(self, action: ActionCall, scope: Scope) -> Arguments:
        """Give the arguments of *action*; raises `EvaluationError`."""
        own: dict[str, object] = dict(action.args)
        templates = _in_place_of_all(action, own)
        defaults = [self.evaluate.entries(layer, scope) for layer in action.defaults]
        try:
            layers = [*defaults, *(self.evaluate.entries(one, scope) for one in templates)]
            written = self._written((*action.defaults, *templates), layers, own, scope)
            merged = {name: value for layer in layers for name, value in layer.items()} | own
            kept = _AS_WRITTEN.get(action.resolved, frozenset()) & written.keys()
            evaluated = {name: value for name, value in merged.items() if name not in kept}
            given = self.evaluate.render_args(evaluated, scope)
            given |= {name: written[name] for name in kept}
        except EvaluationError as error:
            what = f"Finalization of task args for {action.resolved!r} failed."
            raise EvaluationError(what, action.origin, causes=error.chain) from error
        return Arguments(given=given, written=written, notices=self._unsafe(templates))

    def notices(self, action: ActionCall) -> tuple[Warned, ...]:
        """Give what is to be said of how *action* is asked, whatever becomes of it."""
        try:
            return self._unsafe(_in_place_of_all(action, dict(action.args)))
        except EvaluationError:
            return ()

    def _unsafe(self, templates: Sequence[Template]) -> tuple[Warned, ...]:
        return tuple(Warned(_UNSAFE, one.origin) for one in templates) if self.warns else ()

    def _written(
        self,
        sources: tuple[object, ...],
        layers: list[Mapping[str, object]],
        own: Mapping[str, object],
        scope: Scope,
    ) -> Mapping[str, object]:
        """Give what is written in files of what *layers* say, which *sources* give, and *own*."""
        found: dict[str, object] = {}
        for source, layer in zip(sources, layers, strict=True):
            if isinstance(source, Template):
                source = self.evaluate.written(source, scope)  # noqa: PLW2901  # what it names
            for name in layer:
                found.pop(name, None)
                if isinstance(source, dict) and name in source:
                    found[name] = source[name]
        return {**found, **own} if found else own


def _in_place_of_all(action: ActionCall, own: dict[str, object]) -> list[Template]:
    """Take out of *own* the templates that stand for more than one argument, the weaker first."""
    found = [own.pop(ARGS_TEMPLATE, None)]
    if _LINE in own and not takes_text(action.resolved):
        line = own.pop(_LINE)
        if not isinstance(line, Template) or not is_all_template(line.text):
            told = f"Action {action.resolved!r} does not support raw params."
            raise EvaluationError(told, action.origin)
        found.append(line)
    return [one for one in found if isinstance(one, Template)]
