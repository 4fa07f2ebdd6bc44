"""Templates and conditions evaluated, with stock's semantics: the door to this room.

Knows how plain data, booleans and errors for people come out of raw evaluations. Leaves what
to do about them to the engine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2.filters import FILTERS as DEFAULT_FILTERS
from jinja2.tests import TESTS as DEFAULT_TESTS

from outlast.errors import EvaluationError
from outlast.outcome import Warned
from outlast.templating.borrowed import Borrowed
from outlast.templating.checks import checks
from outlast.templating.conditions import Conditions
from outlast.templating.data_filters import data_filters
from outlast.templating.explaining import because
from outlast.templating.functions import functions
from outlast.templating.lookups import Lookups
from outlast.templating.overrides import with_header
from outlast.templating.plugins import Plugin, Registry, jinja
from outlast.templating.rendering import Core, Notify, noted, settled, spoken
from outlast.templating.text_filters import text_filters
from outlast.templating.views import SCALARS, LazyDict, type_name
from outlast.templating.written import written
from outlast.values import OMIT, Origin, Scope, Template, Vaulted
from outlast.vault import LOCKED, Vault

_BLOCKS = re.compile(r"\b(?:lookup|query|q)\s*\(|\{%-?\s*(?:include|import|from|extends)\b")
_NAME = re.compile(r"[A-Za-z_]\w*")


def _ignore(_notice: object) -> None:
    """Tell nobody."""


class Evaluator:
    """Implements `call.Evaluate`; safe to use from several threads.

    *notify* hears warnings and deprecations. *folders* are those of the playbooks: beside them
    lie collections, and in the first `{% include %}` of a task's template looks. *extensions*
    are Jinja2's, by name. With *allow_broken_conditionals* any value has a truth. *vault* opens
    `!vault` strings and encrypted files that lookups read. *managed* is what template files
    know as `ansible_managed` unless it is a variable.
    """

    def __init__(
        self,
        notify: Notify = _ignore,
        *,
        folders: Sequence[str] = (".",),
        extensions: Sequence[str] = (),
        allow_broken_conditionals: bool = False,
        vault: Vault = LOCKED,
        managed: str = "Ansible managed",
    ) -> None:
        core = self._core = Core(notify, folders[0], extensions, vault, managed)
        self._conditions = Conditions(core, allow_broken_conditionals)
        borrowed = Borrowed(core.stack, notify, folders)
        self.lookups = Lookups(core, borrowed)
        core.functions = functions(core.stack, self.lookups)
        filters = jinja(dict(DEFAULT_FILTERS)) | text_filters() | data_filters(notify)
        self._give("filter", filters, borrowed)
        self._give("test", jinja(dict(DEFAULT_TESTS)) | checks(notify), borrowed)

    def _give(self, kind: str, own: Mapping[str, Plugin], borrowed: Borrowed) -> None:
        registry = Registry(kind, self._core, own, borrowed)
        for environment in self._core.environments:
            setattr(environment, f"{kind}s", registry)

    def render(self, value: object, scope: Scope) -> Any:
        """Give plain data for *value*, every template in it evaluated; it may be `OMIT`.

        Raises `EvaluationError`.
        """
        if type(value) in SCALARS:
            return value
        if not isinstance(value, Template):
            return settled(value, "template", None, scope, self._core)
        raw = self._core.evaluate(value, scope)
        return settled(raw, "template", value.origin, scope, self._core)

    def expression(self, text: str, scope: Scope, origin: Origin | None = None) -> Any:
        """Give the value of a bare expression, as `debug: var=` has it."""
        raw = self._core.expression(text, scope, origin)
        return settled(raw, "expression", origin)

    def shown(
        self, text: str, scope: Scope, origin: Origin | None = None
    ) -> tuple[Any, tuple[Warned, ...]]:
        """Give an expression's value with a note in place of all that is undefined in it.

        The notes follow, in order, each with the place of what is undefined; `debug: var=`
        shows such values. Whatever else fails raises `EvaluationError`.
        """
        notes: list[Warned] = []
        with self._core.stack.noting(notes):
            raw = noted(self._core.expression(text, scope, origin), notes)
        return settled(raw, "expression", origin), tuple(notes)

    def label(self, template: Template, scope: Scope) -> tuple[str, tuple[str, ...]]:
        """Give a name's text, with a note in place of what cannot be evaluated; never raises."""
        notes: list[str] = []
        return spoken(self._core.pieces(template, scope), notes), tuple(notes)

    def holds(self, condition: object, scope: Scope, origin: Origin | None = None) -> bool:
        """Tell whether one `when`-like condition is true; raises `EvaluationError`."""
        return self._conditions.hold(condition, scope, origin)

    def render_args(self, args: Mapping[str, object], scope: Scope) -> dict[str, Any]:
        """Give a task's arguments evaluated, omitted ones left out.

        Raises `EvaluationError` whose chain begins with the argument's name.
        """
        result: dict[str, Any] = {}
        for key, value in args.items():
            try:
                rendered = self.render(value, scope)
            except EvaluationError as error:
                origin = value.origin if isinstance(value, Template) else error.origin
                told = f"Error while resolving value for {key!r}."
                raise because(told, origin, error, type(error)) from error
            if rendered is not OMIT:
                result[key] = rendered
        return result

    def entries(self, source: object, scope: Scope) -> Mapping[str, Any]:
        """Give what *source*, a mapping or a template of one, says of a task's arguments.

        The members are for `render_args` alone: none has been evaluated, so what is wrong with
        one is no matter as long as nobody wants it. Raises `EvaluationError` for what gives no
        mapping; `omit` gives an empty one.
        """
        if not isinstance(source, Template):
            return _members(source, scope)
        given = self._core.evaluate(source, scope)
        if isinstance(given, dict):
            return _members(given, scope)
        if given is OMIT:
            return {}
        kind = type_name(settled(given, "template", source.origin, scope, self._core))
        raise EvaluationError(f"Task args must resolve to a 'dict' not {kind!r}.", source.origin)

    def written(self, source: Template, scope: Scope) -> object:
        """Give unevaluated what *source* names and does nothing else, if a file has it.

        Its texts may serve as conditions. None: it is data, or there is more to *source*.
        """
        return written(source, scope)

    def lookup(self, name: str, terms: object, scope: Scope, *, action: str = "") -> list[Any]:
        """Give the items of a `with_<name>` loop over *terms*; raises `EvaluationError`.

        *action* is the task's: `with_first_found` looks in a folder named after it.
        """
        return self.lookups.run(name, terms, scope, action=action)

    def render_file_text(
        self,
        text: str,
        scope: Scope,
        *,
        origin: Origin | None = None,
        search_path: tuple[str, ...] = (),
        **options: Any,
    ) -> Any:
        """Evaluate a trusted template file's text; usually gives text, but any value may come.

        *search_path* are the folders of `{% include %}` and `{% import %}`. *options* are
        Jinja2's (`trim_blocks`, `variable_start_string`, `newline_sequence` ...); a
        `#jinja2:` line at the top of the text beats them. Raises `EvaluationError`.
        """
        body, settings = with_header(text, options, origin)
        raw = self._core.file(body, scope, origin, search_path, settings)
        return settled(raw, "template", origin)

    def may_block(self, value: object, scope: Scope | None = None) -> bool:
        """Tell whether evaluating *value* may read files or run programs.

        With *scope*, templates in the variables it names are considered too.
        """
        return _may_block(value, scope, set(), self._core.vault)


