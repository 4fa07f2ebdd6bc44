"""The program ends with the codes and words of ansible-playbook."""

from __future__ import annotations

import signal
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import outlast
from outlast.cli.entry import main
from outlast.errors import Cause, NotSupportedYet, SettingsError, SourceMissing, UsageError


@pytest.fixture(autouse=True)
def interrupts_as_before():
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `outlast playbook` with an engine that ends as told."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in dict(__import__("os").environ) if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "p.yml").write_text("[]")

    def with_ending(ending, *argv):
        def run_playbooks(options, settings):
            if isinstance(ending, BaseException):
                raise ending
            return ending(options, settings) if callable(ending) else ending

        compose = ModuleType("outlast.cli.compose")
        compose.run_playbooks = run_playbooks
        monkeypatch.setitem(sys.modules, "outlast.cli.compose", compose)
        return main(["playbook", "p.yml", *argv])

    return with_ending


def test_the_version_is_the_projects(capsys):
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert outlast.__version__ == project["project"]["version"]
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"outlast {outlast.__version__}\n"


def test_the_version_needs_none_of_the_rooms():
    import subprocess  # noqa: PLC0415  # this test alone starts a program

    shown = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "outlast.cli.entry"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    loaded = {line.rpartition("|")[2].strip() for line in shown.splitlines()}
    assert "outlast.cli" in loaded
    assert not loaded & {"yaml", "jinja2", "asyncio", "argparse", "outlast.settings", "ansible"}


def test_the_engines_verdict_is_the_exit_code(run):
    assert run(0) == 0
    assert run(2) == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourceMissing("gone"), 1),
        (NotSupportedYet("later"), 4),
        (UsageError("both"), 5),
        (SettingsError("bad"), 5),
    ],
)
def test_errors_have_stocks_codes_and_go_to_stderr(run, capsys, error, code):
    assert run(error) == code
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"[ERROR]: {error}\n")


def test_an_error_says_what_caused_it_and_what_to_do(run, capsys):
    run(SourceMissing("Could not read 'x'.", causes=(Cause("no such file"),), help_text="Look."))
    assert capsys.readouterr().err == "[ERROR]: Could not read 'x': no such file Look.\n"


def test_an_interrupt_is_99(run, capsys):
    assert run(KeyboardInterrupt()) == 99
    assert capsys.readouterr().err == "[ERROR]: User interrupted execution\n"


def test_an_interrupt_while_the_run_ends_for_one_disturbs_nothing(run):
    assert run(KeyboardInterrupt()) == 99
    signal.raise_signal(signal.SIGINT)


def test_errors_in_a_group_are_told_as_the_one_they_are(run, capsys):
    group = BaseExceptionGroup("tasks", [ExceptionGroup("inner", [SourceMissing("gone")])])
    assert run(group) == 1
    assert capsys.readouterr().err == "[ERROR]: gone\n"
    assert run(BaseExceptionGroup("tasks", [KeyboardInterrupt()])) == 99


def test_a_bug_is_owned_and_shown(run, capsys):
    assert run(ValueError("oops")) == 250
    said = capsys.readouterr().err
    assert said.startswith("[ERROR]: Unexpected Exception, this is probably a bug: oops\n")
    assert "Traceback (most recent call last)" in said
    assert "not in your playbook" in said
    assert run(ExceptionGroup("tasks", [SourceMissing("x"), ValueError("oops")])) == 250


def test_wrong_usage_is_two(run, capsys):
    assert run(0, "--nope") == 2
    assert main(["playbook"]) == 2
    assert main([]) == 2
    assert main(["dance"]) == 2
    assert "there is no command 'dance'" in capsys.readouterr().err


def test_help_is_no_error(run, capsys):
    assert run(0, "--help") == 0
    assert "--skip-tags" in capsys.readouterr().out
    assert main(["--help"]) == 0


def test_a_bad_setting_ends_the_run_before_it_begins(run, capsys, monkeypatch):
    monkeypatch.setenv("ANSIBLE_FORKS", "many")
    assert run(0) == 5
    assert "Config 'DEFAULT_FORKS'" in capsys.readouterr().err


def test_a_become_password_comes_from_a_file_or_a_program(run, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    got = []

    def note(options, _settings):
        got.append(options.become_password)
        assert "s3cret" not in repr(options)
        return 0

    assert run(note, "--become-password-file", "secret") == 0
    secret.write_text("#!/bin/sh\necho printed\n")
    secret.chmod(0o700)
    assert run(note, "--become-password-file", str(secret)) == 0
    assert run(note, "--become-password-file", str(secret), "--list-hosts") == 0
    assert got == ["s3cret", "printed", None]


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (None, 0o600, "was not found"),
        ("", 0o600, "Empty password was provided from file"),
        ("#!/bin/sh\necho why >&2; exit 3\n", 0o700, "returned an error (rc=3): why"),
    ],
)
def test_a_bad_password_file_is_told(run, tmp_path, capsys, text, mode, said):
    if text is not None:
        (tmp_path / "secret").write_text(text)
        (tmp_path / "secret").chmod(mode)
    assert run(0, "--become-password-file", "secret") == 1
    assert said in capsys.readouterr().err
