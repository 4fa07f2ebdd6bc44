"""The spool's records: private, never half, refused where they would not be safe."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from outlast_agent import spool


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "home" / ".ansible_async"


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def recorded(folder, jid="j1.7"):
    spool.open_folder(str(folder))
    entry = spool.Entry(str(folder), jid)
    spool.record_start(entry, "{}")
    return entry


def test_folders_and_files_are_private_whatever_the_umask(folder, tmp_path, umask):
    tmp_path.joinpath("home").mkdir()
    tmp_path.joinpath("home").chmod(0o755)
    entry = recorded(folder)
    assert mode(folder) == 0o700
    assert mode(folder / ".outlast") == 0o700
    assert mode(entry.private) == 0o700
    assert mode(entry.results_file) == 0o600
    for name in ("job.json", "stdout", "stderr"):
        assert mode(entry.path(name)) == 0o600


def test_the_results_file_holds_what_stock_writes_while_a_job_runs(folder):
    entry = recorded(folder)
    text = Path(entry.results_file).read_text()
    assert text == '{"started": true, "finished": false, "ansible_job_id": "j1.7"}'


def test_a_folder_that_stock_has_made_is_taken_as_it_is(folder):
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    recorded(folder)
    assert mode(folder) == 0o755


def test_a_folder_that_cannot_be_made_is_refused_in_stocks_words(tmp_path):
    tmp_path.joinpath("file").write_text("")
    with pytest.raises(spool.SpoolRefused, match=r"^could not create directory: .*file/x - "):
        spool.open_folder(str(tmp_path / "file" / "x"))


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    tmp_path.joinpath("file").write_text("")
    with pytest.raises(spool.SpoolRefused, match=r"could not create directory: .*File exists"):
        spool.open_folder(str(tmp_path / "file"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_of_another_user_is_refused(folder):
    folder.mkdir(parents=True)
    os.chown(folder, 4711, -1)
    with pytest.raises(spool.SpoolRefused, match=r"it belongs to another user \(uid 4711\)"):
        spool.open_folder(str(folder))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_our_part_must_be_ours_alone(folder):
    folder.joinpath(".outlast").mkdir(parents=True)
    os.chown(folder / ".outlast", 4711, -1)
    with pytest.raises(spool.SpoolRefused, match="another user"):
        spool.open_folder(str(folder))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_link_that_somebody_else_laid_is_refused(folder, tmp_path):
    tmp_path.joinpath("elsewhere").mkdir()
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    os.chown(folder, 4711, -1, follow_symlinks=False)
    with pytest.raises(spool.SpoolRefused, match="a symbolic link that belongs to another user"):
        spool.open_folder(str(folder))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_an_own_link_to_another_users_folder_is_refused(folder, tmp_path):
    tmp_path.joinpath("elsewhere").mkdir()
    os.chown(tmp_path / "elsewhere", 4711, -1)
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(spool.SpoolRefused, match="leads to a folder of another user"):
        spool.open_folder(str(folder))


def test_an_own_link_to_an_own_folder_is_followed(folder, tmp_path):
    tmp_path.joinpath("elsewhere").mkdir()
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    recorded(folder)
    assert tmp_path.joinpath("elsewhere", "j1.7").exists()


def test_our_part_must_not_be_a_link(folder, tmp_path):
    folder.mkdir(parents=True)
    folder.joinpath(".outlast").symlink_to(tmp_path)
    with pytest.raises(spool.SpoolRefused, match="it is a symbolic link"):
        spool.open_folder(str(folder))


def test_a_planted_link_is_not_written_through(folder, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    spool.open_folder(str(folder))
    for name in ("j1.7", "j1.7.tmp"):
        folder.joinpath(name).symlink_to(victim)
    entry = spool.Entry(str(folder), "j1.7")
    spool.record_start(entry, "{}")
    assert victim.read_text() == "precious"
    assert not Path(entry.results_file).is_symlink()


def test_a_job_that_is_there_already_is_not_overwritten(folder):
    entry = recorded(folder)
    with pytest.raises(spool.SpoolRefused, match="File exists"):
        spool.record_start(entry, "{}")
    assert Path(entry.results_file).exists()
    assert Path(entry.path("job.json")).exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk_is_refused_and_leaves_nothing(folder, monkeypatch):
    """The write fails as on a full disk: every new file is the device that has no room."""
    spool.open_folder(str(folder))
    entry = spool.Entry(str(folder), "j1.7")
    real = os.open

    def full(path, flags, *mode, **more):
        found = real(path, flags, *mode, **more)
        if flags & os.O_CREAT:
            full_device = real("/dev/full", os.O_WRONLY)
            os.dup2(full_device, found)
            os.close(full_device)
        return found

    monkeypatch.setattr(os, "open", full)
    monkeypatch.setattr(os, "fchmod", lambda _fd, _mode: None)
    with pytest.raises(spool.SpoolRefused, match="No space left on device"):
        spool.record_start(entry, "{}")
    assert list(folder.rglob("*")) == [folder / ".outlast"]


def test_forgetting_leaves_nothing(folder):
    spool.forget(recorded(folder))
    assert list(folder.rglob("*")) == [folder / ".outlast"]


def test_a_process_is_named_by_pid_and_start():
    assert spool.process_start(os.getpid()) > 0
    assert spool.process_start(2**22 + 1) == 0


def test_the_boot_is_known_on_linux():
    assert len(spool.boot_id()) == 36


def test_the_home_is_that_of_the_user_who_runs_the_agent(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert spool.expand("~/.ansible_async") == "/home/somebody/.ansible_async"
    assert spool.expand("/var/jobs/") == "/var/jobs"


class CutWriter:
    """Stands in for os.write: takes so many bytes in all, then the power fails."""

    def __init__(self, budget):
        self.budget = budget
        self.real = os.write

    def __call__(self, fd, content):
        if self.budget <= 0:
            raise PowerFailed
        part = bytes(content)[: self.budget]
        self.budget -= len(part)
        return self.real(fd, part)


class PowerFailed(BaseException):
    """Not an OSError: nothing tidies up after it."""


@pytest.mark.parametrize("cut", range(0, 62, 7))
def test_a_record_is_the_old_or_the_new_one_wherever_it_is_interrupted(folder, monkeypatch, cut):
    folder.mkdir(parents=True)
    path = folder / "record"
    old, new = '{"old": true}', '{"new": "%s"}' % ("x" * 40)
    spool.put(str(path), old)
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", CutWriter(cut))
        try:
            spool.put(str(path), new)
            expected = new
        except PowerFailed:
            expected = old
    assert path.read_text() == expected
    spool.put(str(path), new)  # what was left aside is in nobody's way
    assert path.read_text() == new
