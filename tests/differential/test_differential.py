"""What we print and how we end is what stock prints and how it ends."""

from __future__ import annotations

import re

import pytest
from trees import interpret

from differential.harness import CASES, EXPECTED, OURS, OURS_TOO, STOCK, cases, recorded, run
from differential.normalise import as_a_set, in_any_order, normalised
from differential.planting import SEEDS, tree_of

CASES_NOW = cases()


def _named(cases):
    return [pytest.param(case, id=case.name) for case in cases]


def _comparable(case, seen):
    return case.comparable(seen.out), case.comparable(seen.err), seen.code


@pytest.mark.timeout(150)
@pytest.mark.parametrize("case", _named(case for case in CASES_NOW if not case.differs))
def test_we_say_what_stock_says(case, tmp_path):
    expected, seen = recorded(case), run(OURS, case, tmp_path)
    assert case.comparable(seen.out) == case.comparable(expected.out)
    assert case.comparable(seen.err) == case.comparable(expected.err)
    assert seen.code == expected.code


@pytest.mark.timeout(150)
@pytest.mark.parametrize("case", _named(case for case in CASES_NOW if case.differs))
def test_where_we_mean_to_differ_we_differ_as_recorded(case, tmp_path):
    expected, seen = recorded(case, OURS_TOO), run(OURS, case, tmp_path)
    assert case.comparable(seen.out) == case.comparable(expected.out)
    assert case.comparable(seen.err) == case.comparable(expected.err)
    assert seen.code == expected.code
    assert _comparable(case, seen) != _comparable(case, recorded(case)), "it differs no more"


@pytest.mark.parametrize("name", ["console_rc2_undefined", "list_tasks"])
def test_the_recording_is_what_stock_says_today(name, tmp_path):
    case = next(case for case in CASES_NOW if case.name == name)
    assert run(STOCK, case, tmp_path) == recorded(case)


def test_every_case_is_recorded_and_every_recording_has_its_case():
    files = {file.stem for file in EXPECTED.glob("*.txt")}
    differing = {f"{case.name}{OURS_TOO}" for case in CASES_NOW if case.differs}
    assert {case.name for case in CASES_NOW} | differing == files
    assert len({case.name for case in CASES_NOW}) == len(CASES_NOW)
    assert len(list(CASES.glob("*.yml"))) > 50


def test_names_stand_for_what_changes_from_run_to_run():
    text = (
        "ASYNC POLL on h: jid=j12.3 started=True finished=False\n"
        "ASYNC OK on h: jid=j12.3\n"
        "FAILED - RETRYING: [h]: wait (9 retries left).\n"
        "FAILED - RETRYING: [h]: wait (8 retries left).\n"
        'ok: [h] => {"attempts": 3, "start": "2026-01-02 03:04:05.6", "path": "/tmp/x/f"}\n'
    )
    assert normalised(text, "/tmp/x") == (
        'ASYNC OK on h: jid=JID\nok: [h] => {"attempts": N, "start": "TIME", "path": "DIR/f"}\n'
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_random_trees_come_to_the_same_under_stock_and_host_by_host(seed):
    alone = interpret(tree_of(seed))
    case = next(case for case in CASES_NOW if case.name == f"trees_{seed:02}")
    said = recorded(case)
    recap = said.out.partition("PLAY RECAP")[2]
    counts = {
        line.split()[0]: {name: int(n) for name, n in re.findall(r"(\w+)=(\d+)", line) if n != "0"}
        for line in recap.splitlines()[1:]
        if line.strip()
    }
    told = {name: dict(host.tally) for name, host in alone.hosts.items() if host.tally}
    assert {host: counts.get(host, {}) for host in told} == told
    assert said.code == alone.exit_code


def test_order_is_forgiven_between_banners_only():
    one = "TASK [a] ***\nok: [h1]\nok: [h2]\n\nTASK [b] ***\nok: [h1]"
    other = "TASK [a] ***\nok: [h2]\nok: [h1]\n\nTASK [b] ***\nok: [h1]"
    moved = "TASK [a] ***\nok: [h1]\n\nTASK [b] ***\nok: [h2]\nok: [h1]"
    assert in_any_order(one) == in_any_order(other) != in_any_order(moved)
    assert as_a_set(one) == as_a_set(moved)
