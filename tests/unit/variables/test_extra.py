"""`-e` is read as stock reads it, and refused in its words."""

from __future__ import annotations

import pytest

from outlast.errors import OutlastError, PlaybookError, SourceMissing, UsageError
from outlast.playbook import key_values
from outlast.values import Template
from outlast.variables import parse_extra_vars


def _parse(*texts):
    return parse_extra_vars(texts, key_values=key_values.parse, notify=[].append)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a=1 b='x y' c=\"q\""], {"a": "1", "b": "x y", "c": "q"}),
        (["a=1", "a=2 b=yes"], {"a": "2", "b": "yes"}),
        (['{"a": 1, "b": [true, null]}'], {"a": 1, "b": [True, None]}),
        (["{a: yes, b: x}"], {"a": True, "b": "x"}),
        (["t={{ x }} u='{{ y }} z'"], {"t": Template("{{ x }}"), "u": Template("{{ y }} z")}),
        (['{"t": "{{ x }}"}'], {"t": Template("{{ x }}")}),
        (["free text"], {"_raw_params": "free text"}),
        (["", "a=b=c"], {"a": "b=c"}),
        ([], {}),
    ],
)
def test_texts_become_variables(texts, expected):
    assert _parse(*texts) == expected


def test_a_file_keeps_its_types_and_places(tmp_path):
    path = tmp_path / "vars.yml"
    path.write_text("a: 1\nt: '{{ a }}'\n")
    found = _parse(f"@{path}", "a=2")
    assert found == {"a": "2", "t": Template("{{ a }}")}
    assert str(found["t"].origin) == f"{path}:2:4"


@pytest.mark.parametrize(
    ("text", "kind", "message", "code"),
    [
        ("./x", UsageError, "Please prepend extra_vars filename './x' with '@'", 5),
        ("[1]", UsageError, "Invalid extra vars data supplied. '[1]' could not be made into", 5),
        (
            'a="b',
            PlaybookError,
            'failed at splitting arguments, either an unbalanced jinja2 block or quotes: a="b',
            4,
        ),
        ("{a", PlaybookError, "YAML parsing failed: ", 4),
        ("@missing.yml", SourceMissing, "Unable to retrieve file contents.\nCould not find or", 1),
    ],
)
def test_what_is_no_variables_is_refused(text, kind, message, code):
    with pytest.raises(OutlastError) as caught:
        _parse(text)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(message)
    assert caught.value.exit_code == code
