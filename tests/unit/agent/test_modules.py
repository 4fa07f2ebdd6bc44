"""Modules run out of memory, as if their files stood on disk."""

from __future__ import annotations

import hashlib
import json
import zlib

import pytest

from outlast_agent.folder import PrivateFolder
from outlast_agent.loop import Loop, exit_code
from outlast_agent.modules import Modules
from outlast_agent.processes import Gathering, fork
from outlast_agent.request import Refused

PLAIN = "ansible_collections.my.coll.plugins.modules.plain"
UTIL = "ansible_collections.my.coll.plugins.module_utils.util"


class Bench:
    """Modules, and a way to send and run them."""

    def __init__(self, tmp_path):
        self.loop = Loop()
        self.folder = PrivateFolder(str(tmp_path))
        self.modules = Modules(self.folder)

    def send(self, name, files, main=PLAIN, *, on_disk=False):
        sources = {hashlib.sha1(text.encode()).hexdigest(): text for text in files.values()}
        entries = {
            dotted: [False, hashlib.sha1(text.encode()).hexdigest()]
            for dotted, text in files.items()
        }
        body = {"id": name, "name": name, "main": main, "files": entries, "on_disk": on_disk}
        packed = {digest: zlib.compress(text.encode()) for digest, text in sources.items()}
        self.modules.receive(body, packed)

    def run(self, name, args=None):
        """Run a module in a child; gives its code, stdout and stderr."""
        seen = []
        parcel = self.modules.parcel(name)
        self.modules.prepare(parcel)

        def finished(status, out, err):
            seen.extend([exit_code(status), out.decode(), err.decode()])
            self.loop.stop()

        child = fork(lambda: self.modules.run(parcel, args or {}), {})
        Gathering(self.loop, child, 0.0, finished)
        self.loop.run()
        return seen


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.folder.remove()
    made.loop.close()


SAYS_WHERE = """
import json, sys, __main__
names = [__main__._module_fqn, __main__._modlib_path]
print(json.dumps([__file__, __name__, __package__, sys.argv, *names]))
sys.exit(3)
"""  # fmt: skip


def test_a_module_finds_itself_where_it_would_stand(bench):
    bench.send("m", {PLAIN: SAYS_WHERE})
    code, out, _ = bench.run("m")
    path = f"/outlast/modules/{PLAIN.replace('.', '/')}.py"
    package = PLAIN.rpartition(".")[0]
    assert code == 3
    assert json.loads(out) == [path, "__main__", package, [path], PLAIN, "/outlast/modules"]


def test_relative_and_absolute_imports_find_their_files(bench):
    main = f"from ..module_utils.util import A\nfrom {UTIL} import A as B\nprint(A, B)\nexit(0)"
    bench.send("m", {PLAIN: main, UTIL: "A = 'a'"})
    assert bench.run("m") == [0, "a a\n", ""]


def test_two_modules_may_bring_different_files_of_one_name(bench):
    main = f"from {UTIL} import A\nprint(A)\nraise SystemExit"
    bench.send("one", {PLAIN: main, UTIL: "A = 1"})
    bench.send("two", {PLAIN: main, UTIL: "A = 2"})
    for _ in range(3):
        assert bench.run("one")[1] == "1\n"
        assert bench.run("two")[1] == "2\n"


def test_what_a_module_does_to_its_process_stays_there(bench):
    main = f"import {UTIL} as u, os\nu.A += 1\nos.environ['X'] = 'x'\nprint(u.A)\nraise SystemExit"
    bench.send("m", {PLAIN: main, UTIL: "A = 1"})
    assert [bench.run("m")[1] for _ in range(3)] == ["2\n"] * 3


def test_a_text_to_leave_with_goes_to_stderr(bench):
    bench.send("m", {PLAIN: "raise SystemExit('sorry')"})
    assert bench.run("m") == [1, "", "sorry\n"]


def test_a_crash_is_told_with_the_modules_own_lines(bench, monkeypatch):
    # stock's oracles in other tests make this process a controller, which has its own mind here
    asked = "ansible.module_utils._internal._traceback._is_traceback_enabled"
    monkeypatch.setattr(asked, lambda _event: True)
    bench.send("m", {PLAIN: "x = 1\nraise ValueError('the line')\n"})
    code, out, err = bench.run("m")
    assert code == 1
    assert "raise ValueError('the line')" in out + err


def test_a_module_that_is_no_python_says_where(bench):
    bench.send("m", {PLAIN: "this is no python"})
    code, out, err = bench.run("m")
    assert code == 1
    assert "invalid syntax" in out + err


def test_what_was_to_be_done_at_exit_is_done(bench):
    main = "import atexit\natexit.register(print, 'tidied')\nraise SystemExit"
    bench.send("m", {PLAIN: main})
    assert bench.run("m")[1] == "tidied\n"


def test_a_module_that_must_be_on_disk_is_and_goes_with_the_agent(bench, tmp_path):
    main = "import os\nprint(open(__file__).read() == SOURCE, __file__)\nraise SystemExit"
    main = f"SOURCE = None\n{main}".replace("== SOURCE", "!= ''")
    bench.send("m", {PLAIN: main, UTIL: ""}, on_disk=True)
    said, path = bench.run("m")[1].split()
    assert said == "True"
    assert path.startswith(str(tmp_path))
    bench.folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_parcel_that_never_came_is_refused(bench):
    with pytest.raises(Refused, match="no parcel 'x'"):
        bench.run("x")
