"""What a host can be asked to run, and what comes back.

These are values: a run knows neither whether it is waited for or goes on by itself as a job,
nor on which host. Making them is the business of `actions` and `content`; carrying them to a
host is `transport`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct, field

ProgramKind: TypeAlias = Literal["binary", "filled", "json", "old"]
"""How a program is handed its arguments: `binary` and `json` in a file of JSON, `old` in one of
`key=value` words, `filled` within its own text."""


class Program(Struct, frozen=True, kw_only=True):
    """A module that does not import ansible's module_utils: something to be started."""

    kind: ProgramKind
    file: str
    """The name of its file."""
    interpreter: tuple[str, ...] = ()
    """The words of its first line; none: it is started by itself."""


class Parcel(Struct, frozen=True, eq=False):
    """A module with everything it imports, by content: sent once per connection.

    `files` maps dotted names to (is a package, digest of the source); `source` gives the
    bytes of a digest, zlib-compressed. `main` is the dotted name that is run.
    """

    name: str
    """The module's name as its own messages show it, e.g. `ansible.legacy.ping`."""
    main: str
    files: Mapping[str, tuple[bool, str]]
    source: Callable[[str], bytes]
    on_disk: bool = False
    """The module starts itself again under another Python: its files must exist on disk."""
    program: Program | None = None
    """What `main` is, if it is not Python to be imported."""

    def __eq__(self, other: object) -> bool:
        """Compare by content; where the sources are read from does not matter."""
        return isinstance(other, Parcel) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash((self.name, self.main))

    def _content(self) -> tuple[object, ...]:
        return (self.name, self.main, self.files, self.on_disk, self.program)


class ModuleRun(Struct, frozen=True, kw_only=True):
    """One run of a module: the parcel and its arguments, internal `_ansible_*` ones included."""

    parcel: Parcel
    args: Mapping[str, object]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Argument name to content: the agent stores it in a private temporary file, passes the
    path as that argument, and removes the file after the run."""
    file_names: Mapping[str, str] = field(default_factory=dict)
    """Argument name to the temporary file's own name, where its ending matters to somebody."""
    interpreter: Sequence[str] = ()
    """What starts the parcel's program on this host; an empty first word is the Python that
    modules run under, none at all the program itself."""


class CommandRun(Struct, frozen=True, kw_only=True):
    """One program to run as `ansible.builtin.command` and `shell` do, but without a module.

    Defaults are the module's. The reply's stdout is the JSON the module would have printed.
    """

    argv: Sequence[str] = ()
    shell: str | None = None
    """A command line for *executable* instead of argv."""
    written: str | None = None
    """The text argv was split from, as the module's own report of its arguments shows it."""
    executable: str | None = None
    chdir: str | None = None
    creates: str | None = None
    removes: str | None = None
    stdin: str | None = None
    stdin_add_newline: bool = True
    strip_empty_ends: bool = True
    expand_argument_vars: bool = True
    check_mode: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


Run = ModuleRun | CommandRun


class ScriptRun(Struct, frozen=True, kw_only=True):
    """A command that needs a file of ours for as long as it runs."""

    command: CommandRun
    name: str
    """The file's name; it lies in a private folder on the host."""
    content: bytes
    stands_as: str
    """What stands in the command's line where that folder's path belongs, `/` at its end."""


class Given(Struct, frozen=True, kw_only=True):
    """Nothing to run: the controller has done it, and this is what came of it."""

    action: str
    """As the task writes it, for people who look at the host's jobs."""
    result: Mapping[str, object]
    """As a playbook sees it, in plain values."""


JobRun = Run | ScriptRun | Given
"""What can be a background job."""


class Finish(Struct, frozen=True, kw_only=True):
    """What an action adds to the answer of its last run.

    As plain data: when that run is a job, the host does it once the job has ended.
    """

    only: tuple[str, ...] = ()
    """The keys of the answer that are kept; none named: all."""
    fill: Mapping[str, object] = field(default_factory=dict)
    """What stands where the answer has nothing, or something empty."""
    add: Mapping[str, object] = field(default_factory=dict)
    """What stands where the answer has no such key."""
    alike: Mapping[str, str] = field(default_factory=dict)
    """Keys that an answer which is no failure has under another name as well: new to old."""
    changed: bool = False
    """It has changed something, whatever it says."""
    complaint: str = ""
    """The message of an answer whose `rc` is not 0."""
    warnings: tuple[str, ...] = ()
    """Said in addition."""


AS_IT_IS = Finish()
"""Nothing is added."""


class Reply(Struct, frozen=True):
    """What a run printed and how it exited; bytes are decoded with surrogateescape."""

    stdout: str
    stderr: str
    rc: int
