"""Vault passwords are collected in stock's order, and what cannot be had is told."""

from __future__ import annotations

import pytest

from outlast.cli.options import RunOptions
from outlast.cli.vaults import open_vault
from outlast.errors import OutlastError
from outlast.settings import Settings
from outlast.vault import VaultSecret, encrypted


def opened(told=None, *, ids=(), files=(), **settings):
    options = RunOptions(playbooks=(), vault_ids=ids, vault_password_files=files)
    vault = open_vault(options, Settings(**settings), [].append if told is None else told.append)
    return [(secret.vault_id, secret.password) for secret in vault.secrets]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two", "three", "four"):
        (tmp_path / name).write_text(f"pw {name}\n")
    return tmp_path


def program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def test_nothing_is_asked_of_who_says_nothing():
    assert opened() == []


def test_configured_ids_come_first_then_ids_then_files(folder):
    got = opened(
        ids=("b@two",),
        files=(str(folder / "three"),),
        vault_identity_list=("a@one",),
        vault_password_file=str(folder / "four"),
        vault_identity="mine",
    )
    assert got == [
        ("a", b"pw one"),
        ("b", b"pw two"),
        ("mine", b"pw three"),
        ("mine", b"pw four"),
    ]


def test_a_program_prints_the_password_and_a_client_is_told_the_id(folder):
    plain = program(folder / "say.sh", "echo said $#")
    client = program(folder / "ask-client.sh", 'echo "$@"')
    assert opened(ids=(f"a@{plain}", f"b@{client}")) == [
        ("a", b"said 0"),
        ("b", b"--vault-id b"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("bad.sh", "exit 3", "returned non-zero (3)"),
        ("bad-client.sh", "echo no >&2; exit 2", "did not find a secret for vault-id=a"),
        ("bad-client", "exit 1", "returned non-zero (1) when getting secret for vault-id=a"),
        ("mute.sh", "true", "Invalid vault password was provided from script"),
    ],
)
def test_a_program_that_has_no_password_is_told(folder, name, text, said):
    path, told = program(folder / name, text), []
    with pytest.raises(OutlastError) as error:
        opened(told, ids=(f"a@{path}",))
    assert said in error.value.message
    assert told[0].text.startswith("Error in vault password file loading (a): ")


def test_a_missing_file_is_warned_of_while_there_is_another(folder):
    told = []
    assert opened(told, ids=("a@one", "nowhere")) == [("a", b"pw one")]
    assert told[0].text == (
        "Error getting vault password file (None):"
        f" The vault password file {folder}/nowhere was not found"
    )
    with pytest.raises(OutlastError, match="nowhere was not found"):
        opened(ids=("nowhere",))


def test_an_empty_file_and_a_folder_have_no_password(folder):
    (folder / "empty").write_text("\n")
    with pytest.raises(OutlastError, match="Invalid vault password was provided from file"):
        opened(ids=("empty",))
    with pytest.raises(OutlastError, match="can not be a directory"):
        opened(ids=(str(folder),))


def test_a_password_file_may_be_encrypted_with_an_earlier_password(folder):
    (folder / "sealed").write_bytes(encrypted(b"deep\n", VaultSecret("a", b"pw one")))
    assert opened(ids=("a@one", "b@sealed")) == [("a", b"pw one"), ("b", b"deep")]


def test_people_are_asked_with_the_id_or_as_ever(monkeypatch):
    asked = []

    def answer(prompt):
        asked.append(prompt)
        return f" pw {len(asked)}\n"

    monkeypatch.setattr("getpass.getpass", answer)
    got = opened(ids=("dev@prompt", "prompt"), ask_vault_pass=True)
    assert got == [("dev", b"pw 1"), ("default", b"pw 2"), ("default", b"pw 3")]
    assert asked == [
        "Vault password (dev): ",
        "Vault password (default): ",
        "Vault password: ",
    ]


def test_a_prompt_that_nobody_answers_ends_the_run(folder, monkeypatch):
    def nobody(_prompt):
        raise EOFError

    monkeypatch.setattr("getpass.getpass", nobody)
    told = []
    with pytest.raises(OutlastError, match="EOFError"):
        opened(told, ids=("a@one", "dev@prompt"))
    assert told[0].text.startswith("Error in vault password prompt (dev): EOFError")
