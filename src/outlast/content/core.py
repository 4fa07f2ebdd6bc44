"""The installed ansible-core as files: where they stand, which version, what they accept.

Nothing of it is imported here: finding the folder costs a directory look-up, where
`import ansible.constants` alone would cost more than our whole start. Leaves what the
files say to `imports`, `closure` and `routing`.
"""

from __future__ import annotations

import ast
import re
from functools import cached_property
from importlib.machinery import PathFinder
from pathlib import Path

from msgspec import Struct

from outlast.errors import SourceMissing


class AnsibleCore(Struct, frozen=True, dict=True):
    """One installation of ansible-core."""

    root: Path

    @classmethod
    def installed(cls) -> AnsibleCore:
        """Find the ansible-core this program was installed with."""
        spec = PathFinder.find_spec("ansible")
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not places:
            raise SourceMissing(
                "ansible-core is not installed beside Outlast",
                help_text="Install it into the same environment: pip install ansible-core~=2.19.0",
            )
        return cls(Path(places[0]))

    def read(self) -> None:
        """Take in all that is read from files, so that nobody has to wait for it later."""
        _ = self.version, self.author, self.accepted

    @property
    def modules(self) -> Path:
        """The folder of the builtin modules."""
        return self.root / "modules"

    @property
    def module_utils(self) -> Path:
        """The folder of what modules import."""
        return self.root / "module_utils"

    @property
    def routing(self) -> Path:
        """The file that says where names went when they left the core."""
        return self.root / "config" / "ansible_builtin_runtime.yml"

    @cached_property
    def version(self) -> str:
        """The version, e.g. `2.19.14`."""
        return str(_assigned(self.root / "release.py", "__version__"))

    @cached_property
    def author(self) -> str:
        """Who `ansible.__author__` names."""
        return str(_assigned(self.root / "release.py", "__author__"))

    @cached_property
    def accepted(self) -> frozenset[str]:
        """Names of the internal arguments modules of this version accept, without the prefix."""
        table = _assigned(self.module_utils / "common" / "parameters.py", "PASS_VARS")
        if not isinstance(table, frozenset):
            raise TypeError("ansible-core's PASS_VARS is no mapping any more")
        return table


def _assigned(path: Path, name: str) -> object:
    """Give what *name* is assigned in *path*: a constant, or the keys of a dict."""
    text = path.read_text(encoding="utf-8")
    # Only the statement is parsed: the whole file would take longer than everything else here.
    found = re.search(rf"^{name}\b.*(?:\n(?:[ \t}})\]].*)?)*", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"{path} does not assign {name}")
    statement = ast.parse(found.group()).body[0]
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Dict):
        return frozenset(key.value for key in value.keys if isinstance(key, ast.Constant))
    if isinstance(value, ast.Constant):
        return value.value
    raise LookupError(f"{path} assigns {name} something new")
