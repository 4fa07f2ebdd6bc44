"""Secrets are masked in a stream, wherever it is cut."""

from __future__ import annotations

import io
import os

from hypothesis import given
from hypothesis import strategies as st

from outlast_agent.jobs.teeing import Mask, Overheard

words = st.text("abc", max_size=12).map(str.encode)
secrets = st.lists(st.text("abc", min_size=1, max_size=4).map(str.encode), max_size=3)


@given(st.lists(words, max_size=6), secrets)
def test_the_cuts_between_blocks_make_no_difference(blocks, secrets):
    cut, whole = Mask(secrets), Mask(secrets)
    piecemeal = b"".join(map(cut.masked, blocks)) + cut.rest()
    assert piecemeal == whole.masked(b"".join(blocks)) + whole.rest()


@given(words, secrets)
def test_no_secret_is_left(text, secrets):
    mask = Mask(secrets)
    shown = mask.masked(text) + mask.rest()
    assert not any(secret in shown for secret in secrets if b"*" not in secret)


def test_only_what_may_become_a_secret_is_held_back():
    mask = Mask([b"s3cret"])
    assert mask.masked(b"a line\n") == b"a line\n"
    assert mask.masked(b"is it s3cr") == b"is it "
    assert mask.masked(b"ew?") == b"s3crew?"


def test_what_nobody_hears_any_more_is_read_all_the_same():
    ours, theirs = os.pipe()
    os.close(ours)
    overheard = Overheard(io.BytesIO(b"some words"), theirs, ())
    assert overheard.read(4) == b"some"
    assert overheard.read(99) == b" words"
    os.close(theirs)
