"""Facts in files: what is read from them is data, and what is written can be read by stock."""

from __future__ import annotations

import datetime as dt
import json
import os
import stat
import subprocess
import sys

import pytest

from outlast.errors import EvaluationError
from outlast.outcome import Warned
from outlast.values import Template, Vaulted
from outlast.variables.fact_cache import JsonFiles, opened


@pytest.fixture
def told():
    return []


@pytest.fixture
def cache(tmp_path, told):
    made = JsonFiles(str(tmp_path / "kept"), prefix="", timeout=86400, notify=told.append)
    yield made
    made.close()


def another(tmp_path, told, **given):
    words = {"prefix": "", "timeout": 86400, "notify": told.append, **given}
    return JsonFiles(str(tmp_path / "kept"), **words)


def kept(tmp_path, host, text):
    (tmp_path / "kept" / f"s1_{host}").write_text(json.dumps({"__payload__": text}))


def names(folder):
    return [path.name for path in folder.iterdir()]


FACTS = {
    "text": "{{ 1 + 1 }}",
    "list": [1, 2.5, True, None, {"x": "y"}],
    "day": dt.date(2020, 1, 2),
    "moment": dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    "hour": dt.time(3, 4),
}


def test_what_is_written_is_read_by_the_next_run(cache, tmp_path, told):
    cache.write("web", FACTS)
    cache.close()
    assert another(tmp_path, told).read("web") == FACTS
    assert told == []


def test_only_the_newest_facts_are_kept_and_the_file_is_private_and_alone(cache, tmp_path):
    for number in range(50):
        cache.write("web", {"n": number})
    cache.close()
    assert cache.read("web") == {"n": 49}
    folder = tmp_path / "kept"
    assert names(folder) == ["s1_web"]
    assert stat.S_IMODE((folder / "s1_web").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_is_forgotten_is_gone(cache):
    cache.write("web", {"n": 1})
    cache.forget("web")
    cache.write("db", {"n": 1})
    cache.close()
    assert (cache.read("web"), cache.read("db")) == ({}, {"n": 1})


def test_a_flush_is_at_once(cache, tmp_path):
    for host in ("web", "db"):
        kept(tmp_path, host, '{"n": 1}')
    cache.flush(["localhost", "web"])
    assert (cache.read("web"), cache.read("db")) == ({}, {"n": 1})


def test_stocks_marks_make_no_template_of_what_is_read(cache, tmp_path):
    trusted = {"__ansible_type": "TrustedAsTemplate"}
    text = {"value": "{{ 1 }}", "tags": [trusted], "__ansible_type": "_AnsibleTaggedStr"}
    value = {"a": text, "b": {"value": [text], "tags": [], "__ansible_type": "_AnsibleTaggedList"}}
    kept(tmp_path, "web", json.dumps(value))
    read = cache.read("web")
    assert read == {"a": "{{ 1 }}", "b": ["{{ 1 }}"]}
    assert not isinstance(read["a"], Template)


def test_what_is_encrypted_stays_so(cache, tmp_path):
    cache.write("web", {"secret": Vaulted("$ANSIBLE_VAULT;1.1;AES256\n61")})
    cache.close()
    assert "EncryptedString" in (tmp_path / "kept/s1_web").read_text()
    secret = cache.read("web")["secret"]
    assert isinstance(secret, Vaulted)
    assert secret.text == "$ANSIBLE_VAULT;1.1;AES256\n61"


def test_a_host_cannot_have_stock_trust_its_facts(cache, tmp_path):
    mine = {"value": "{{ 1 }}", "tags": [{"__ansible_type": "TrustedAsTemplate"}]}
    cache.write("web", {"a": {**mine, "__ansible_type": "_AnsibleTaggedStr"}})
    cache.close()
    assert "__ansible_type" not in (tmp_path / "kept/s1_web").read_text()
    assert cache.read("web") == {"a": {"value": "{{ 1 }}", "tags": [{}]}}


@pytest.mark.parametrize(
    "text",
    [
        '{"__pay',
        "[1]",
        '{"__payload__": "{"}',
        '{"__payload__": "[1]"}',
        '{"__payload__": 7}',
        '{"__payload__": "{\\"a\\": {\\"__ansible_type\\": \\"x\\"}}"}',
        "\udcff",
        "[" * 100_000,
    ],
)
def test_a_spoilt_file_is_told_and_removed_and_the_next_look_finds_nothing(
    cache, tmp_path, told, text
):
    file = tmp_path / "kept/s1_web"
    file.write_text(text, errors="surrogateescape")
    with pytest.raises(EvaluationError, match="was corrupt") as caught:
        cache.read("web")
    assert str(file) in str(caught.value)
    assert "so erasing and failing" in told[0].text
    assert not file.exists()
    assert cache.read("web") == {}


def test_a_file_of_something_else_tells_nothing(cache, tmp_path, told):
    (tmp_path / "kept/s1_web").write_text('{"facts": 1}')
    assert cache.read("web") == {}
    assert told == []


def test_what_is_too_old_is_not_read_and_nothing_is_too_old_for_zero(cache, tmp_path, told):
    kept(tmp_path, "web", '{"n": 1}')
    os.utime(tmp_path / "kept/s1_web", (1, 1))
    assert cache.read("web") == {}
    patient = another(tmp_path, told, timeout=0)
    assert patient.read("web") == {"n": 1}


@pytest.mark.parametrize("host", ["../web", "a/b", "a\0b"])
def test_a_name_that_leads_elsewhere_is_not_kept(cache, tmp_path, told, host):
    cache.write(host, {"n": 1})
    cache.close()
    assert cache.read(host) == {}
    assert names(tmp_path / "kept") == []
    assert names(tmp_path) == ["kept"]
    assert told == []


def test_what_cannot_be_written_is_told(cache, tmp_path, told):
    (tmp_path / "kept/s1_web").mkdir()
    cache.write("web", {"n": 1})
    cache.write("db", {"n": object()})
    cache.close()
    assert [notice.text.partition("while")[0] for notice in told] == [
        "Error in 'jsonfile' cache plugin "
    ] * 2
    assert names(tmp_path / "kept") == ["s1_web"]


@pytest.mark.parametrize(
    ("name", "folder", "said"),
    [
        ("memory", None, None),
        ("ansible.builtin.memory", None, None),
        ("redis", None, "Unable to load the cache plugin 'redis'."),
        ("jsonfile", None, "Required config '_uri' for 'jsonfile' cache plugin not provided."),
        ("jsonfile", "/dev/null/x", "while trying to create cache dir '/dev/null/x'"),
    ],
)
def test_without_a_cache_memory_is_used_and_that_is_told(told, name, folder, said):
    assert opened(name, folder, prefix="", timeout=0, notify=told.append) is None
    assert [isinstance(one, Warned) and said in one.text for one in told] == [True] * bool(said)


STOCK_READS = """
import json, sys
import ansible.template
from ansible._internal._json._profiles import _cache_persistence
from ansible._internal._datatag._tags import TrustedAsTemplate
text = json.load(open(sys.argv[1]))["__payload__"]
facts = json.loads(text, cls=_cache_persistence.Decoder)
print(repr(facts), [TrustedAsTemplate.is_tagged_on(value) for value in facts.values()])
"""


def test_stock_reads_what_is_written_and_trusts_none_of_it(cache, tmp_path):
    cache.write("web", FACTS)
    cache.close()
    done = subprocess.run(
        [sys.executable, "-c", STOCK_READS, str(tmp_path / "kept/s1_web")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"{FACTS!r} {[False] * len(FACTS)}"
