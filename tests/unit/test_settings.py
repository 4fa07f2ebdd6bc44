"""Settings come from where stock looks for them, with stock's types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import outlast.settings
from outlast.errors import SettingsError
from outlast.settings import Settings, read_settings
from outlast.settings.names import SETTINGS
from outlast.settings.own import OWN
from outlast.settings.unbuilt import UNBUILT


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def here(tmp_path):
    folder = tmp_path / "here"
    folder.mkdir(mode=0o755)
    return folder


def settings(home, here, ini="", **environ):
    if ini:
        (here / "ansible.cfg").write_text(ini)
    return read_settings({"HOME": str(home), **environ}, str(here))


def test_without_any_configuration_all_is_as_in_stock(home, here):
    assert settings(home, here) == Settings()


def test_the_file_is_looked_for_where_stock_looks(home, here, tmp_path):
    (home / ".ansible.cfg").write_text("[defaults]\nforks = 1\n")
    assert settings(home, here).forks == 1
    assert settings(home, here, "[defaults]\nforks = 2\n").forks == 2
    named = tmp_path / "named.cfg"
    named.write_text("[defaults]\nforks = 3\n")
    found = settings(home, here, ANSIBLE_CONFIG=str(named))
    assert (found.forks, found.config_file) == (3, str(named))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "ansible.cfg").write_text("[defaults]\nforks = 4\n")
    assert settings(home, here, ANSIBLE_CONFIG=str(folder)).forks == 4
    assert settings(home, here, ANSIBLE_CONFIG="/not/there").forks == 2


def test_the_first_file_counts_whole(home, here):
    (home / ".ansible.cfg").write_text("[defaults]\nforks = 1\npoll_interval = 1\n")
    assert settings(home, here, "[defaults]\nforks = 2\n").poll_interval == 15


def test_a_file_in_a_public_folder_is_passed_over_and_that_is_told(home, here):
    here.chmod(0o777)
    found = settings(home, here, "[defaults]\nforks = 2\n")
    assert found.forks == 5
    assert tuple(one.text for one in found.notices) == (
        f"Ansible is being run in a world writable directory ({here}), ignoring it as an "
        "ansible.cfg source. For more information see https://docs.ansible.com/ansible/devel/"
        "reference_appendices/config.html#cfg-in-world-writable-dir",
    )
    named = settings(home, here, ANSIBLE_CONFIG=str(here / "ansible.cfg"))
    assert (named.forks, named.notices) == (2, ())


def test_the_environment_beats_the_file(home, here):
    assert settings(home, here, "[defaults]\nforks = 2\n", ANSIBLE_FORKS="9").forks == 9


def test_an_empty_number_in_the_environment_is_none(home, here):
    assert settings(home, here, "[defaults]\nforks = 2\n", ANSIBLE_FORKS="").forks == 2


@pytest.mark.parametrize("text", ["yes", "True", "1", "on", " t "])
def test_truth_has_many_words(home, here, text):
    assert settings(home, here, ANSIBLE_BECOME=text).become is True


@pytest.mark.parametrize("text", ["no", "0", "", "perhaps"])
def test_whatever_is_not_true_is_false(home, here, text):
    found = settings(home, here, ANSIBLE_HOST_KEY_CHECKING=text)
    assert found.host_key_checking is False


def test_of_several_names_the_more_special_counts(home, here):
    ini = "[defaults]\ntimeout = 1\n[ssh_connection]\ntimeout = 2\n"
    assert settings(home, here, ini).timeout == 2
    assert settings(home, here, ANSIBLE_TIMEOUT="3", ANSIBLE_SSH_TIMEOUT="4").timeout == 4
    assert settings(home, here, NO_COLOR="1").nocolor is True


def test_paths_are_relative_to_where_they_are_written(home, here):
    ini = "[defaults]\ninventory = hosts, ~/more,$WHERE/inv\nlibrary = a:/b\n"
    found = settings(home, here, ini, WHERE="/w", ANSIBLE_PRIVATE_KEY_FILE="~/.ssh/key")
    assert found.inventory == (f"{here}/hosts", f"{home}/more", "/w/inv")
    assert found.library == (f"{here}/a", "/b")
    assert found.private_key_file == f"{home}/.ssh/key"


def test_what_nobody_names_lies_in_the_users_folder(home, here):
    found = settings(home, here, "[defaults]\nhome = mine\n")
    assert found.home == str(here / "mine")
    assert found.roles_path == (f"{here}/mine/roles", *Settings().roles_path[1:])
    assert found.control_path_dir == f"{here}/mine/cp"
    named = settings(home, here, ANSIBLE_ROLES_PATH="/roles", ANSIBLE_HOME="/elsewhere")
    assert (named.roles_path, named.control_path_dir) == (("/roles",), "/elsewhere/cp")


def test_who_to_become_may_be_said_for_one_method_alone(home, here):
    ini = "[privilege_escalation]\nbecome_user = all\n[su_become_plugin]\nuser = su\n"
    found = settings(home, here, ini, ANSIBLE_BECOME_PASS="p", ANSIBLE_SUDO_PASS="s")
    assert (found.sudo_user, found.su_user) == ("all", "su")
    assert (found.sudo_password, found.su_password) == ("s", "p")
    assert "'s'" not in repr(found)


def test_texts_lose_their_quotes_and_comments(home, here):
    ini = "[ssh_connection]\nssh_args = '-o A=1 -o B=%h' ; why\n[tags]\nrun = a, b\n"
    found = settings(home, here, ini)
    assert found.ssh_args == "-o A=1 -o B=%h"
    assert found.tags == ("a", "b")


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"ANSIBLE_FORKS": "abc"},
            "Config 'DEFAULT_FORKS' from 'env: ANSIBLE_FORKS' has an invalid value: "
            "Invalid value provided for 'integer': 'abc'",
        ),
        (
            {"ANSIBLE_SSH_RETRIES": "x"},
            "Config 'reconnection_retries' for 'ssh' connection plugin from "
            "'env: ANSIBLE_SSH_RETRIES' has an invalid value: "
            "Invalid value provided for 'integer': 'x'",
        ),
        (
            {"ANSIBLE_GATHERING": "zz"},
            "Invalid value 'zz' for config 'DEFAULT_GATHERING'. "
            "Valid values are: implicit, explicit, smart",
        ),
        (
            {"ANSIBLE_CALLBACK_RESULT_FORMAT": "zz"},
            "Invalid value 'zz' for config 'result_format' for 'default' callback plugin. "
            "Valid values are: json, yaml",
        ),
    ],
)
def test_bad_values_are_told_as_stock_tells_them(home, here, environ, message):
    with pytest.raises(SettingsError) as told:
        settings(home, here, **environ)
    assert str(told.value) == message
    assert told.value.exit_code == 5


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        ("forks = 1\n", "Error reading config file ({0}): File contains no section headers."),
        ("[defaults]\nforks = x\n", "Config 'DEFAULT_FORKS' from '{0}' has an invalid value"),
        ("[defaults]\na = 1\na = 2\n", "Error reading config file ({0}): While reading from"),
    ],
)
def test_a_bad_file_is_named(home, here, ini, message):
    with pytest.raises(SettingsError) as told:
        settings(home, here, ini)
    assert str(told.value).startswith(message.format(here / "ansible.cfg"))


def test_a_file_of_another_kind_is_refused(home, here):
    (here / "x.txt").write_text("")
    with pytest.raises(SettingsError, match=r"Unsupported configuration file extension for .*txt"):
        settings(home, here, ANSIBLE_CONFIG="x.txt")


def test_settings_without_effect_are_named_when_they_differ_from_the_default(home, here):
    ini = "[defaults]\nlog_path = /var/log/a\nhash_behaviour = replace\nstdout_callback=yaml\n"
    environment = {
        "ANSIBLE_KEEP_REMOTE_FILES": "1",
        "ANSIBLE_INJECT_FACT_VARS": "True",
        "ANSIBLE_SYSTEM_WARNINGS": "False",
    }
    found = settings(home, here, ini, **environment)
    assert set(found.ignored) == {
        "[defaults] log_path",
        "[defaults] stdout_callback",
        "ANSIBLE_KEEP_REMOTE_FILES",
        "ANSIBLE_SYSTEM_WARNINGS",
    }


def test_what_stock_has_given_up_is_told_as_stock_tells_it(home, here):
    told = settings(home, here, "[defaults]\njinja2_native = yes\n", ANSIBLE_FORKS="5").notices
    assert [one.text for one in told] == [
        "DEFAULT_JINJA2_NATIVE option. Reason: This option is no longer used in the Ansible Core"
        " code base.\nAlternatives: Jinja2 native mode is now the default and only option"
    ]
    assert told[0].removed_in.endswith("version 2.23.")


def test_what_is_built_is_not_listed_as_unbuilt():
    built = {name for setting in SETTINGS for name in setting.variables}
    places = {place for setting in SETTINGS for place in setting.places}
    for env, section, key, _default in UNBUILT:
        assert env not in built
        assert (section, key) not in places


def test_every_setting_is_read_by_someone():
    room = Path(outlast.settings.__file__).parent
    texts = [p.read_text() for p in room.parent.rglob("*.py") if room not in p.parents]
    read = set(re.findall(r"\w+", "\n".join(texts)))
    assert {setting.field for setting in (*SETTINGS, *OWN)} - read == set()


# -- our own -----------------------------------------------------------------------------------


def test_our_own_are_read_from_their_section_and_from_the_environment_before_it(home, here):
    ini = "[outlast]\nledger_keep_days = 7\nspool_keep_bytes = 1.5 GB\n"
    found = settings(home, here, ini, OUTLAST_LEDGER_KEEP_DAYS="8", OUTLAST_SPOOL_KEEP_JOBS="")
    assert (found.ledger_keep_days, found.spool_keep_bytes) == (8, 3 * 1024**3 // 2)
    assert found.spool_keep_jobs == Settings().spool_keep_jobs
    assert found.ignored == ()


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("4096", 4096), ("64k", 65536), ("1MiB", 1024**2), ("2 G", 2 << 30)],
)
def test_a_size_has_units(home, here, text, size):
    assert settings(home, here, OUTLAST_LEDGER_KEEP_BYTES=text).ledger_keep_bytes == size


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("OUTLAST_LEDGER_KEEP_RUNS", "many", "number from 0 on"),
        ("OUTLAST_LEDGER_KEEP_RUNS", "-1", "number from 0 on"),
        ("OUTLAST_LEDGER_KEEP_BYTES", "4 apples", "number of bytes, as 512M"),
    ],
)
def test_a_bound_that_is_none_is_told(home, here, name, text, kind):
    with pytest.raises(SettingsError) as told:
        settings(home, here, **{name: text})
    assert str(told.value) == (
        f"Config '{name}' from 'env: {name}' has an invalid value:"
        f" Invalid value provided for '{kind}': {text!r}"
    )


def test_a_hook_is_a_command_line_or_a_url(home, here):
    ini = "[outlast]\njob_hook = mail -s 'a job' me\n"
    assert settings(home, here, ini).job_hook == "mail -s 'a job' me"
    url = "https://example.com/hook?token=1"
    assert settings(home, here, ini, OUTLAST_JOB_HOOK=url).job_hook == url
    assert settings(home, here, ini, OUTLAST_JOB_HOOK="").job_hook == ""


@pytest.mark.parametrize(
    "text", ["mail 'me secret", "https://me:secret@example.com/", "http://[secret/", "http://"]
)
def test_what_is_wrong_with_a_hook_is_told_without_it(home, here, text):
    with pytest.raises(SettingsError, match=r"Config 'OUTLAST_JOB_HOOK' from 'env: ") as told:
        settings(home, here, OUTLAST_JOB_HOOK=text)
    assert "secret" not in str(told.value)


def test_a_name_in_our_section_that_means_nothing_is_told(home, here):
    found = settings(home, here, "[outlast]\nspool_keep_dayz = 7\n")
    assert found.ignored == ("[outlast] spool_keep_dayz",)
    assert len({setting.field for setting in OWN}) == len(OWN)
