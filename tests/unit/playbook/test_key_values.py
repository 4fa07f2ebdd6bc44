"""One-line arguments are cut into words and pairs as stock cuts them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.playbook.key_values import UnbalancedText, join, parse, split


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("a=b c=d", ["a=b", "c=d"]),
        ('a=b c="foo bar"', ["a=b", 'c="foo bar"']),
        ("a='x  y'", ["a='x  y'"]),
        ("msg={{ a | b('c d') }} x", ["msg={{ a | b('c d') }}", "x"]),
        ("{% if a %} b {% endif %}", ["{% if a %}", "b", "{% endif %}"]),
        ("a={# no word #}b", ["a={# no word #}b"]),
        ("a  b", ["a ", "b"]),
        (" a", ["a"]),
        ("a\nb", ["a\n", "b"]),
        ("a \\\nb", ["a", "b"]),
        ("'a\nb'", ["'a\nb'"]),
        (r"a=\"b c", [r"a=\"b", "c"]),
        ("a=it's b='c", ["a=it's b='c"]),
    ],
)
def test_text_is_cut_at_blanks_outside_quotes_and_blocks(text, words):
    assert split(text) == words


@pytest.mark.parametrize("text", ["a='b", 'msg="', "{{ a", "{% if", "{# x", "a=it's"])
def test_what_is_opened_and_not_closed_is_refused(text):
    with pytest.raises(
        UnbalancedText, match="unbalanced jinja2 block or quotes: " + re.escape(text)
    ):
        split(text)


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("", {}),
        ("src=a dest=b", {"src": "a", "dest": "b"}),
        ("src='a b' dest=\"c\"", {"src": "a b", "dest": "c"}),
        ("name=x state=", {"name": "x", "state": ""}),
        ("file.yml", {"_raw_params": "file.yml"}),
        ("file.yml a=b", {"_raw_params": "file.yml", "a": "b"}),
        (r"msg=a\nb", {"msg": "a\nb"}),
        (r"msg=caf\u00e9\x21", {"msg": "café!"}),
        (r"msg=\N{BULLET}", {"msg": "•"}),
        (r"a\=b", {"_raw_params": "a=b"}),
        (r"a\=b=c", {r"a\=b": "c"}),
        ("=a", {"_raw_params": "=a"}),
        ("line=a=b", {"line": "a=b"}),
        ("a='b\" c=d'", {"a": 'b" c=d'}),
        ("msg={{ a if b == 'c' }}", {"msg": "{{ a if b == 'c' }}"}),
    ],
)
def test_pairs_become_arguments_and_the_rest_free_text(text, args):
    assert parse(text, command=False) == args


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("ls -l", {"_raw_params": "ls -l"}),
        ("make CC=gcc", {"_raw_params": "make CC=gcc"}),
        ("ls chdir=/tmp creates='/a b'", {"_raw_params": "ls", "chdir": "/tmp", "creates": "/a b"}),
        (r"echo 'a\nb'", {"_raw_params": r"echo 'a\nb'"}),
        ("echo a  b", {"_raw_params": "echo a  b"}),
        ("echo a\necho b\n", {"_raw_params": "echo a\necho b\n"}),
        ("echo 'chdir=/x'", {"_raw_params": "echo 'chdir=/x'"}),
        ("stdin=x cat", {"_raw_params": "cat", "stdin": "x"}),
        ("dd if=/dev/zero", {"_raw_params": "dd if=/dev/zero"}),
    ],
)
def test_a_command_keeps_its_words_and_gives_up_only_its_options(text, args):
    assert parse(text, command=True) == args


KEYS = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
PLAIN = st.text(st.characters(exclude_characters="'\"\\{}%#\n\r", exclude_categories=["Cs"]))


@given(st.dictionaries(KEYS, PLAIN.map(str.strip), max_size=5))
def test_quoted_pairs_come_back_as_they_went_in(pairs):
    line = " ".join(f'{key}="{value}"' for key, value in pairs.items())
    assert parse(line, command=False) == pairs


@given(st.lists(st.sampled_from(["a", "b=c", "'d e'", "{{ f }}", "\n", " "]), max_size=8))
def test_joining_the_words_again_loses_no_text(parts):
    text = " ".join(parts)
    assert join(split(text)).split() == text.split()


@given(st.text(alphabet="ab= '\"\\{}%#\nx", max_size=30))
def test_any_text_is_cut_or_refused_and_nothing_else(text):
    try:
        words = split(text)
    except UnbalancedText:
        return
    assert "".join("".join(words).split()).replace("\\", "") == "".join(text.split()).replace(
        "\\", ""
    )
