"""An answer means what stock registers for it: answers.json was pinned from stock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from outlast.content.answers import judge, judge_payload
from outlast.errors import joined
from outlast.outcome import Deprecated, Failed, Ok, Skipped, Unreachable, Warned, registered
from outlast.work import Reply

CASES = json.loads(Path(__file__).with_name("answers.json").read_text())


UNREADABLE = "Module result deserialization failed"


def answer(out, err="", rc=0, **kwargs):
    return judge(Reply(out, err, rc), **kwargs)


def as_seen(outcome):
    """Put the sentence in `msg` where the module gave none, as the engine does."""
    seen = registered(outcome)
    seen.pop("invocation", None)  # only items of loops register it
    if isinstance(outcome, Unreachable):
        del seen["exception"]  # stock has one for lost connections, not for a module's word
    if isinstance(outcome, Failed):
        seen.setdefault("msg", joined(["Task failed", *(cause.message for cause in outcome.why)]))
    return seen


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_an_answer_registers_what_stock_registers(case):
    ours = as_seen(answer(case["out"], case.get("err", ""), case.get("rc", 0)))
    assert ours == case["registered"]


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ('{"failed": true, "msg": "no"}', "Module failed: no"),
        ('{"failed": true, "msg": ""}', "Module failed."),
        ('{"failed": true}', "Module failed: Unknown error."),
        ('{"rc": 3}', "Action failed: Unknown error."),
        ('{"rc": 3, "msg": "why"}', "Action failed: why"),
        (
            "hello",
            "Action failed: Module result deserialization failed: No start of json char found",
        ),
        ('{"stdout": 5}', "'int' object has no attribute 'splitlines'"),
    ],
)
def test_a_failure_explains_itself_in_stocks_words(out, sentence):
    outcome = answer(out)
    assert isinstance(outcome, Failed)
    assert joined([cause.message for cause in outcome.why]) == sentence


def test_an_unreadable_answer_says_where_to_look():
    outcome = answer("hello")
    assert outcome.why[-1].help_text == "See stdout/stderr for the returned output."


def test_output_that_is_no_text_is_refused():
    outcome = answer(r'{"stdout": "a\udcffb", "changed": true}')
    assert outcome.payload == {}
    assert not outcome.changed
    assert outcome.why[0].message == (
        "Refusing to deserialize an invalid UTF8 string value: 'utf-8' codec can't encode"
        " character '\\udcff' in position 1: surrogates not allowed"
    )
    assert answer('{"stdout": "\\u00e4\\ud83d\\ude00"}').payload["stdout"] == "ä😀"


def test_changed_is_what_python_takes_for_true():
    assert answer('{"changed": "no"}') == Ok({}, changed=True)
    assert answer('{"changed": null, "failed": null}') == Ok({})


def test_a_skipped_answer_is_skipped():
    assert answer('{"skipped": true, "msg": "m", "changed": true}') == Skipped(
        {"msg": "m", "failed": False}, changed=True
    )


def test_the_modules_account_of_its_arguments_is_kept_for_loops_to_register():
    out = '{"invocation": {"module_args": {}}}'
    assert answer(out).payload == {"invocation": {"module_args": {}}}


def test_warnings_become_notices_the_stray_output_first():
    outcome = answer('{"warnings": ["one", "one", "two"]}\nstray\n')
    event = {"msg": "three", "help_text": "Do it."}
    helped = judge_payload({"warnings": [{"event": event}]})
    assert helped.notices == (Warned("three", help_text="Do it."),)
    stray = "Module invocation had junk after the JSON data: stray"
    assert outcome.notices == (Warned(stray), Warned("one"), Warned("two"))


def deprecation(plugin, kind, **when):
    by = {"resolved_name": plugin, "type": kind} if plugin else None
    return {"event": {"msg": "old"}, "deprecator": by, **when}


@pytest.mark.parametrize(
    ("remark", "sentence"),
    [
        (
            deprecation("ansible.legacy.noisy", "module", version="9.9"),
            "from module 'noisy' in collection 'ansible.legacy' version 9.9.",
        ),
        (
            deprecation("ansible.legacy.rich", {"value": "module"}),
            "from module 'rich' in collection 'ansible.legacy' in a future release.",
        ),
        (
            deprecation("ns.coll", None, date="2030-01-01"),
            "from collection 'ns.coll' in a release after 2030-01-01.",
        ),
        (
            deprecation("ansible.builtin.ping", "module", version="2.30"),
            "from module 'ping' in ansible-core version 2.30.",
        ),
        (
            deprecation("ansible.builtin", "callback", version="2.30"),
            "from the callback plugin API in ansible-core version 2.30.",
        ),
        (deprecation("alone", "module"), "from module 'alone' in the future."),
        (deprecation(None, None, version="2.30"), "in the future."),
        ({"msg": "old", "version": "2.30"}, "in the future."),
    ],
)
def test_a_deprecation_says_who_removes_it_and_when(remark, sentence):
    outcome = judge_payload({"deprecations": [remark]})
    assert outcome.notices == (Deprecated("old", f"This feature will be removed {sentence}"),)


def test_a_deprecation_that_is_none_is_told_and_dropped():
    outcome = judge_payload({"deprecations": [5]})
    assert outcome.payload == {
        "warnings": ["Task result `deprecations` contained an invalid item."]
    }
