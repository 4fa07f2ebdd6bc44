"""The line that starts an agent survives every shell it passes through."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from outlast.transport import openssh
from outlast.transport.bootstrap import Bundle, shell_line, unexplained
from outlast.transport.endpoint import Endpoint
from outlast_agent import bootstrap

AGENT = sorted(Path(bootstrap.__file__).parent.rglob("[!_]*.py"))
LOCAL = Endpoint(kind="local", host="x", python=sys.executable)
PROGRAM = "import os, sys\ndef main(bundle, options):\n    print(options, len(bundle))\n"


def small_bundle():
    sources = {"agent": PROGRAM, "bootstrap": Path(bootstrap.__file__).read_text()}
    return Bundle(bootstrap.pack(sources))


def started(line, bundle, **how):
    words = ["/bin/sh", "-c", line]
    return subprocess.run(words, input=bundle.data, capture_output=True, check=False, **how)


def test_the_bundle_is_every_module_of_the_agent_and_stays_light():
    bundle = Bundle.of_this_package()
    sources = json.loads(zlib.decompress(bundle.data))
    assert {"agent", "wire", "loop", "runs", "bootstrap", "supervision.spawner"} <= sources.keys()
    assert len(bundle.data) < 64_000


def _told(tree):
    """Give a module's code as it runs: without what is written for people alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant("")
    return ast.dump(tree), [node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt)]


@pytest.mark.parametrize("path", AGENT, ids=[path.name for path in AGENT])
def test_a_module_travels_without_its_words_and_is_the_same(path):
    source = path.read_text()
    sent = unexplained(source)
    assert _told(ast.parse(sent)) == _told(ast.parse(source))
    assert len(sent) < len(source)
    assert sent.count("\n") == source.count("\n")


def test_a_line_has_no_line_break_and_nothing_a_csh_would_expand():
    options = Endpoint(kind="ssh", host="x", remote_tmp="~/it's\n!bang $HOME `id`")
    line = openssh.through_shell(shell_line(options, Bundle.of_this_package(), "WORD"))
    assert "\n" not in line
    assert "!" not in line


def test_the_agent_gets_its_options_and_its_bundle():
    odd = Endpoint(kind="local", host="x", python=sys.executable, remote_tmp="it's\n!$HOME `id` \\")
    bundle, options = small_bundle(), {"remote_tmp": odd.remote_tmp, "zipped": False}
    line = shell_line(odd, bundle, "WORD")
    for tried in (line, openssh.through_shell(line)):
        said = started(tried, bundle).stdout.decode().splitlines()
        assert said == ["WORD ok ", f"{options} {len(bundle.data)}"]


def test_an_old_python_is_told_before_anything_it_cannot_read(tmp_path):
    old = tmp_path / "old"
    code = "import sys; sys.version_info = (2, 7, 18); exec(sys.argv[2])"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n')
    old.chmod(0o755)
    line = shell_line(Endpoint(kind="local", host="x", python=str(old)), small_bundle(), "WORD")
    said = started(line, small_bundle())
    assert said.stdout == b"WORD old 2.7.18\n"


def test_a_cut_bundle_starts_nothing():
    bundle = small_bundle()
    line = shell_line(LOCAL, bundle, "WORD")
    said = started(line, Bundle(bundle.data[:-1]))
    assert (said.stdout, said.returncode) == (b"WORD ok \n", 1)


def test_what_lies_in_the_current_folder_is_not_imported(tmp_path):
    (tmp_path / "zlib.py").write_text("print('caught')")
    (tmp_path / "json.py").write_text("print('caught')")
    line = shell_line(LOCAL, small_bundle(), "WORD")
    said = started(line, small_bundle(), cwd=tmp_path)
    assert b"caught" not in said.stdout
