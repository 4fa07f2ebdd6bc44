"""A `!vault` string is decrypted by who looks at it, and what it holds is data."""

from __future__ import annotations

import pytest

from outlast.errors import EvaluationError
from outlast.templating.evaluator import Evaluator
from outlast.values import DictScope, Origin, Template, Vaulted, has_templates
from outlast.vault import Vault, VaultSecret, encrypted

SECRET = VaultSecret("default", b"pw")
OTHER = VaultSecret("default", b"another")


def sealed(text, secret=SECRET):
    return Vaulted(encrypted(text.encode(), secret).decode(), Origin("vars.yml", 3, 4))


@pytest.fixture
def evaluator():
    return Evaluator(vault=Vault((SECRET,)))


class Written(DictScope):
    """Variables of a trusted file."""

    def from_file(self, name):
        return name in self


def test_marks_in_what_was_encrypted_are_never_evaluated(evaluator):
    scope = DictScope({"a": sealed("{{ 1 + 1 }}"), "b": Template("{{ a }}!")})
    assert evaluator.render(Template("{{ a }}"), scope) == "{{ 1 + 1 }}"
    assert evaluator.render(Template("{{ b }}"), scope) == "{{ 1 + 1 }}!"


def test_out_of_a_template_comes_plain_text(evaluator):
    scope = DictScope({"a": sealed("text")})
    for value in (sealed("text"), Template("{{ a }}"), Template("{{ [a] | first }}")):
        assert type(evaluator.render(value, scope)) is str
    assert evaluator.render({"k": [sealed("text")]}, scope) == {"k": ["text"]}


def test_a_last_newline_stays(evaluator):
    assert evaluator.render(Template("{{ a }}\n"), DictScope({"a": sealed("text")})) == "text\n"


def test_what_nobody_looks_at_is_not_decrypted(evaluator):
    locked = sealed("text", OTHER)
    scope = DictScope({"d": {"a": locked, "b": 1}, "l": [locked, 2]})
    assert evaluator.render(Template("{{ d.b + l[1] }}"), scope) == 3
    assert evaluator.holds("d.a is vault_encrypted", scope)


def test_an_undecryptable_string_is_told_with_its_place_and_without_its_text(evaluator):
    with pytest.raises(EvaluationError, match="Attempt to use undecryptable variable") as told:
        evaluator.render(Template("{{ a }}"), DictScope({"a": sealed("hidden", OTHER)}))
    assert Origin("vars.yml", 3, 4) in [cause.origin for cause in told.value.chain]
    assert "hidden" not in str(told.value)


def test_what_was_encrypted_is_no_condition(evaluator):
    scope = Written({"a": sealed("1 == 1")})
    with pytest.raises(EvaluationError, match="untrusted"):
        evaluator.holds("{{ a }}", scope)
    with pytest.raises(EvaluationError, match="untrusted"):
        evaluator.holds(sealed("1 == 1"), scope)


def test_the_first_decryption_may_keep_a_loop_waiting_and_the_second_does_not(evaluator):
    value = sealed("text")
    scope = DictScope({"a": value})
    assert evaluator.may_block(Template("{{ a }}"), scope)
    assert evaluator.may_block({"k": value})
    evaluator.render(value, scope)
    assert not evaluator.may_block(Template("{{ a }}"), scope)


def test_it_is_a_template_to_who_asks_and_shows_nothing():
    value = sealed("text")
    assert isinstance(value, Template)
    assert has_templates([value])
    assert repr(value) == str(value) == "<redacted>"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("'a' | vault(1)", "Secret passed is required to be a string"),
        ("1 | vault('pw')", "Can only vault strings"),
        ("'a' | vault('pw', '')", "Unable to encrypt"),
        ("'a' | unvault(1)", "Secret passed is required to be as string"),
        ("1 | unvault('pw')", "Vault should be in the form of a string"),
        ("'a' | vault('pw') | unvault('no')", "Unable to decrypt"),
        ("'/nowhere' is vaulted_file", "Cannot test if the file '/nowhere' is a vault"),
    ],
)
def test_filters_refuse_in_stocks_words(evaluator, expression, said):
    with pytest.raises(EvaluationError, match=said.replace("(", r"\(")):
        evaluator.expression(expression, DictScope())


def test_text_that_is_not_encrypted_passes_unvault(evaluator):
    assert evaluator.expression("'plain' | unvault('pw')", DictScope()) == "plain"
