"""Evaluates one template in one scope; what fails becomes a marker, not an exception.

Knows compiled templates by their text, what is remembered of a scope, and that a template
which needs its own value is a loop. Leaves plain results, conditions and errors for people
to `evaluator`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from jinja2.environment import Template as JinjaTemplate
from jinja2.loaders import FileSystemLoader
from jinja2.utils import missing

from outlast.errors import EvaluationError, VaultError
from outlast.outcome import Deprecated, Notice, Warned
from outlast.templating.direct import Code, simple_expression, simple_template
from outlast.templating.environment import Environment
from outlast.templating.explaining import because, failure_of, looped
from outlast.templating.markers import (
    Marker,
    Missing,
    Tripped,
    Undecryptable,
    broken,
    undecryptable,
)
from outlast.templating.overrides import HEADER, with_header
from outlast.templating.revealed import Revealed
from outlast.templating.running import RenderContext, Running, Stack
from outlast.templating.views import SCALARS, LazyDict, UnfitForVariables, lifted, plain
from outlast.values import Origin, Scope, Template, Vaulted
from outlast.vault import LOCKED, Vault

Notify: TypeAlias = Callable[[Notice], None]

_REMEMBERED = 4096
_EMBEDDED = (
    "Jinja constant strings should not contain embedded templates. "
    "This feature will be disabled by default in ansible-core 2.23."
)
_IN_CONDITIONS = '`when: "{{ a_var }}" == 42` becomes `when: a_var == 42`'
_IN_LOOKUPS = (
    """`msg: "{{ lookup('env', '{{ a_var }}') }}"` becomes """
    """`msg: "{{ lookup('env', a_var) }}"`"""
)


class Codebook:
    """Code for texts of one dialect; the oldest go when there are many."""

    def __init__(self, make: Callable[[str], Code]) -> None:
        self._make = make
        self._known: dict[str, Code] = {}

    def get(self, text: str) -> Code:
        """Give a text's code; raises what compiling raises."""
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                for oldest in list(self._known)[: _REMEMBERED // 4]:
                    self._known.pop(oldest, None)
            known = self._known[text] = self._make(text)
        return known


def _of_templates(environment: Environment) -> Codebook:
    def make(text: str) -> Code:
        simple = simple_template(text, environment)
        return simple or _runner(environment, environment.compiled(text))

    return Codebook(make)


def _in_pieces(environment: Environment) -> Codebook:
    """Code that gives a template's nodes as they are, markers among them."""

    def make(text: str) -> Code:
        code = environment.compiled(text)
        root, blocks, variables = code.root_render_func, code.blocks, environment.variables

        def run(running: Running) -> list[Any]:
            context = RenderContext(environment, variables, running.scope, blocks)
            return environment.collect(root(context))

        return run

    return Codebook(make)


def _of_expressions(environment: Environment) -> Codebook:
    def make(text: str) -> Code:
        simple = simple_expression(text, environment)
        return simple or _runner(environment, environment.compiled_expression(text))

    return Codebook(make)


def _runner(environment: Environment, code: JinjaTemplate) -> Code:
    root, blocks, variables = code.root_render_func, code.blocks, environment.variables

    def run(running: Running) -> Any:
        context = RenderContext(environment, variables, running.scope, blocks)
        return environment.concat(root(context))

    return run


class Core:
    """Templates, expressions and variables as raw values: markers and views included."""

    def __init__(
        self,
        notify: Notify,
        basedir: str = ".",
        extensions: Sequence[str] = (),
        vault: Vault = LOCKED,
        managed: str = "Ansible managed",
    ) -> None:
        self.notify = notify
        self.managed = managed
        self.vault = vault
        self.stack = Stack()
        self.functions: dict[str, Any] = {}
        """Global functions by name, and `omit`; a variable of the same name wins."""
        self._dialect = partial(Environment, self, self.stack, extensions=extensions)
        self.included = self._dialect(loader=FileSystemLoader(basedir))
        self.tasks = self._dialect(escapes=True, included=self.included)
        self.conditions = self._dialect(evaluates_constants=True, included=self.included)
        self._expressions_env = self._dialect(escapes=True, included=self.included)
        self._templates = _of_templates(self.tasks)
        self._pieces = _in_pieces(self.tasks)
        self._expressions = _of_expressions(self._expressions_env)
        self._conditions = _of_expressions(self.conditions)

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Every dialect, for those who give them filters and tests."""
        return (self.included, self.tasks, self.conditions, self._expressions_env)

    # -- names ---------------------------------------------------------------------------------

    def resolve(self, name: str, scope: Scope) -> Any:
        """Give a variable's or function's value, or Jinja2's `missing`."""
        if name == "play_hosts":
            self._deprecated_play_hosts()
        if name == "vars":
            seen = scope.get("vars", scope)
            if isinstance(seen, Scope):  # a scope looks like another host's variables
                return LazyDict({each: seen[each] for each in seen}, seen, self)
        try:
            return self.variable(name, scope)
        except KeyError:
            return self.functions.get(name, missing)

    def _deprecated_play_hosts(self) -> None:
        top = self.stack.top
        self.notify(
            Deprecated(
                "The `play_hosts` magic variable is deprecated.",
                "This feature will be removed from ansible-core version 2.23.",
                top.origin if top else None,
                "Use `ansible_play_batch` instead.",
            )
        )

    def variable(self, name: str, scope: Scope) -> Any:
        """Give a variable's value; raises `KeyError`."""
        memo = scope.memo
        if name in memo:
            return memo[name]
        value = scope[name]
        kind = type(value)
        if kind in SCALARS:
            return value
        if kind is Template:
            return self.evaluate(value, scope, remember=name)  # type: ignore[arg-type]  # compared
        return lifted(value, scope, self)

    # -- templates -----------------------------------------------------------------------------

    def evaluate(self, template: Template, scope: Scope, remember: str = "") -> Any:
        """Give a template's value; under *remember* the scope keeps it, if it is stable."""
        text = template.text
        if type(template) is Vaulted:
            return self._revealed(template)
        if text.startswith(HEADER):
            return self._with_header(template, scope)
        above = self.stack.top
        running = Running(text, template.origin, scope, above, "template")
        while above is not None:
            if above.text == text and above.scope is scope and above.what == "template":
                return broken(looped("template", template.origin))
            above = above.above
        value = self._run(running, self._templates)
        if isinstance(value, str) and text.endswith("\n"):
            value += "\n" * (_newlines(text) - _newlines(value))
        if (
            remember
            and not running.volatile
            and self.stack.notes is None
            and type(value) in SCALARS
        ):
            scope.memo[remember] = value
        return value

    def _revealed(self, value: Vaulted) -> Any:
        """Give what a `!vault` string holds: data that still knows that it was encrypted."""
        try:
            return Revealed(self.vault.revealed(value.text, value.origin), value.text)
        except VaultError as error:
            return undecryptable(error, value)

    def pieces(self, template: Template, scope: Scope) -> Any:
        """Give a template's nodes in a list; a marker alone when it cannot be compiled."""
        if type(template) is Vaulted:
            value = self._revealed(template)
            return value if isinstance(value, Marker) else [value]
        running = Running(template.text, template.origin, scope, self.stack.top, "template")
        return self._run(running, self._pieces)

    def _with_header(self, template: Template, scope: Scope) -> Any:
        try:
            body, options = with_header(template.text, {}, template.origin)
        except EvaluationError as error:
            return broken(error)
        return self.file(body, scope, template.origin, (), options)

    def expression(self, text: str, scope: Scope, origin: Origin | None) -> Any:
        """Give the value of a bare expression, as `debug: var=` has it."""
        return self._run(
            Running(text, origin, scope, self.stack.top, "expression"), self._expressions
        )

    def condition(self, text: str, scope: Scope, origin: Origin | None) -> Any:
        """Give the value of a condition: backslashes stay, constants may be templates."""
        return self._run(
            Running(text, origin, scope, self.stack.top, "expression"), self._conditions
        )

    def embedded(self, text: str) -> Any:
        """Evaluate a template that stands in a constant inside another one, and warn."""
        top = self.stack.top
        if top is None:
            raise RuntimeError("a constant belongs to a template that runs")
        example = _IN_CONDITIONS if top.what == "expression" else _IN_LOOKUPS
        help_text = f"Use inline expressions, for example: {example}"
        self.notify(Warned(_EMBEDDED, top.origin, help_text))
        return self.evaluate(Template(text, top.origin), top.scope)

    def file(
        self,
        text: str,
        scope: Scope,
        origin: Origin | None,
        search_path: tuple[str, ...],
        options: Mapping[str, Any],
    ) -> Any:
        """Evaluate a template file's text, with its own folders and delimiters."""
        loader = FileSystemLoader(list(search_path)) if search_path else None
        environment = self._dialect(loader=loader, options=options)
        for mine in ("filters", "tests"):
            setattr(environment, mine, getattr(self.included, mine))
        value = self._run(
            Running(text, origin, scope, self.stack.top, "template"),
            Codebook(lambda body: _runner(environment, environment.compiled(body))),
        )
        if isinstance(value, str) and text.endswith("\n"):
            value += environment.newline_sequence * (_newlines(text) - _newlines(value))
        return value

    def _run(self, running: Running, codebook: Codebook) -> Any:
        """Run a template's code on top of the stack."""
        stack = self.stack
        above = stack.top
        stack.top = running
        try:
            return codebook.get(running.text)(running)
        except Exception as error:  # noqa: BLE001  # compiling raises what a filter's import does
            return broken(failure_of(error, running.text, running.origin, running.what))
        finally:
            stack.top = above
            if running.volatile and above is not None:
                above.volatile = True


def settled(
    value: Any,
    what: str,
    origin: Origin | None,
    scope: Scope | None = None,
    core: Core | None = None,
) -> Any:
    """Give plain data, or raise what a marker in *value* stands for."""
    try:
        return plain(value, scope, core)
    except Tripped as tripped:
        raise told(tripped.marker, what, origin) from None
    except UnfitForVariables as error:
        raise because(f"Error rendering {what}.", origin, error) from None


def noted(value: Any, notes: list[Warned]) -> Any:
    """Put a note in place of everything undefined in *value*; adds it to *notes*."""
    if isinstance(value, Missing):
        return value.noted(notes)
    if isinstance(value, dict):
        return {key: noted(value[key], notes) for key in value}
    if isinstance(value, list | tuple):
        return [noted(member, notes) for member in value]
    return value


def spoken(pieces: Any, notes: list[str]) -> str:
    """Give a template's nodes as text, with a note in place of what failed, as stock shows names.

    A failure other than an undefined name ends a template early; a note says so.
    """
    if isinstance(pieces, Marker):
        return _noted(pieces, notes)
    parts = []
    for piece in pieces:
        if not isinstance(piece, Marker):
            parts.append(str(piece))
            continue
        parts.append(_noted(piece, notes))
        if not isinstance(piece, Missing):
            notes.append(f"error {len(notes) + 1} - template potentially truncated")
            parts.append(f"<< {notes[-1]} >>")
    return "".join(parts)


def _noted(marker: Marker, notes: list[str]) -> str:
    notes.append(f"error {len(notes) + 1} - {marker.error()}")
    return f"<< {notes[-1]} >>"


def told(marker: Marker, what: str, origin: Origin | None) -> EvaluationError:
    """Give what to raise for *marker* where a `template` or `expression` ends."""
    if isinstance(marker, Undecryptable):
        return because(f"Error rendering {what}.", origin, marker.failure)
    return failure_of(marker.error(), "", origin, what)


def _newlines(text: str) -> int:
    return len(text) - len(text.rstrip("\n"))
