"""Modules run out of memory, as if their files stood on disk."""

from __future__ import annotations

import hashlib
import json
import sys
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

    def send(self, name, files, main=PLAIN, *, on_disk=False, program=None):
        sources = {hashlib.sha1(text.encode()).hexdigest(): text for text in files.values()}
        entries = {
            dotted: [False, hashlib.sha1(text.encode()).hexdigest()]
            for dotted, text in files.items()
        }
        body = {"id": name, "name": name, "main": main, "files": entries, "on_disk": on_disk}
        body["program"] = program
        packed = {digest: zlib.compress(text.encode()) for digest, text in sources.items()}
        self.modules.receive(body, packed)

    def run(self, name, args=None, interpreter=()):
        """Run a module in a child; gives its code, stdout and stderr."""
        folder = self.folder.make()
        seen = []
        parcel = self.modules.parcel(name)
        self.modules.prepare(parcel)

        def finished(status, out, err):
            seen.extend([exit_code(status), out.decode(), err.decode()])
            self.loop.stop()

        args, words = args or {}, list(interpreter)
        child = fork(lambda: self.modules.run(parcel, args, words, folder), {})
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


# -- programs ---------------------------------------------------------------------------------

LOOK = """cd "${1%/*}" && stat -c '%a %n' . * && umask && cat args && exit 7"""


def told(bench, kind, text, interpreter, args):
    bench.send("p", {PLAIN: text}, program={"kind": kind, "file": "it.sh"})
    return bench.run("p", args, interpreter)


@pytest.mark.parametrize(
    ("kind", "words"),
    [("old", """a='it'"'"'s' b=True"""), ("json", """{"a": "it's", "b": true""")],
)
def test_a_program_finds_its_arguments_beside_it_and_nobody_else_does(bench, kind, words):
    code, out, err = told(bench, kind, LOOK, ["/bin/sh"], {"a": "it's", "b": True})
    assert (code, err) == (7, "")
    *modes, mask, given = out.splitlines()
    assert modes == ["700 .", "700 AnsiballZ_it.sh", "600 args"]
    assert mask == "0022"
    assert given.startswith(words)


def test_a_program_is_started_by_itself_or_by_the_python_of_modules(bench):
    assert told(bench, "binary", "#!/bin/sh\necho $#", [], {})[1] == "1\n"
    text = "import sys; print(sys.executable, sys.argv[1:2])"
    assert told(bench, "old", text, ["", "-B"], {})[1].split()[0] == sys.executable


def test_a_program_is_filled_with_its_arguments(bench):
    text = "echo '<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>' $# <<SELINUX_SPECIAL_FILESYSTEMS>>"
    args = {"a": 1, "_ansible_selinux_special_fs": ["nfs", "fuse"]}
    code, out, _ = told(bench, "filled", text, ["/bin/sh"], args)
    given, _, rest = out.rpartition("}")
    assert (code, json.loads(given + "}")["a"], rest) == (0, 1, " 0 nfs,fuse\n")


def test_an_interpreter_that_is_not_there_is_named(bench):
    assert told(bench, "old", "", ["/no/such"], {}) == [127, "", "/no/such: not found\n"]
    why = "/etc/passwd: Permission denied\n"
    assert told(bench, "old", "", ["/etc/passwd"], {}) == [127, "", why]