def _members(mapping: Any, scope: Scope) -> dict[str, Any]:
    """Give the members of a *mapping* that is seen in *scope*, those written there unevaluated.

    Of one that lies in another scope they are evaluated, what fails being a marker.
    """
    if not isinstance(mapping, LazyDict):
        return {str(key): value for key, value in mapping.items()}
    raw, where, _ = mapping.raw()
    if where is scope:
        return {str(key): value for key, value in raw}
    return {str(key): mapping[key] for key in mapping}


def _may_block(value: object, scope: Scope | None, seen: set[str], vault: Vault) -> bool:
    if isinstance(value, Vaulted):
        return not vault.is_known(value.text)  # deriving a key takes 8 ms
    if isinstance(value, Template):
        if _BLOCKS.search(value.text):
            return True
        return scope is not None and _names_block(value.text, scope, seen, vault)
    if isinstance(value, dict):
        return any(_may_block(member, scope, seen, vault) for member in value.values())
    if isinstance(value, list | tuple):
        return any(_may_block(member, scope, seen, vault) for member in value)
    return False


def _names_block(text: str, scope: Scope, seen: set[str], vault: Vault) -> bool:
    for name in _NAME.findall(text):
        if name in seen:
            continue
        seen.add(name)
        if name in scope and _may_block(scope[name], scope, seen, vault):
            return True
    return False
