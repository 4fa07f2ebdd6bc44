"""A parcel holds exactly what stock would zip, and says so only once."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from outlast.content.cache import Cache
from outlast.content.places import open_collections, open_content
from outlast.errors import NotSupportedYet, PlaybookError, SourceMissing
from outlast.work import Program

RUNTIME = {
    "plugin_routing": {
        "modules": {"old": {"redirect": "lab.tools.probe"}},
        "module_utils": {"gone.far": {"redirect": "lab.tools.deep"}},
    }
}
IMPORTS = "from ansible.module_utils.basic import AnsibleModule\n"


@pytest.fixture
def content(tmp_path):
    (tmp_path / "play" / "library").mkdir(parents=True)
    (tmp_path / "play" / "module_utils").mkdir()
    return reopened(tmp_path)


def reopened(tmp_path):
    return open_content([tmp_path / "play"], library=(), cache=Cache.at(tmp_path / "cache"))


def write(tmp_path, name, text):
    path = tmp_path / "play" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def texts(parcel):
    return {
        name: zlib.decompress(parcel.source(digest)).decode()
        for name, (_, digest) in parcel.files.items()
    }


@pytest.mark.timeout(300)  # stock takes its time over all its modules
def test_every_builtin_module_gets_the_files_stock_would_zip(content):
    program = Path(__file__).with_name("stock_closures.py")
    asked = subprocess.run([sys.executable, str(program)], check=True, capture_output=True)
    stock = json.loads(asked.stdout)
    assert len(stock) > 40
    for module, files in stock.items():
        if module == "async_wrapper":
            continue
        parcel = content.parcels.parcel(f"ansible.builtin.{module}")
        ours = {
            name.replace(".", "/") + ("/__init__.py" if package else ".py")
            for name, (package, _) in parcel.files.items()
        }
        assert ours == set(files), module
        assert parcel.main == f"ansible.modules.{module}"
    sent = texts(content.parcels.parcel("ansible.builtin.ping"))
    assert sent["ansible"] == stock["ping"]["ansible/__init__.py"]
    assert len(sent["ansible.module_utils.basic"]) == stock["ping"]["ansible/module_utils/basic.py"]


def test_only_modules_that_start_themselves_again_need_their_files_on_disk(content):
    on_disk = {
        name
        for name in ("apt", "dnf", "package_facts", "command", "setup", "copy")
        if content.parcels.parcel(f"ansible.builtin.{name}").on_disk
    }
    assert on_disk == {"apt", "dnf", "package_facts"}


def test_a_module_of_the_playbook_brings_the_playbooks_own_module_utils(content, tmp_path):
    write(tmp_path, "library/mine.py", IMPORTS + "from ansible.module_utils.extra import x\n")
    write(tmp_path, "module_utils/extra.py", "x = 'of the playbook'\n")
    write(tmp_path, "module_utils/yumdnf.py", "y = 'hides the core'\n")
    write(tmp_path, "library/hider.py", "from ansible.module_utils.yumdnf import y\n")
    content = reopened(tmp_path)
    mine = content.parcels.parcel("ansible.legacy.mine")
    assert mine.main == "ansible.legacy.mine"
    assert texts(mine)["ansible.module_utils.extra"] == "x = 'of the playbook'\n"
    assert texts(mine)["ansible.legacy"] == ""
    hider = content.parcels.parcel("ansible.legacy.hider")
    assert "hides the core" in texts(hider)["ansible.module_utils.yumdnf"]


def test_a_missing_import_is_an_error_unless_it_stands_in_a_try(content, tmp_path):
    write(tmp_path, "library/needs.py", "from ansible.module_utils.nowhere import x\n")
    write(
        tmp_path,
        "library/may.py",
        IMPORTS + "try:\n    from ansible.module_utils.nowhere import x\n"
        "except ImportError:\n    x = None\n",
    )
    content = reopened(tmp_path)
    with pytest.raises(PlaybookError, match="Could not find imported module support code") as no:
        content.parcels.parcel("ansible.legacy.needs")
    assert no.value.message.endswith(
        "for ansible.legacy.needs. Looked for (['ansible.module_utils.nowhere.x',"
        " 'ansible.module_utils.nowhere'])"
    )
    assert "ansible.module_utils.nowhere" not in content.parcels.parcel("ansible.legacy.may").files


def test_the_next_run_remembers_until_a_file_changes(content, tmp_path):
    path = write(tmp_path, "library/mine.py", IMPORTS)
    first = reopened(tmp_path).parcels.parcel("ansible.legacy.mine")
    kept = list((tmp_path / "cache").iterdir())
    assert len(kept) == 1
    again = reopened(tmp_path).parcels.parcel("ansible.legacy.mine")
    assert again == first
    assert texts(again) == texts(first)
    path.write_text(IMPORTS + "# changed\n")
    changed = reopened(tmp_path).parcels.parcel("ansible.legacy.mine")
    assert changed.files["ansible.legacy.mine"] != first.files["ansible.legacy.mine"]
    for file in (tmp_path / "cache").iterdir():
        file.write_text("{ spoilt")
    assert reopened(tmp_path).parcels.parcel("ansible.legacy.mine") == changed


def test_a_cache_that_cannot_be_written_does_no_harm(content, tmp_path):
    (tmp_path / "file").write_text("")
    content = open_content([], library=(), cache=Cache.at(tmp_path / "file" / "cache"))
    assert content.parcels.parcel("ansible.builtin.ping").main == "ansible.modules.ping"


def test_a_source_that_changes_during_the_run_is_told_not_sent(content, tmp_path):
    path = write(tmp_path, "library/mine.py", IMPORTS)
    parcel = reopened(tmp_path).parcels.parcel("ansible.legacy.mine")
    path.write_text(IMPORTS + "# other\n")
    with pytest.raises(SourceMissing, match="changed while the playbook was running"):
        parcel.source(parcel.files["ansible.legacy.mine"][1])


@pytest.mark.parametrize(
    ("text", "kind", "interpreter"),
    [
        ("#!/bin/sh\n# WANT_JSON\necho {}\n", "json", ("/bin/sh",)),
        ("#!/usr/bin/env perl -w\nprint 1\n", "old", ("/usr/bin/env", "perl", "-w")),
        ("echo {}\n", "old", ()),
        ("#! /bin/sh \n'<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>'", "filled", ("/bin/sh",)),
        ("#!/bin/sh\n\x00\x01\x02", "binary", ()),
    ],
)
@pytest.mark.parametrize("name", ["odd", "odd.py", "odd.sh"])
def test_a_module_that_is_a_program_travels_as_it_is(tmp_path, name, text, kind, interpreter):
    write(tmp_path, f"library/{name}", text)
    parcel = reopened(tmp_path).parcels.parcel("ansible.legacy.odd")
    assert parcel.program == Program(kind=kind, file=name, interpreter=interpreter)
    assert texts(parcel) == {"ansible.legacy.odd": text}


def test_a_program_whose_first_line_is_no_words_is_told_with_its_place(tmp_path):
    path = write(tmp_path, "library/odd.sh", "#!/bin/sh 'x\n")
    with pytest.raises(PlaybookError, match="What starts this module cannot be told") as no:
        reopened(tmp_path).parcels.parcel("ansible.legacy.odd")
    assert str(no.value.origin) == f"{path}:1"


def test_a_module_of_powershell_is_refused(tmp_path):
    write(tmp_path, "library/odd.ps1", "#!powershell\n#Requires -Module Ansible.Legacy\n")
    with pytest.raises(NotSupportedYet, match=r"PowerShell modules are not supported yet: .*odd"):
        reopened(tmp_path).parcels.parcel("ansible.legacy.odd")


def test_a_module_with_a_syntax_error_names_the_place(content, tmp_path):
    path = write(tmp_path, "library/broken.py", IMPORTS + "def f(:\n")
    with pytest.raises(PlaybookError, match=r"Unable to compile 'ansible\.legacy\.broken'") as no:
        reopened(tmp_path).parcels.parcel("ansible.legacy.broken")
    assert str(no.value.origin) == f"{path}:2:7"


def test_a_collection_module_brings_its_collections_module_utils(tmp_path):
    home = tmp_path / "roof" / "ansible_collections" / "lab" / "tools"
    for name, text in {
        "plugins/modules/probe.py": "from ..module_utils.deep.down import depth\n"
        "from ansible_collections.lab.tools.plugins.module_utils import plain\n" + IMPORTS,
        "plugins/module_utils/deep/__init__.py": "",
        "plugins/module_utils/deep/down.py": "from . import sister\ndepth = 2\n",
        "plugins/module_utils/deep/sister.py": "",
        "plugins/module_utils/plain.py": "from .gone.far import x\n",
        "meta/runtime.yml": json.dumps(RUNTIME),
    }.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    content = open_content(
        [],
        collections=open_collections([str(tmp_path / "roof")], cache=Cache.at(None)),
        cache=Cache.at(tmp_path / "cache"),
    )
    parcel = content.parcels.parcel("lab.tools.probe")
    stem = "ansible_collections.lab.tools.plugins"
    assert parcel.main == f"{stem}.modules.probe"
    theirs = {name for name in parcel.files if name.startswith("ansible_collections")}
    assert theirs == {
        "ansible_collections",
        "ansible_collections.lab",
        "ansible_collections.lab.tools",
        stem,
        f"{stem}.module_utils",
        f"{stem}.module_utils.deep",
        f"{stem}.module_utils.deep.down",
        f"{stem}.module_utils.deep.sister",
        f"{stem}.module_utils.plain",
        f"{stem}.module_utils.gone",
        f"{stem}.module_utils.gone.far",
        f"{stem}.modules",
        f"{stem}.modules.probe",
    }
    assert parcel.files[f"{stem}.module_utils.gone"][0], "an empty package above what moved"
    shim = texts(parcel)[f"{stem}.module_utils.gone.far"]
    assert f"import {stem}.module_utils.deep as mod" in shim
    assert content.catalogue.resolve("lab.tools.old").fqcn == "lab.tools.probe"
