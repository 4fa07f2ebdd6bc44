"""Which variable, keyword or setting decides how a host is reached."""

from __future__ import annotations

import getpass

import pytest

from outlast.errors import ActionFailed, NotSupportedYet
from outlast.settings import Settings
from outlast.transport.endpoint import Endpoint, Wishes, endpoint_for


def endpoint(variables=None, *, settings=None, typed=None, **wishes) -> Endpoint:
    known = {"inventory_hostname": "web1", **(variables or {})}
    return endpoint_for(known.get, Wishes(**wishes), settings or Settings(), become_password=typed)


def test_without_anything_a_host_is_reached_by_ssh_under_its_name():
    found = endpoint()
    assert (found.kind, found.host, found.port, found.user) == ("ssh", "web1", None, None)
    assert found.identity is None
    assert found.discovers


@pytest.mark.parametrize(
    ("field", "variables", "wishes", "settings", "expected"),
    [
        ("host", {"ansible_host": "a"}, {}, {}, "a"),
        ("host", {"ansible_host": "a", "ansible_ssh_host": "b"}, {}, {}, "b"),
        ("port", {}, {}, {"remote_port": 1}, 1),
        ("port", {}, {"port": 2}, {"remote_port": 1}, 2),
        ("port", {"ansible_port": "3"}, {"port": 2}, {"remote_port": 1}, 3),
        ("port", {"ansible_port": 3, "ansible_ssh_port": 4}, {}, {}, 4),
        ("user", {}, {}, {"remote_user": "s"}, "s"),
        ("user", {}, {"remote_user": "k"}, {"remote_user": "s"}, "k"),
        ("user", {"ansible_user": "v"}, {"remote_user": "k"}, {"remote_user": "s"}, "v"),
        ("user", {"ansible_user": "v", "ansible_ssh_user": "w"}, {}, {}, "w"),
        ("private_key", {"ansible_ssh_private_key_file": "/k"}, {}, {}, "/k"),
        ("private_key", {}, {}, {"private_key_file": "/f"}, "/f"),
        ("host_key_checking", {"ansible_host_key_checking": "no"}, {}, {}, False),
        ("host_key_checking", {}, {}, {"host_key_checking": False}, False),
        ("timeout", {"ansible_ssh_timeout": 3}, {}, {"timeout": 9}, 3),
        ("retries", {"ansible_ssh_retries": "2"}, {}, {}, 2),
        ("ssh_args", {"ansible_ssh_args": ""}, {}, {}, ""),
        ("ssh_common_args", {"ansible_ssh_common_args": "-J x"}, {}, {}, "-J x"),
        ("ssh_extra_args", {}, {}, {"ssh_extra_args": "-v"}, "-v"),
        ("ssh_executable", {"ansible_ssh_executable": "/x"}, {}, {}, "/x"),
        ("control_path", {"ansible_control_path": "/x"}, {}, {}, "/x"),
        ("python", {"ansible_python_interpreter": "/p"}, {}, {"interpreter_python": "/q"}, "/p"),
        ("python", {}, {}, {"interpreter_python": "/q"}, "/q"),
        ("pythons", {"ansible_interpreter_python_fallback": ["a"]}, {}, {}, ("a",)),
        ("remote_tmp", {"ansible_remote_tmp": "/r"}, {}, {"remote_tmp": "/s"}, "/r"),
        ("kind", {"ansible_connection": "local"}, {"connection": "ssh"}, {}, "local"),
        ("kind", {}, {"connection": "local"}, {}, "local"),
        ("kind", {}, {"connection": "ansible.builtin.ssh"}, {"transport": "local"}, "ssh"),
        ("kind", {}, {}, {"transport": "smart"}, "ssh"),
    ],
)  # fmt: skip
def test_variables_beat_keywords_and_keywords_beat_settings(
    field, variables, wishes, settings, expected
):
    assert getattr(endpoint(variables, settings=Settings(**settings), **wishes), field) == expected


