"""Our Jinja2 environment: how template text becomes code, and what that code can reach.

Knows stock's dialect (native values, backslashes in `{{ }}` of tasks, templates inside
constants) and keeps generated code in the sandbox. Leaves running the code, and whose
variables it sees, to `rendering`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from jinja2 import nodes
from jinja2.environment import Template as JinjaTemplate
from jinja2.environment import TemplateModule
from jinja2.exceptions import TemplateSyntaxError, UndefinedError
from jinja2.lexer import Lexer
from jinja2.loaders import BaseLoader
from jinja2.parser import Parser
from jinja2.runtime import Context, Macro
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import missing as _missing

from outlast.errors import EvaluationError
from outlast.templating.dialect import NativeGenerator, TaskLexer
from outlast.templating.explaining import failure_of
from outlast.templating.markers import Marker, Missing, Tripped, broken
from outlast.templating.markers import missing as missing_marker
from outlast.templating.running import RenderContext, Resolves, Stack, context_for
from outlast.templating.views import LazyDict, LazyList, MappingView, ScopeView, plain, type_name
from outlast.values import OMIT

_ITERATED: tuple[type, ...] = (
    Iterator,
    type({}.items()),
    type({}.keys()),
    type({}.values()),
    range,
)
_BITWISE = frozenset({"__and__", "__lshift__", "__or__", "__rshift__", "__xor__"})
_ATTRIBUTES: dict[type, frozenset[str]] = {
    LazyDict: frozenset(dir(dict)),
    LazyList: frozenset(dir(list)),
    MappingView: frozenset(dir(Mapping)),
    ScopeView: frozenset(dir(Mapping)),
}
"""What templates may see of views: what the types have that they stand for."""


class Variables(Resolves, Protocol):
    """Where a template's names, and the templates in its constants, get their values."""

    def embedded(self, text: str) -> Any:
        """Evaluate a template that stands in a constant inside another one."""
        ...


class FileTemplate(JinjaTemplate):
    """A template that another one includes, imports or extends."""

    def new_context(
        self,
        vars: dict[str, Any] | None = None,  # noqa: A002  # Jinja2's names
        shared: bool = False,  # noqa: FBT001, FBT002  # the same
        locals: Mapping[str, Any] | None = None,  # noqa: A002
    ) -> RenderContext:
        """Give what this template is to see of the one that includes it."""
        environment = self.environment
        if not isinstance(environment, Environment):
            raise TypeError("an included template belongs to our environment")
        context = context_for(environment, environment.variables, vars, locals)
        context.name = self.name
        context.blocks = {key: [block] for key, block in self.blocks.items()}
        return context


