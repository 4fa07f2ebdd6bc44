"""Differences look as stock's do."""

from __future__ import annotations

import pytest

from outlast.output.diffs import difference


def plainly(text, _colour):
    return text


def shown(diff, **more):
    return difference(diff, paint=plainly, **more)


def test_nothing_different_is_nothing_shown():
    assert shown({"before": "a\n", "after": "a\n"}) == ""
    assert shown([]) == ""
    assert shown("not a difference") == ""


def test_headers_name_the_files():
    diff = {"before": "a\n", "after": "b\n", "before_header": "/x", "after_header": "/y"}
    assert shown(diff) == "--- before: /x\n+++ after: /y\n@@ -1 +1 @@\n-a\n+b\n\n"


def test_context_is_as_wide_as_configured():
    before = "".join(f"{n}\n" for n in range(10))
    diff = {"before": before, "after": before.replace("5", "five")}
    assert shown(diff, context=0) == "--- before\n+++ after\n@@ -6 +6 @@\n-5\n+five\n\n"


def test_a_missing_last_newline_is_told():
    assert shown({"before": None, "after": "a"}) == (
        "--- before\n+++ after\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n\n"
    )


def test_structures_are_compared_as_json():
    diff = {"before": {"mode": "0755", "a": 1}, "after": {"mode": "0700", "a": 1}}
    assert shown(diff) == (
        "--- before\n"
        "+++ after\n"
        "@@ -1,4 +1,4 @@\n"
        " {\n"
        '     "a": 1,\n'
        '-    "mode": "0755"\n'
        '+    "mode": "0700"\n'
        " }\n"
        "\n"
    )


def test_structures_are_compared_as_yaml_when_results_are_yaml():
    diff = {"before": {"mode": "0755"}, "after": {"mode": "0700"}}
    assert shown(diff, form="yaml") == (
        "--- before\n+++ after\n@@ -1,2 +1,2 @@\n-    mode: '0755'\n+    mode: '0700'\n \n\n"
    )


@pytest.mark.parametrize(
    ("diff", "said"),
    [
        ({"dst_binary": 1}, "diff skipped: destination file appears to be binary\n"),
        ({"src_binary": 1}, "diff skipped: source file appears to be binary\n"),
        ({"dst_larger": 9}, "diff skipped: destination file size is greater than 9\n"),
        ({"src_larger": 9}, "diff skipped: source file size is greater than 9\n"),
        ({"prepared": "as it is\n"}, "as it is\n"),
    ],
)
def test_what_cannot_be_compared_is_told(diff, said):
    assert shown([diff, diff]) == said * 2


def test_lines_are_coloured_by_what_happened_to_them():
    def marked(text, colour):
        return f"<{colour}>{text}" if colour else text

    text = difference({"before": "a\nb\n", "after": "b\nc\n"}, paint=marked)
    assert text == (
        "<0;31>--- before\n<0;32>+++ after\n<0;36>@@ -1,2 +1,2 @@\n<0;31>-a\n b\n<0;32>+c\n\n"
    )
