"""Places are quoted as stock quotes them."""

from __future__ import annotations

import pytest

from outlast.errors import Cause
from outlast.outcome import Deprecated, Warned
from outlast.output.explain import deprecation, excerpt, explanation, warning
from outlast.values import Origin


@pytest.fixture
def source(tmp_path):
    def written(text):
        path = tmp_path / "p.yml"
        path.write_text(text)
        return str(path)

    return written


def test_a_place_without_a_line_quotes_nothing():
    assert excerpt(Origin("/nowhere")) == []
    assert explanation([Cause("bad", Origin("/x.yml"))]) == "bad\nOrigin: /x.yml\n\n"


def test_at_most_two_lines_lead_to_the_place(source):
    path = source("".join(f"line {n}\n" for n in range(1, 13)))
    assert excerpt(Origin(path, 1, 3)) == ["1 line 1", "    ^ column 3"]
    assert excerpt(Origin(path, 10, 1)) == [
        " 8 line 8",
        " 9 line 9",
        "10 line 10",
        "   ^ column 1",
    ]


def test_a_whole_line_is_underlined_when_the_column_is_unknown(source):
    assert excerpt(Origin(source("a: b\n"), 1)) == ["1 a: b", "  ^^^^"]


def test_empty_lines_and_tabs_are_shown_plainly(source):
    assert excerpt(Origin(source("\ta\n\nb\n"), 3, 1)) == ["1  a", "2", "3 b", "  ^ column 1"]


def test_long_lines_are_cut_and_their_far_columns_not_marked(source):
    path = source("x" * 200 + "\n")
    quoted = excerpt(Origin(path, 1, 150))
    assert quoted == ["1 " + "x" * 115 + "..."]
    assert excerpt(Origin(path, 1, 110))[1] == " " * 100 + "column 110 ^"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a\n", 3, "(source not shown: file truncated)"),
        ("$ANSIBLE_VAULT;1.1;AES256\n3333\n", 1, "(source not shown: content encrypted)"),
    ],
)
def test_what_cannot_be_quoted_is_told(source, text, line, said):
    assert excerpt(Origin(source(text), line, 1)) == [said]


def test_files_that_cannot_be_read_are_told(tmp_path):
    missing = Origin(str(tmp_path / "gone"), 1, 1)
    assert excerpt(missing) == ["(source not shown: FileNotFoundError)"]
    (tmp_path / "binary").write_bytes(b"\xff\xfe\n")
    binary = Origin(str(tmp_path / "binary"), 1, 1)
    assert excerpt(binary) == ["(source not shown: UnicodeDecodeError)"]


def test_what_a_message_repeats_is_said_once():
    why = [Cause("Task failed."), Cause("Action failed: boom"), Cause("boom")]
    assert explanation(why) == "Task failed: Action failed: boom\n"


def test_one_cause_keeps_its_full_stop():
    assert explanation([Cause("Task failed."), Cause("Action failed.")]) == (
        "Task failed: Action failed.\n"
    )


def test_a_cause_without_a_place_that_follows_one_with_help_stays_with_it():
    why = [Cause("outer", Origin("/a")), Cause("inner"), Cause("other", Origin("/b"))]
    assert explanation(why, "Look there.") == (
        "outer: inner: other\n"
        "\n"
        "outer: inner\n"
        "Origin: /a\n"
        "\n"
        "Look there.\n"
        "\n"
        "<<< caused by >>>\n"
        "\n"
        "other\n"
        "Origin: /b\n"
        "\n"
    )


def test_a_cause_with_advice_of_its_own_stands_apart():
    why = [Cause("Task failed.", Origin("/a")), Cause("no JSON", help_text="See stdout.")]
    assert explanation(why) == (
        "Task failed: no JSON\n"
        "\n"
        "Task failed.\n"
        "Origin: /a\n"
        "\n"
        "<<< caused by >>>\n"
        "\n"
        "no JSON See stdout.\n"
        "\n"
    )


def test_notices_carry_their_place_and_help():
    assert warning(Warned("careful", Origin("/a"))) == "careful\nOrigin: /a\n\n"
    assert warning(Warned("careful", help_text="Do.")) == "careful Do.\n"
    assert deprecation(Deprecated("old", "Gone in 9.")) == "old. Gone in 9.\n"
    assert deprecation(Deprecated("old")) == "old.\n"
