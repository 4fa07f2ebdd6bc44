"""Running a module out of memory, as if its files stood on disk.

Knows how Python imports, and what a module expects of the place it runs in. Used in a child
made for one run: it changes the process beyond repair. Leaves making that child, and where
its output goes, to others.
"""

from __future__ import annotations

import contextlib
import os
import sys
import zlib
from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

NOWHERE = "/outlast/modules"
"""The folder modules believe to stand in when their files are on no disk."""

_BASIC = "ansible.module_utils.basic"
_LOADER = "ansible.module_utils._internal._ansiballz._loader"
_PROFILE = "legacy"


class ModuleFinder:
    """Imports the files of one parcel: dotted name to (is a package, digest of the source)."""

    def __init__(
        self,
        files: Mapping[str, tuple[bool, str]],
        sources: Mapping[str, bytes],
        library: str = NOWHERE,
        codes: dict[str, CodeType] | None = None,
    ) -> None:
        self.files = dict(files)
        self.library = library
        self._sources = sources
        self._codes = {} if codes is None else codes
        self._parents = _parents(files) - set(files)

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> object:
        """Tell the import system that we have *name*, if we have it."""
        if not self.is_package(name) and name not in self.files:
            return None
        spec = ModuleSpec(  # loaders are typed as more than importing needs
            name,
            self,  # type: ignore[arg-type]
            origin=self.get_filename(name),
            is_package=self.is_package(name),
        )
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(os.path.dirname(self.get_filename(name)))
        spec.has_location = True
        return spec

    def create_module(self, _spec: object) -> None:
        """Have an ordinary module made."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the text of *module*."""
        exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102  # importing is that

    def is_package(self, name: str) -> bool:
        """Tell whether *name* has others below it."""
        return name in self._parents or self.files.get(name, (False, ""))[0]

    def get_filename(self, name: str) -> str:
        """Give the path *name* has, or would have on disk."""
        return os.path.join(self.library, relative_path(name, package=self.is_package(name)))

    def get_source(self, name: str) -> str:
        """Give the text of *name*; tracebacks and `inspect` ask for it."""
        if name in self._parents:
            return ""
        return zlib.decompress(self._sources[self.files[name][1]]).decode("utf-8")

    def get_code(self, name: str) -> CodeType:
        """Give the compiled text of *name*."""
        key = "%s %s" % (self.files.get(name, (True, ""))[1], self.get_filename(name))
        if key not in self._codes:
            self._codes[key] = compile(
                self.get_source(name), self.get_filename(name), "exec", dont_inherit=True
            )
        return self._codes[key]


def _parents(names: Mapping[str, object]) -> set[str]:
    parts = [name.split(".") for name in names]
    return {".".join(part[:end]) for part in parts for end in range(1, len(part))}


def relative_path(name: str, *, package: bool) -> str:
    """Give the path of a module below the folder of its library."""
    return name.replace(".", "/") + ("/__init__.py" if package else ".py")


def materialise(
    files: Mapping[str, tuple[bool, str]], sources: Mapping[str, bytes], library: str
) -> None:
    """Write the files of a parcel below *library*: a module that respawns needs them there."""
    finder = ModuleFinder(files, sources, library)
    for name in sorted({*files, *_parents(files)}):
        path = finder.get_filename(name)
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(finder.get_source(name))


def load(finder: ModuleFinder, names: list[str]) -> None:
    """Import *names* and forget the finder again; what cannot be imported is left out.

    A run that needs it will try again and say itself what is wrong.
    """
    from importlib import import_module

    sys.meta_path.insert(0, finder)  # type: ignore[arg-type]  # see find_spec
    try:
        for name in names:
            if name in finder.files:
                import_module(name)
    except Exception:  # noqa: BLE001  # foreign code, and nobody to tell yet
        forget(finder.files)
    finally:
        sys.meta_path.remove(finder)  # type: ignore[arg-type]


def foundation(files: Mapping[str, object]) -> list[str]:
    """Give what nearly every module imports, and what it loads by name at run time."""
    profiles = "ansible.module_utils._internal._json._profiles._module_%s_" % _PROFILE
    return [n for n in (_BASIC, _LOADER, profiles + "c2m", profiles + "m2c") if n in files]


def forget(names: Mapping[str, object]) -> None:
    """Have *names* imported anew when they are asked for."""
    for name in list(sys.modules):
        if name in names:
            del sys.modules[name]


def run_module(
    finder: ModuleFinder,
    main: str,
    args: Mapping[str, object],
    change: Callable[[ModuleType], None] = lambda _basic: None,
) -> int:
    """Run *main* as a program in this process; gives its exit code.

    *change* is given the module `basic` before *main* uses it, if it does. The module prints its
    result to stdout. The caller flushes nothing and exits at once.
    """
    sys.meta_path.insert(0, finder)  # type: ignore[arg-type]  # see find_spec
    try:
        try:
            _run_as_main(finder, main, args, change)
        except Exception as error:  # noqa: BLE001  # a module's crash is a result, told as stock tells it
            _tell(error)
    except SystemExit as leaving:
        return _code(leaving.code)
    except BaseException:  # noqa: BLE001  # an interrupt: the process is about to end anyway
        import traceback

        traceback.print_exc()
        return 1
    else:
        return 0
    finally:
        _clean_up()


def _run_as_main(
    finder: ModuleFinder,
    main: str,
    args: Mapping[str, object],
    change: Callable[[ModuleType], None],
) -> None:
    import json
    from importlib import import_module

    if _BASIC in finder.files:
        basic = import_module(_BASIC)
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": dict(args)}).encode()  # type: ignore[attr-defined]  # noqa: SLF001  # how stock's own loader hands them over
        basic._ANSIBLE_PROFILE = _PROFILE  # type: ignore[attr-defined]  # noqa: SLF001
        change(basic)
    code = finder.get_code(main)
    finder.files["__main__"] = finder.files[main]  # tracebacks ask for the source by this name
    module = ModuleType("__main__")
    module.__dict__.update(
        __file__=finder.get_filename(main),
        __loader__=finder,
        __spec__=finder.find_spec(main),
        __package__=main.rpartition(".")[0],
        _module_fqn=main,
        _modlib_path=finder.library,
    )
    sys.modules["__main__"] = module
    sys.argv = [finder.get_filename(main)]
    exec(code, module.__dict__)  # noqa: S102  # this is what we are for
    raise RuntimeError("New-style module did not handle its own exit.")


def _tell(error: Exception) -> None:
    """Print a crash as the result stock's loader would print; ends in SystemExit."""
    from importlib import import_module

    try:
        loader = import_module(_LOADER)
    except ImportError:
        raise error from None
    loader._handle_exception(error, _PROFILE)  # noqa: SLF001  # there is no public way


def _code(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write("%s\n" % (code,))
    return 1


def _clean_up() -> None:
    """Do what the interpreter does at exit; modules remove their temporary folders there."""
    import atexit

    steps = (atexit._run_exitfuncs, sys.stdout.flush, sys.stderr.flush)  # noqa: SLF001  # nothing public runs them before `os._exit`
    for step in steps:
        with contextlib.suppress(Exception):  # the next must have its turn
            step()
