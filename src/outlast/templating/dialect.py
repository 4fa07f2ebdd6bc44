"""How template text becomes code: stock's dialect of Jinja2.

Knows native values, backslashes in `{{ }}` of tasks, and templates inside constants. Leaves
what the code reaches to `environment`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.lexer import TOKEN_STRING, TOKEN_VARIABLE_BEGIN, TOKEN_VARIABLE_END, Lexer
from jinja2.nativetypes import NativeCodeGenerator

from outlast.values import looks_like_template

_LOOKUPS = frozenset({"lookup", "query", "q"})


class TaskLexer(Lexer):
    """Doubles backslashes in `{{ }}`: YAML has read those of double-quoted text already."""

    def tokeniter(self, *args: Any, **kwargs: Any) -> Iterator[tuple[int, str, str]]:
        """Yield tokens, those of text inside `{{ }}` escaped."""
        inside = False
        for token in super().tokeniter(*args, **kwargs):
            kind = token[1]
            if kind == TOKEN_VARIABLE_BEGIN:
                inside = True
            elif kind == TOKEN_VARIABLE_END:
                inside = False
            if inside and kind == TOKEN_STRING:
                yield token[0], kind, token[2].replace("\\", "\\\\")
            else:
                yield token


class NativeGenerator(NativeCodeGenerator):
    """Generates code that yields values as they are and folds no constants."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._evaluates_constants = _everywhere(self.environment)

    def _output_child_to_const(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> Any:
        """Fold nothing but literal text."""
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return node.as_const(frame.eval_ctx)

    def visit_Const(self, node: nodes.Const, frame: Frame) -> None:  # noqa: N802  # Jinja2's name
        """Write a constant, or the evaluation of the template it is."""
        value = node.as_const(frame.eval_ctx)
        if self._evaluates_constants and type(value) is str and looks_like_template(value):
            self.write(f"environment.variables.embedded({value!r})")
        else:
            self.write(repr(value))

    def visit_Call(  # noqa: N802  # Jinja2's name
        self,
        node: nodes.Call,
        frame: Frame,
        forward_caller: bool = False,  # noqa: FBT001, FBT002  # Jinja2's signature
    ) -> None:
        """Write a call; the terms of a lookup may be templates."""
        before = self._evaluates_constants
        if isinstance(node.node, nodes.Name) and node.node.name in _LOOKUPS:
            self._evaluates_constants = True
        super().visit_Call(node, frame, forward_caller=forward_caller)
        self._evaluates_constants = before

    def visit_Keyword(self, node: nodes.Keyword, frame: Frame) -> None:  # noqa: N802  # Jinja2's
        """Write a named argument: a lookup's options are no templates."""
        before = self._evaluates_constants
        self._evaluates_constants = _everywhere(self.environment)
        super().visit_Keyword(node, frame)
        self._evaluates_constants = before


def _everywhere(environment: Any) -> bool:
    """Tell whether all constants are evaluated (in conditions), not only lookups' terms."""
    return bool(environment.evaluates_constants)
