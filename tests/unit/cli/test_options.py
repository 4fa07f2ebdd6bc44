"""The command line means what it means to ansible-playbook."""

from __future__ import annotations

import os

import pytest

from outlast.cli.options import NotBuilt, parse
from outlast.errors import SourceMissing
from outlast.settings import Settings


@pytest.fixture
def playbook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yml").write_text("[]")
    return "p.yml"


def options(*argv, **configured):
    return parse(["p.yml", *argv], Settings(**configured))[0]


def settings(*argv, **configured):
    return parse(["p.yml", *argv], Settings(**configured))[1]


@pytest.mark.usefixtures("playbook")
class TestFlags:
    def test_nothing_given_changes_nothing(self):
        chosen, configured = parse(["p.yml"], Settings())
        assert configured == Settings()
        assert (chosen.playbooks, chosen.tags, chosen.limit) == (("p.yml",), ("all",), None)
        assert not chosen.only_looks

    @pytest.mark.parametrize(
        ("argv", "name", "value"),
        [
            (["-f", "9"], "forks", 9),
            (["-u", "me"], "remote_user", "me"),
            (["--user", "me"], "remote_user", "me"),
            (["--key-file", "/k"], "private_key_file", "/k"),
            (["-c", "local"], "transport", "local"),
            (["-T", "3"], "timeout", 3),
            (["--ssh-common-args", "-o A=b"], "ssh_common_args", "-o A=b"),
            (["--ssh-common-args=-o A=b"], "ssh_common_args", "-o A=b"),
            (["--ssh-extra-args", "x"], "ssh_extra_args", "x"),
            (["-b"], "become", True),
            (["--become-user", "db"], "sudo_user", "db"),
            (["--become-user", "db"], "su_user", "db"),
            (["--become-method", "su"], "become_method", "su"),
            (["-D"], "diff_always", True),
            (["--force-handlers"], "force_handlers", True),
            (["-vvv"], "verbosity", 3),
            (["-v", "-v"], "verbosity", 2),
        ],
    )
    def test_a_flag_beats_what_is_configured(self, argv, name, value):
        assert getattr(settings(*argv), name) == value

    def test_verbosity_adds_to_the_configured_one(self):
        assert settings("-v", verbosity=2).verbosity == 3

    def test_a_flag_not_given_leaves_the_configured_value(self):
        assert settings(become=True, forks=7, diff_always=True) == Settings(
            become=True, forks=7, diff_always=True
        )

    def test_inventories_are_files_or_lists_of_hosts(self):
        found = settings("-i", "hosts", "-i", "h1,h2", "--inventory", "/x/y/../z").inventory
        assert found == (f"{os.getcwd()}/hosts", "h1,h2", "/x/z")  # noqa: PTH109  # as the shell sees it

    def test_tags_are_split_and_gathered(self):
        assert options("-t", "a, b", "--tags", "c,a").tags == ("a", "b", "c")
        assert options("--skip-tags", "x,y").skip_tags == ("x", "y")
        assert options(tags=("conf",)).tags == ("conf",)

    def test_listing_tags_looks_at_all_of_them(self):
        assert options("--list-tags").tags == ("never", "all")
        assert options("--list-tags", "-t", "a").tags == ("a",)

    def test_looking_is_not_running(self):
        for flag in ("--syntax-check", "--list-hosts", "--list-tasks", "--list-tags"):
            assert options(flag).only_looks

    def test_more_module_folders_come_first(self):
        found = settings("-M", "/a:/b", "-M", "c", library=("/conf",)).library
        assert found == ("/a", "/b", f"{os.getcwd()}/c", "/conf")  # noqa: PTH109  # as above

    def test_flags_may_be_abbreviated_and_stand_between_playbooks(self):
        assert options("--lim", "web").limit == "web"
        assert parse(["p.yml", "-C", "p.yml"], Settings())[0].playbooks == ("p.yml", "p.yml")

    def test_extra_vars_stay_as_they_were_written(self):
        assert options("-e", "a=1 b=2", "--extra-vars", "@f").extra_vars == ("a=1 b=2", "@f")

    def test_file_transfer_arguments_are_named_as_ineffective(self):
        assert settings("--scp-extra-args=-l 1").ignored

    def test_vault_passwords_come_from_several_places_in_order(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        got = options("--vault-id", "a@b", "--vault-password-file", "f", "--vault-id", "c@prompt")
        assert got.vault_ids == ("a@b", "c@prompt")
        assert got.vault_password_files == (str(tmp_path / "f"),)
        assert settings("-J").ask_vault_pass
        assert settings("--ask-vault-password").ask_vault_pass

    def test_the_cache_can_be_flushed(self):
        assert options("--flush-cache").flush_cache
        assert not options().flush_cache

    @pytest.mark.parametrize(
        "argv",
        [
            ["-k"],
            ["--connection-password-file", "f"],
        ],
    )
    def test_what_is_not_built_is_refused_by_name(self, argv):
        with pytest.raises(NotBuilt, match=f"{argv[0]}.* is not supported yet") as told:
            options(*argv)
        assert told.value.exit_code == 2

    @pytest.mark.parametrize(
        ("argv", "said"),
        [
            (["--nope"], "unrecognized arguments: --nope"),
            (
                ["-K", "--become-password-file", "x"],
                "argument --become-password-file/--become-pass-file:"
                " not allowed with argument -K/--ask-become-pass",
            ),
            (["-f", "0"], "The number of processes (--forks) must be >= 1"),
            (["-f", "x"], "argument -f/--forks: invalid int value: 'x'"),
        ],
    )
    def test_wrong_usage_ends_with_code_two(self, argv, said, capsys):
        with pytest.raises(SystemExit) as left:
            options(*argv)
        assert left.value.code == 2
        assert said in capsys.readouterr().err

    def test_a_password_is_asked_for_when_configured_or_flagged(self):
        assert options("-K").ask_become_pass
        assert options(become_ask_pass=True).ask_become_pass
        assert not options().ask_become_pass


def test_a_playbook_must_be_a_file(playbook, tmp_path):
    with pytest.raises(SourceMissing, match=r"the playbook: no\.yml could not be found"):
        parse([playbook, "no.yml"], Settings())
    with pytest.raises(SourceMissing, match="does not appear to be a file"):
        parse([str(tmp_path)], Settings())


@pytest.mark.usefixtures("playbook")
class TestJobs:
    def test_jobs_are_left_alone_unless_something_is_said(self):
        assert (options().jobs, options().strict_jobs) == (None, False)

    def test_what_they_say_is_shown_when_that_is_asked_for(self, monkeypatch):
        assert not options().follow
        assert options("--follow").follow
        monkeypatch.setenv("OUTLAST_FOLLOW", "yes")
        assert options().follow
        monkeypatch.setenv("OUTLAST_FOLLOW", "0")
        assert not options().follow

    @pytest.mark.parametrize("word", ["leave", "wait", "cancel"])
    def test_what_becomes_of_them_can_be_said(self, word):
        assert options(f"--jobs={word}", "--strict-jobs").jobs == word
        assert options("--strict-jobs").strict_jobs

    def test_anything_else_is_wrong_usage(self, capsys):
        with pytest.raises(SystemExit, match="2"):
            options("--jobs=kill")
        assert "invalid choice: 'kill'" in capsys.readouterr().err
