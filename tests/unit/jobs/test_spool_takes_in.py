"""Files that a job needs are moved into its own folder, or the job is not started."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest

from outlast_agent import spool


@pytest.fixture
def entry(tmp_path):
    spool.open_folder(str(tmp_path / "spool"))
    entry = spool.Entry(str(tmp_path / "spool"), "j1.7")
    spool.record_start(entry, "{}")
    return entry


def mode(path):
    return stat.S_IMODE(Path(path).stat().st_mode)


def test_a_file_is_moved_without_being_read(entry, tmp_path):
    (tmp_path / "a.sh").write_text("tea")
    inode = (tmp_path / "a.sh").stat().st_ino
    spool.take_in(entry, [(str(tmp_path / "a.sh"), "given-src")])
    there = Path(entry.path("given-src")) / "a.sh"
    assert there.read_text() == "tea"
    assert there.stat().st_ino == inode
    assert mode(there.parent) == 0o700
    assert not (tmp_path / "a.sh").exists()


def test_a_file_on_another_disk_is_copied_and_private(entry):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        file = Path(elsewhere) / "a"
        if file.parent.stat().st_dev == Path(entry.folder).stat().st_dev:
            pytest.skip("there is only one disk here")
        file.write_bytes(b"x" * 3_000_000)
        spool.take_in(entry, [(str(file), "given-src")])
        there = Path(entry.path("given-src")) / "a"
        assert there.read_bytes() == b"x" * 3_000_000
        assert mode(there) == 0o600
        assert not file.exists()


def test_a_job_whose_files_are_gone_leaves_no_record(entry, tmp_path):
    (tmp_path / "a").write_text("tea")
    files = [(str(tmp_path / "a"), "given-a"), (str(tmp_path / "gone"), "given-b")]
    with pytest.raises(spool.SpoolRefused, match="No such file"):
        spool.take_in(entry, files)
    assert not Path(entry.private).exists()
    assert not Path(entry.results_file).exists()
