"""A host in a folder: modules and commands really run, each in a Python of its own.

Slow and simple, it stands in for a session where a test wants real modules and no transport.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from outlast.session import FileState
from outlast.work import CommandRun, ModuleRun, Reply

RUN = """
import json, os, sys
home, told = sys.argv[1], json.load(sys.stdin)
sys.path.insert(0, home)
from ansible.module_utils._internal._ansiballz import _loader
params = json.dumps({"ANSIBLE_MODULE_ARGS": told["args"]}).encode()
_loader.run_module(json_params=params, profile="legacy", module_fqn=told["main"],
                   modlib_path=home, extensions={})
"""
COMMAND = """
import datetime as dt, json, subprocess, sys
from outlast_agent.commands import Command
fields = json.load(sys.stdin)
command = Command(fields, fields["environment"])
process = command.start()
if not isinstance(process, dict):
    started = dt.datetime.now()
    out, err = process.communicate(command.data)
    process = command.ended(process.returncode, out, err, started=started, ended=dt.datetime.now())
print(json.dumps(process))
"""
UNKNOWN = {"failed": True, "msg": "could not find job", "started": True, "finished": True}


@dataclass
class ScratchHost:
    """Implements `Session` in *folder*, but for jobs: it knows of none."""

    folder: Path
    runs: list = field(default_factory=list)
    python: str = sys.executable
    discovered: bool = False
    discovered_aloud: bool = False

    async def job_status(self, jid, async_dir):
        return {"ansible_job_id": jid, **UNKNOWN, "results_file": f"{async_dir}/{jid}"}

    async def job_cleanup(self, jid, async_dir):
        return {"ansible_job_id": jid, "erased": f"{async_dir}/{jid}", **UNKNOWN}

    async def run(self, run):
        self.runs.append(run)
        if isinstance(run, CommandRun):
            return await asyncio.to_thread(self._command, run)
        return await asyncio.to_thread(self._module, run)

    def _command(self, run: CommandRun) -> Reply:
        fields = msgspec.structs.asdict(run)
        ran = subprocess.run(
            [self.python, "-c", COMMAND],
            check=False,
            input=json.dumps(fields),
            capture_output=True,
            text=True,
            cwd=self.folder,
        )
        return Reply(ran.stdout, ran.stderr, ran.returncode)

    def _module(self, run: ModuleRun) -> Reply:
        home = self._unpacked(run)
        args = dict(run.args)
        for number, (name, content) in enumerate(run.files.items()):
            path = self.folder / f"sent{number}" / run.file_names.get(name, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            args[name] = str(path)
        ran = subprocess.run(
            [self.python, "-c", RUN, str(home)],
            check=False,
            input=json.dumps({"args": args, "main": run.parcel.main}),
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=os.environ | dict(run.environment),
        )
        return Reply(ran.stdout, ran.stderr, ran.returncode)

    def _unpacked(self, run: ModuleRun) -> Path:
        digests = sorted(digest for _, digest in run.parcel.files.values())
        known = hashlib.sha256("".join(digests).encode()).hexdigest()[:16]
        home = all_tests(self.folder) / ".sent" / known
        if home.exists():
            return home
        for name, (package, digest) in run.parcel.files.items():
            stem = home.joinpath(*name.split("."))
            path = stem / "__init__.py" if package else stem.with_name(f"{stem.name}.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(zlib.decompress(run.parcel.source(digest)))
        return home

    async def inspect(self, path, *, checksum=False):
        return await asyncio.to_thread(state_of, path, checksum=checksum)

    async def read(self, path, limit):
        return (await asyncio.to_thread(content_of, path))[:limit]

    async def store(self, content, name):
        return await asyncio.to_thread(stored, self.folder / "stored", content, name)

    async def discard(self, path):
        await asyncio.to_thread(shutil.rmtree, Path(path).parent)


def all_tests(folder: Path) -> Path:
    """Give the folder that all tests of this process share: modules are compiled once."""
    return next(path for path in folder.parents if path.name.startswith(("pytest-", "popen-")))


def state_of(path, *, checksum):
    path = Path(path).expanduser()
    try:
        facts = path.lstat()
    except OSError:
        return None
    kinds = {stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
    kind = kinds.get(stat.S_IFMT(facts.st_mode), "file")
    sha1 = None
    if checksum and path.is_file():
        sha1 = hashlib.sha1(path.read_bytes()).hexdigest()
    return FileState(kind=kind, size=facts.st_size, mode=facts.st_mode & 0o7777, sha1=sha1)


def content_of(path):
    return Path(path).expanduser().read_bytes()


def stored(folder, content, name):
    folder.mkdir()
    (folder / name).write_bytes(content)
    return str(folder / name)
