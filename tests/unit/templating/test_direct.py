"""Templates that are not compiled give what compiled ones give."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.errors import EvaluationError
from outlast.templating import Evaluator
from outlast.templating.direct import simple_expression, simple_template
from outlast.values import DictScope, Template

SCOPE = DictScope(
    {
        "a": "x",
        "n": 5,
        "nul": None,
        "yes": True,
        "d": {"k": {"z": [1]}, "t": Template("{{ a }}y"), "u": Template("{{ nope }}"), "items": 1},
        "u": Template("{{ nope }}"),
        "b": Template("{{ 1 / 0 }}"),
        "r": {"failed": False, "changed": True},
        "f": Template("{{ '' | from_json }}"),
    }
)
EVALUATOR = Evaluator()
PATHS = st.sampled_from(
    [
        "a",
        "n",
        "nul",
        "yes",
        "d",
        "d.k",
        "d.k.z",
        "d.t",
        "d.u",
        "d.items",
        "d.keys",
        "d.nope",
        "d.nope.x",
        "nope",
        "nope.x",
        "u",
        "u.x",
        "b",
        "r",
        "f",
        "f.x",
        "r.failed",
        "a.upper",
        "a.__class__",
        "n.real",
        "omit",
        "range",
        "now",
    ]
)
NODES = PATHS.flatmap(lambda path: st.sampled_from([f"{{{{ {path} }}}}", f"{{{{{path}}}}}"]))
LITERALS = st.text("ab {}#%\n\\'\"é", max_size=4)
TESTS = st.sampled_from(["defined", "undefined", "failed", "changed", "none", "string", "mapping"])


def outcome(ask):
    try:
        value = ask()
    except EvaluationError as error:
        return type(error), str(error), error.origin
    return type(value), re.sub("0x[0-9a-f]+", "0x", value) if isinstance(value, str) else value


@given(st.lists(st.one_of(NODES, LITERALS), max_size=4).map("".join))
def test_a_simple_template_gives_what_the_compiled_one_gives(text):
    if simple_template(text, EVALUATOR._core.tasks) is None:
        return
    compiled = "{{ none }}" + text  # adds nothing, but is not simple
    assert outcome(lambda: EVALUATOR.render(Template(text), SCOPE)) == outcome(
        lambda: EVALUATOR.render(Template(compiled), SCOPE)
    )


@given(
    PATHS,
    st.one_of(st.none(), TESTS),
    st.sampled_from(["", "not "]),
    st.sampled_from(["", "not "]),
)
def test_a_simple_condition_holds_when_the_compiled_one_holds(path, test, negated, but_not):
    text = f"{negated}{path}" + (f" is {but_not}{test}" if test else "")
    assert simple_expression(text, EVALUATOR._core.conditions) is not None
    compiled = f"({text})"
    assert simple_expression(compiled, EVALUATOR._core.conditions) is None
    for ask in (EVALUATOR.holds, EVALUATOR.expression):
        assert outcome(lambda ask=ask: ask(text, SCOPE)) == outcome(
            lambda ask=ask: ask(compiled, SCOPE)
        )


@pytest.mark.parametrize(
    "text",
    [
        "{{ a | upper }}",
        "{{ not a }}",
        "{{ true }}",
        "{{ a }}\n",
        "{{ a }}\r",
        "{{- a }}",
        "{{ a }} {{ b",
        "{# a #}{{ a }}",
        "{{ a }}}}",
        "{{ a[0] }}",
        "{{ self }}",
        "{{ a b }}",
        "{{{ a }}",
        "{{ é }}",
    ],
)
def test_what_is_not_simple_is_compiled(text):
    assert simple_template(text, EVALUATOR._core.tasks) is None


@pytest.mark.parametrize("text", ["a b", "a is in", "a is nosuch", "none", "a == b", "a is x y"])
def test_a_condition_that_is_not_simple_is_compiled(text):
    assert simple_expression(text, EVALUATOR._core.conditions) is None
