"""Prints what ansible's own packer would zip for every builtin module; run as a program."""

import datetime as dt
import io
import json
import pathlib
import sys
import zipfile

import ansible.modules
from ansible.executor import module_common
from ansible.plugins.loader import init_plugin_loader

init_plugin_loader()
files = {}
manager = module_common._builder.ExtensionManager.create(task_vars={})
for path in sorted(pathlib.Path(ansible.modules.__file__).parent.glob("*.py")):
    data = path.read_bytes()
    if path.stem == "__init__" or not module_common.NEW_STYLE_PYTHON_MODULE_RE.search(data):
        continue
    packed = zipfile.ZipFile(io.BytesIO(), mode="w")
    now = dt.datetime.now(dt.UTC)
    name = f"ansible.modules.{path.stem}"
    module_common.recursive_finder(path.stem, name, data, packed, now, manager)
    module_common._add_module_to_zip(packed, now, name, data, str(path), manager)
    files[path.stem] = {
        one: packed.read(one).decode() for one in packed.namelist() if one.count("/") < 2
    } | {one: len(packed.read(one)) for one in packed.namelist() if one.count("/") >= 2}
json.dump(files, sys.stdout)