class Environment(SandboxedEnvironment):
    """One dialect of templates; all dialects share variables, filters, tests and functions."""

    code_generator_class = NativeGenerator
    template_class = FileTemplate

    def __init__(  # noqa: PLR0913  # what makes a dialect, all of it by name
        self,
        variables: Variables,
        stack: Stack,
        *,
        escapes: bool = False,
        evaluates_constants: bool = False,
        loader: BaseLoader | None = None,
        included: Environment | None = None,
        options: Mapping[str, Any] | None = None,
        extensions: Sequence[str] = (),
    ) -> None:
        super().__init__(
            **{
                "trim_blocks": True,
                "optimized": False,  # folding would lose templates inside constants
                "loader": loader,
                "extensions": extensions,
                "cache_size": 50,
                **(options or {}),
            }
        )
        self.variables = variables
        self.stack = stack
        self.evaluates_constants = evaluates_constants
        self._included = included
        self._lexer = TaskLexer(self) if escapes else Lexer(self)
        self.undefined = self._missing  # type: ignore[assignment]  # a maker: it knows the place

    @property
    def lexer(self) -> Lexer:
        """Give this dialect's own lexer; Jinja2 would share one by its settings."""
        return self._lexer

    def _missing(
        self,
        hint: str | None = None,
        obj: Any = _missing,
        name: Any = None,
        exc: type[UndefinedError] = UndefinedError,  # Jinja2's signature
    ) -> Marker:
        if type(obj) is MappingView:
            hint = f"hostvars[{name!r}]"  # the only such mapping there is
        elif not hint and name and obj is not _missing:
            hint = f"object of type {type_name(obj)!r} has no attribute {name!r}"
        top = self.stack.top
        return missing_marker(hint, obj, name, top.origin if top else None)

    def get_template(self, name: Any, parent: Any = None, globals: Any = None) -> Any:  # noqa: A002
        """Give a template that is included, imported or extended: files are not escaped."""
        if self._included is not None:
            return self._included.get_template(name, parent, globals)
        return super().get_template(name, parent, globals)

    def compiled(self, source: str | nodes.Template) -> JinjaTemplate:
        """Compile a template's text; raises `TemplateSyntaxError`."""
        code = self._generate_code(source)
        return JinjaTemplate.from_code(self, code, self.globals)

    def _generate_code(self, source: str | nodes.Template) -> Any:
        tree = self._parse(source, None, None) if isinstance(source, str) else source
        return self._compile(self._generate(tree, None, None), "<template>")

    def compiled_expression(self, text: str) -> JinjaTemplate:
        """Compile a bare expression to a template of one node; raises `TemplateSyntaxError`."""
        parser = Parser(self, text, state="variable")
        expression = parser.parse_expression()
        if not parser.stream.eos:
            raise TemplateSyntaxError("chunk after expression", parser.stream.current.lineno)
        expression.set_environment(self)
        body: list[nodes.Node] = [nodes.Output([expression], lineno=1)]
        return self.compiled(nodes.Template(body, lineno=1))

    # -- what generated code calls -----------------------------------------------------------

    def concat(self, values: Iterable[Any]) -> Any:  # native: any value
        """Join what a template yielded: one node stays a value, several become text."""
        taken, notes = self.collect(values), self.stack.notes
        if notes is not None and len(taken) > 1:
            taken = [one.noted(notes) if isinstance(one, Missing) else one for one in taken]
        return self.join(taken)

    def collect(self, values: Iterable[Any]) -> list[Any]:
        """Take a template's nodes; None vanishes, a failure becomes the last node."""
        taken: list[Any] = []
        try:
            for value in values:
                if type(value) is TemplateModule:
                    taken.extend(self.collect(value._body_stream))  # noqa: SLF001  # no other way
                elif value is not None:
                    taken.append(value)
        except Tripped as tripped:
            taken.append(tripped.marker)
        except Exception as error:  # noqa: BLE001  # the user's expression may raise anything
            taken.append(self.failed(error))
        return taken

    def failed(self, error: Exception) -> Marker:
        """Give the marker for an exception met in the innermost template."""
        top = self.stack.top
        if top is None:
            raise error
        return broken(failure_of(error, top.text, top.origin, top.what))

    @staticmethod
    def join(taken: list[Any]) -> Any:
        """Make one value of a template's nodes; the first marker among them wins."""
        if len(taken) == 1:
            return taken[0]
        if not taken:
            return None
        texts = []
        try:
            for value in taken:
                if type(value) is str:
                    texts.append(value)
                elif value is not OMIT:
                    texts.append(_text(value))
        except Tripped as tripped:
            return tripped.marker
        return "".join(texts)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Give `obj.attribute`: the attribute, if it is safe, else the item."""
        if isinstance(obj, Marker):
            return obj
        shown = _ATTRIBUTES.get(type(obj))
        if shown is not None and attribute not in shown:
            return self._item(obj, attribute)
        allowed, value = self._attribute(obj, attribute)
        if allowed and value is not _missing:
            return value
        found = self._item(obj, attribute)
        if allowed or not isinstance(found, Marker):
            return found
        return self.unsafe_undefined(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Give `obj[argument]`: the item, else the attribute, if it is safe."""
        shown = _ATTRIBUTES.get(type(obj))
        if shown is not None and argument not in shown:
            return self._item(obj, argument)
        return super().getitem(obj, argument)

    def _item(self, obj: Any, argument: Any) -> Any:
        try:
            return obj[argument]
        except (TypeError, LookupError):
            return self._missing(obj=obj, name=argument)

    def _attribute(self, obj: Any, attribute: str) -> tuple[bool, Any]:
        """Tell whether an attribute may be seen, and give it; `missing`: there is none."""
        try:
            value = getattr(obj, attribute)
        except AttributeError:
            return True, _missing
        wrapped = self.wrap_str_format(value)
        if wrapped is not None:
            return True, wrapped
        return self.is_safe_attribute(obj, attribute, value), value

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Tell whether a template may see an attribute; whole numbers may be masked."""
        if attr in _BITWISE and isinstance(obj, int):
            return True
        shown = _ATTRIBUTES.get(type(obj))
        if shown is not None and attr not in shown:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function, method or macro; its failure is a value."""
        if isinstance(obj, Marker):
            return obj
        if not (isinstance(obj, Macro) or getattr(obj, "takes_markers", False)):
            marker = first_marker(args, kwargs)
            if marker is not None:
                return marker
        try:
            result = super().call(context, obj, *args, **kwargs)
        except Tripped as tripped:
            return tripped.marker
        except Exception as error:  # noqa: BLE001  # a foreign function may raise anything
            return broken(error)
        return listed(result) if obj is not range else result


def _text(value: Any) -> str:
    if isinstance(value, Macro | range) or callable(value):
        return str(value)
    try:
        value = plain(value)
    except EvaluationError:
        return str(value)
    return value.decode() if isinstance(value, bytes) else str(value)


def listed(value: Any) -> Any:
    """Give iterators and dict views, which can be looked at once or change, as lists."""
    return list(value) if isinstance(value, _ITERATED) else value  # type: ignore[call-overload]  # all of them iterate


def first_marker(args: Iterable[Any], kwargs: Mapping[str, Any]) -> Marker | None:
    """Give the first argument there is no value for."""
    for value in args:
        if isinstance(value, Marker):
            return value
    for value in kwargs.values():
        if isinstance(value, Marker):
            return value
    return None


def takes_markers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function that deals with undefined arguments itself."""
    function.takes_markers = True  # type: ignore[attr-defined]  # functions take attributes
    return function
