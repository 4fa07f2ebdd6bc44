"""How long a template takes here and in stock, in one run: prints microseconds and ratios."""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable

from ansible._internal._templating._engine import TemplateEngine
from ansible.template import trust_as_template

from outlast.templating import Evaluator
from outlast.values import DictScope, Template

VALUES: dict[str, object] = {f"v{n}": n for n in range(200)} | {
    "a": "x",
    "b": 5,
    "d": {"k": {"z": 1}, "t": "{{ a }}"},
    "l": [1, 2, 3],
    "t": "{{ a }}y",
}
TEMPLATES = (
    "{{ a }}",
    "{{ a }} {{ b|default(1) }}",
    "{{ t }}",
    "{{ d.k.z + 1 }}",
    "{{ d.t }}",
    "{{ l | map('string') | join(',') }}",
    "{{ d | to_json }}",
)
CONDITIONS = ('a == "x" and t is defined', "b in l or not (b | bool)", "d.k.z > 0")


def trusted(value: object) -> object:
    """Give *value* with its templates marked, as the loader does."""
    if isinstance(value, str) and "{{" in value:
        return Template(value)
    if isinstance(value, dict):
        return {key: trusted(member) for key, member in value.items()}
    return value


def microseconds(action: Callable[[], object], number: int) -> float:
    """Give the median time of one call."""
    action()
    return statistics.median(timeit.repeat(action, number=number, repeat=7)) / number * 1e6


def main() -> None:
    """Measure both, template by template, one right after the other."""

    def tagged(value: object) -> object:
        if isinstance(value, dict):
            return {key: tagged(member) for key, member in value.items()}
        return trust_as_template(value) if isinstance(value, str) else value

    values = {name: trusted(value) for name, value in VALUES.items()}
    ours = Evaluator()
    stock = TemplateEngine(variables={name: tagged(value) for name, value in VALUES.items()})
    print(f"{'ours us':>9} {'stock us':>9} {'ratio':>7}")
    for text in TEMPLATES:
        template, theirs = Template(text), trust_as_template(text)
        # A fresh scope for each evaluation: nothing is remembered from the one before.
        fast = microseconds(lambda t=template: ours.render(t, DictScope(values)), 2000)  # type: ignore[misc]
        slow = microseconds(lambda t=theirs: stock.template(t), 50)  # type: ignore[misc]
        print(f"{fast:9.1f} {slow:9.1f} {slow / fast:7.0f}  {text}")
    for text in CONDITIONS:
        theirs = trust_as_template(text)
        fast = microseconds(lambda t=text: ours.holds(t, DictScope(values), None), 2000)  # type: ignore[misc]
        slow = microseconds(lambda t=theirs: stock.evaluate_conditional(t), 50)  # type: ignore[misc]
        print(f"{fast:9.1f} {slow:9.1f} {slow / fast:7.0f}  when: {text}")


if __name__ == "__main__":
    main()
