"""Every question of cases.yml gets the answer stock gave."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from outlast.errors import EvaluationError, UndefinedVariable
from outlast.templating import Evaluator
from outlast.values import OMIT, DictScope, Template, looks_like_template

CONTENT = yaml.load(
    Path(__file__).with_name("cases.yml").read_text(),
    Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader),
)
KINDS = ("template", "expression", "condition", "file")


class Written(DictScope):
    """Variables that all come from a file."""

    def from_file(self, name):
        return name in self


def marked(value):
    """Give *value* as the loader would: text with marks is a template."""
    if isinstance(value, str):
        return Template(value) if looks_like_template(value) else value
    if isinstance(value, dict):
        return {key: marked(member) for key, member in value.items()}
    if isinstance(value, list):
        return [marked(member) for member in value]
    return value


@pytest.fixture(scope="module")
def evaluator():
    return Evaluator()


def ask(evaluator, case):
    scope = Written(marked(CONTENT["variables"] | case.get("vars", {})))
    if "template" in case:
        return evaluator.render(Template(case["template"]), scope)
    if "expression" in case:
        return evaluator.expression(case["expression"], scope)
    if "condition" in case:
        return evaluator.holds(marked(case["condition"]), scope)
    return evaluator.render_file_text(case["file"], scope, search_path=(".",))


def question(case):
    return next(f"{kind} {case[kind]!r}" for kind in KINDS if kind in case)


@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # Jinja2 tells of '\\d' so
@pytest.mark.parametrize("case", CONTENT["cases"], ids=question)
def test_answers_as_stock_does(evaluator, case):
    if "fails" in case:
        with pytest.raises(EvaluationError) as raised:
            ask(evaluator, case)
        assert str(raised.value) == case["fails"]
        assert isinstance(raised.value, UndefinedVariable) == case.get("undefined", False)
        return
    answer = ask(evaluator, case)
    if "omits" in case:
        assert answer is OMIT
        return
    assert answer == case["gives"]
    assert type(answer) is type(case["gives"])
