"""Host patterns select what stock's do, in the same order, and obey the algebra of sets."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.errors import InventoryError
from outlast.inventory import Unread, load_inventory

HOSTS = """
alone
[web]
web1
web2
web10
both
[db]
db1.example.com
db2.example.com
both
[dbs:children]
db
[site:children]
dbs
web
[twin]
twin
[v6]
2001:db8::1
"""

# What stock says to each of these stands in its own program, asked once for all.
ASK = """
import json, sys
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
inventory = InventoryManager(DataLoader(), [sys.argv[1]])
answers = []
for pattern, limit, order in json.load(sys.stdin):
    try:
        inventory.subset(limit)
        answers.append([host.name for host in inventory.get_hosts(pattern, order=order)])
    except Exception as error:
        answers.append(str(error).splitlines()[0])
json.dump(answers, sys.stdout)
"""

PATTERNS = [
    "all", "*", "web", "db:web", "web,db", "web:!web1", "web:&db", "!web", "&web", "site:!db:&web",
    "web1:web", "web*", "w?b*", "~web\\d$", "~(db|al).*", "web[0]", "web[-1]", "web[1:2]",
    "web[1:]", "web[0:0]", "web[2:0]", "web[9]", "web[9:10]", "site[0:3]", "d*[0:1]",
    "*.example.com", "db[12].example.com", "ungrouped", "ungr*", "al*", "twin", "twin*", "nobody",
    "nobody:web1",    "web1,,web2, both ", "localhost", "2001:db8::1", "2001:db8::1,web1",
    "web:2001:db8::1", "~[", ["web", "!web1"], ["web:db", "&both"], "web1:80", "db1.example.com:db",
    "", [], "[w]eb1", "web[1-2]", "all[1]", "all:!ungrouped", "!all", "web:&site:!both:twin",
]  # fmt: skip
LIMITS = [
    "web",
    "!web1",
    "web1,db",
    "site:&db",
    "@limit",
    "@missing",
    "nobody",
    "~w.*",
    ".",
    "*[0]",
]
ORDERS = ["inventory", "reverse_inventory", "sorted", "reverse_sorted", "chaos"]
QUESTIONS = (
    [(pattern, None, None) for pattern in PATTERNS]
    + [(pattern, limit, None) for pattern in ("all", "db:web", "alone") for limit in LIMITS]
    + [("site", None, order) for order in ORDERS]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("inventory")
    (made / "hosts").write_text(HOSTS)
    (made / "limit").write_text("web1\n\nboth\nnobody\n")
    return made


@pytest.fixture(scope="module")
def stocks_answers(folder):
    done = subprocess.run(
        [sys.executable, "-c", ASK, "hosts"],
        cwd=folder,
        input=json.dumps(QUESTIONS),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture
def inventory(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return load_inventory(["hosts"], notify=[].append)


@pytest.mark.parametrize("number", range(len(QUESTIONS)), ids=map(str, QUESTIONS))
def test_a_pattern_means_the_hosts_it_means_to_stock(stocks_answers, inventory, number):
    pattern, limit, order = QUESTIONS[number]
    try:
        answer = [host.name for host in inventory.match(pattern, limit, order)]
    except InventoryError as error:
        answer = str(error)
    expected = stocks_answers[number]
    if isinstance(expected, str):
        expected = expected.replace("b'missing'", "missing")  # stock shows the bytes it works with
    assert answer == expected


def test_a_pattern_that_matches_nothing_is_told(folder):
    notices = []
    inventory = load_inventory([str(folder / "hosts")], notify=notices.append)
    notices.clear()
    assert inventory.match("nobody:ungrouped:all:db7*") == inventory.match("all")
    assert [one.text for one in notices] == [
        "Could not match supplied host pattern, ignoring: nobody",
        "Could not match supplied host pattern, ignoring: db7*",
    ]


NAMES = ("all", "web", "db", "site", "web1", "both", "web*", "~.*1", "ungrouped", "alone")
names = st.sampled_from(NAMES)


@pytest.fixture(scope="module")
def chosen(folder):
    inventory = load_inventory([str(folder / "hosts")], notify=[].append)
    return lambda pattern: [host.name for host in inventory.match(pattern)]


@given(added=st.lists(names, min_size=1), common=st.lists(names), without=st.lists(names))
def test_patterns_are_unions_then_intersections_then_differences(chosen, added, common, without):
    expected = {host for name in added for host in chosen(name)}
    for name in common:
        expected &= set(chosen(name))
    for name in without:
        expected -= set(chosen(name))
    signed = [*added, *(f"&{name}" for name in common), *(f"!{name}" for name in without)]
    found = chosen(":".join(signed))
    assert set(found) == expected
    assert len(found) == len(expected), "nobody is there twice"
    assert set(chosen(",".join(reversed(signed)))) == expected, "signs count, places do not"


@given(added=st.lists(names, min_size=1))
def test_hosts_stand_where_they_were_named_first(chosen, added):
    in_order = list({host: None for name in added for host in chosen(name)})
    assert chosen(added) == in_order


def test_a_sign_alone_is_no_pattern(folder):
    inventory = load_inventory([str(folder / "hosts")], notify=[].append)
    with pytest.raises(InventoryError, match="empty after its sign"):
        inventory.match("all:!,&")


def test_shuffling_loses_nobody(folder):
    inventory = load_inventory([str(folder / "hosts")], notify=[].append)
    assert set(inventory.match("all", order="shuffle")) == set(inventory.match("all"))


def test_no_target_left_is_an_error_but_an_empty_inventory_a_warning(folder):
    notices = []
    inventory = load_inventory([str(folder / "hosts")], notify=notices.append)
    assert [host.name for host in inventory.check_targets(limit="web1")] == ["web1"]
    with pytest.raises(InventoryError, match="leaves us with no hosts to target"):
        inventory.check_targets(limit="!all")
    assert [one.text for one in notices] == ["Found both group and host with same name: twin"]
    notices.clear()
    nothing = load_inventory([], notify=notices.append)
    assert nothing.check_targets(limit="web1") == []
    assert [one.text[:40] for one in notices] == [
        "No inventory was parsed, only implicit l",
        "provided hosts list is empty, only local",
        "Could not match supplied host pattern, i",
    ]
    notices.clear()
    nothing.check_targets(warn=False)
    assert not notices


def test_localhost_is_always_there_and_local():
    inventory = load_inventory([], notify=[].append, unread=Unread(warns=False))
    (local,) = inventory.match("localhost")
    assert local.implicit
    assert local.vars == {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    assert inventory.match("all") == []
    assert inventory.match("::1") == [local], "there is one of them, whatever it is called"
    assert inventory.host("elsewhere") is None
