"""What vault keeps is nowhere to be read after a run: not on the screen, not in our own files."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing

import pytest

from outlast.vault import VaultSecret, encrypted

PASSWORD = "the-password-itself"
PLAIN = "the-secret-itself"
FILED = "the-filed-secret"
HIDDEN = (PASSWORD, PLAIN, FILED)
PLAYBOOK = """\
- hosts: localhost
  gather_facts: false
  vars_files: [vars.yml]
  tasks:
    - command: /bin/sh -c 'printf %s "$TOKEN" | wc -c'
      environment: {TOKEN: "{{ token }}"}
    - command: cat
      args: {stdin: "{{ filed }}"}
      no_log: true
    - copy: {src: sealed.txt, dest: "{{ folder }}/opened.txt"}
    - template: {src: page.j2, dest: "{{ folder }}/page"}
    - command: /bin/sh -c 'test -n "$TOKEN"'
      environment: {TOKEN: "{{ token }}"}
      async: 20
      poll: 1
    - include_vars: vars.yml
    - assert: {that: token == filed}
      ignore_errors: true
    - debug: {msg: "{{ token is vault_encrypted }} the-task-we-look-for"}
"""


def seal(text, password=PASSWORD):
    return encrypted(text.encode(), VaultSecret("default", password.encode())).decode()


@pytest.fixture
def project(tmp_path):
    block = seal(PLAIN).replace("\n", "\n  ")
    (tmp_path / "vars.yml").write_text(seal(f"filed: {FILED}\n"))
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text(f"token: !vault |\n  {block}\n")
    (tmp_path / "sealed.txt").write_text(seal(f"{FILED}\n"))
    (tmp_path / "page.j2").write_text(seal("{{ token }}\n"))
    (tmp_path / "site.yml").write_text(PLAYBOOK)
    (tmp_path / "pw").write_text(PASSWORD)
    return tmp_path


def run(project, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "outlast", "playbook", *arguments],
        cwd=project,
        env=os.environ
        | {
            "OUTLAST_STATE_DIR": str(project / "state"),
            "ANSIBLE_ASYNC_DIR": str(project / "jobs"),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def kept(folder):
    """Give all that stands below *folder*, with what is compressed in the ledger unpacked."""
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            yield content
            if content.startswith(b"SQLite format 3"):
                with closing(sqlite3.connect(path)) as base:
                    yield from cells(base)


def cells(base):
    tables = base.execute("select name from sqlite_master where type = 'table'").fetchall()
    for (table,) in tables:
        for row in base.execute(f"select * from {table}"):
            for cell in row:
                is_packed = isinstance(cell, bytes) and cell[:1] == b"\x78"
                yield zlib.decompress(cell) if is_packed else str(cell).encode()


def test_neither_password_nor_secret_is_shown_or_kept(project):
    done = run(
        project, "-vvv", "-e", f"folder={project}", "--vault-password-file", "pw", "site.yml"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "opened.txt").read_text() == f"{FILED}\n", "it was decrypted"
    assert (project / "page").read_text() == f"{PLAIN}\n"
    files = [*kept(project / "state"), *kept(project / "jobs")]
    assert any(b"the-task-we-look-for" in content for content in files), "the ledger is read"
    for secret in HIDDEN:
        assert secret not in done.stdout + done.stderr
        assert not any(secret.encode() in content for content in files)


def test_a_wrong_password_shows_neither_itself_nor_what_it_does_not_open(project):
    (project / "wrong").write_text("not-the-password")
    done = run(project, "-vvv", "--vault-password-file", "wrong", "site.yml")
    assert done.returncode == 1
    assert "Decryption failed (no vault secrets were found that could decrypt)." in done.stderr
    for secret in (*HIDDEN, "not-the-password"):
        assert secret not in done.stdout + done.stderr


def test_broken_yaml_in_an_encrypted_file_is_told_without_its_lines(project):
    (project / "vars.yml").write_text(seal(f"filed: {FILED}\nbroken: [\n"))
    done = run(project, "--vault-password-file", "pw", "site.yml")
    assert done.returncode == 4
    assert "(source not shown: content encrypted)" in done.stderr
    assert FILED not in done.stdout + done.stderr


def test_group_vars_that_cannot_be_read_are_named_and_end_the_run_as_in_stock(project):
    (project / "group_vars" / "all.yml").write_text(seal("token: x\n"))
    (project / "site.yml").write_text("- hosts: localhost\n  tasks: [{debug: }]\n")
    done = run(project, "site.yml")
    assert done.returncode == 4
    assert "Attempting to decrypt but no vault secrets found." in done.stderr
    assert f"Origin: {project}/group_vars/all.yml" in done.stderr