@pytest.mark.parametrize(
    ("field", "variables", "wishes", "settings", "expected"),
    [
        ("user", {}, {"become": True}, {}, "root"),
        ("user", {}, {"become": True, "become_user": "db"}, {"sudo_user": "s"}, "db"),
        ("user", {"ansible_become_user": "v"}, {"become": True, "become_user": "db"}, {}, "v"),
        ("user", {"ansible_become_user": "v", "ansible_sudo_user": "w"}, {"become": True}, {}, "w"),
        ("user", {"ansible_become": "yes"}, {"become": False}, {}, "root"),
        ("user", {}, {}, {"become": True}, "root"),
        ("method", {}, {"become": True}, {}, "sudo"),
        ("method", {"ansible_become_method": "su"}, {"become": True}, {}, "su"),
        ("method", {}, {"become": True, "become_method": "ansible.builtin.su"}, {}, "su"),
        ("exe", {}, {"become": True}, {}, "sudo"),
        ("exe", {"ansible_sudo_exe": "/s"}, {"become": True, "become_exe": "/k"}, {}, "/s"),
        ("flags", {}, {"become": True}, {}, "-H -S -n"),
        ("flags", {}, {"become": True, "become_method": "su"}, {}, ""),
        ("flags", {}, {"become": True, "become_flags": "-i"}, {}, "-i"),
        ("password", {}, {"become": True}, {}, None),
        ("password", {"ansible_become_pass": 123}, {"become": True}, {}, "123"),
        ("password", {"ansible_become_pass": 1, "ansible_sudo_pass": 2}, {"become": True}, {}, "2"),
        ("chdir", {"ansible_sudo_chdir": "/"}, {"become": True}, {}, "/"),
        ("user", {}, {"become": True}, {"sudo_user": "s", "su_user": "t"}, "s"),
        ("user", {}, {"become": True, "become_method": "su"}, {"su_user": "t"}, "t"),
        ("exe", {}, {"become": True, "become_method": "su"}, {"sudo_exe": "/s"}, "su"),
        ("password", {}, {"become": True}, {"sudo_password": "p", "su_password": "q"}, "p"),
        ("password", {"ansible_become_pass": 1}, {"become": True}, {"sudo_password": "p"}, "1"),
        ("chdir", {}, {"become": True}, {"sudo_chdir": "/tmp"}, "/tmp"),
        ("prompts", {}, {"become": True}, {"su_prompts": ("Pw", "Mot")}, ("Pw", "Mot")),
        ("prompts", {"ansible_su_prompt_l10n": ["Pw"]}, {"become": True}, {}, ("Pw",)),
    ],
)  # fmt: skip
def test_an_identity_is_found_the_same_way(field, variables, wishes, settings, expected):
    found = endpoint(variables, settings=Settings(**settings), **wishes)
    assert getattr(found.identity, field) == expected


def test_a_typed_password_is_used_unless_a_variable_gives_one():
    assert endpoint(become=True, typed="t").identity.password == "t"
    variables = {"ansible_become_password": "v"}
    assert endpoint(variables, become=True, typed="t").identity.password == "v"
    configured = Settings(sudo_password="c")
    assert endpoint(become=True, typed="t", settings=configured).identity.password == "t"


def test_a_password_is_in_no_representation():
    assert "hidden" not in repr(endpoint(become=True, typed="hidden"))


@pytest.mark.parametrize("become", [False, "no", "false", 0])
def test_who_need_not_become_is_who_logs_in(become):
    assert endpoint(become=become).identity is None
    assert endpoint(become=True, remote_user="db", become_user="db").identity is None
    mine = getpass.getuser()
    assert endpoint(become=True, connection="local", become_user=mine).identity is None


def test_a_local_connection_knows_nothing_of_ssh():
    one = endpoint({"ansible_port": 1, "ansible_ssh_args": "-v"}, connection="local")
    assert one == endpoint(connection="local")


@pytest.mark.parametrize(
    ("written", "meant"),
    [("~/id", "/home/me/id"), ("keys/id", "/site/keys/id"), ("%d/.ssh/id", "%d/.ssh/id")],
)
def test_a_key_is_the_same_file_from_another_folder_and_home(monkeypatch, written, meant):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr("os.getcwd", lambda: "/site")
    assert endpoint({"ansible_private_key_file": written}).private_key == meant


def test_equal_wishes_give_one_connection_whoever_is_become():
    login, other = endpoint(), endpoint(become=True)
    assert login != other
    assert login == other.login


@pytest.mark.parametrize("name", ["docker", "winrm", "community.docker.docker", "paramiko"])
def test_a_connection_that_is_not_built_is_named(name):
    with pytest.raises(NotSupportedYet, match=name):
        endpoint({"ansible_connection": name})


def test_a_become_method_that_is_not_built_is_named():
    with pytest.raises(NotSupportedYet, match="doas"):
        endpoint(become=True, become_method="doas")


def test_a_login_password_is_refused_loudly():
    with pytest.raises(NotSupportedYet, match="ansible_password"):
        endpoint({"ansible_ssh_pass": "x"})
    assert endpoint({"ansible_password": "x"}, connection="local").kind == "local"


def test_what_is_no_number_or_no_truth_is_told_with_its_name():
    with pytest.raises(ActionFailed, match="ansible_ssh_port: 'x' is not a number"):
        endpoint({"ansible_port": "x"})
    with pytest.raises(ActionFailed, match="ansible_become: 'maybe' is neither yes nor no"):
        endpoint({"ansible_become": "maybe"})
