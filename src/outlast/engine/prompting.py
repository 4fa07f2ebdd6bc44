"""`vars_prompt`: what a person is asked before a play begins.

Knows stock's questions and what an answer becomes. Leaves asking to whoever implements
`Ask`, for only the program knows its terminal, and hashing to `HashPassword`.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from outlast.engine.ports import Wiring
from outlast.errors import EvaluationError, OutlastError, PlaybookError
from outlast.events import Noticed, Said
from outlast.names import as_among
from outlast.outcome import Warned
from outlast.playbook.conversions import to_bool
from outlast.playbook.model import Play
from outlast.values import Template, Value, looks_like_template

_NOBODY = "Not prompting as we are not in interactive mode"
_NO_MATCH = "***** VALUES ENTERED DO NOT MATCH ****"


class Prompts(Struct, frozen=True):
    """Asks for the variables of plays."""

    wiring: Wiring

    async def answered(self, play: Play) -> Play:
        """Give *play* with the answers among its vars; extra vars are not asked for."""
        if not play.vars_prompt:
            return play
        self.wiring.variables.tell_reserved(play, play.roles)
        scope = self.wiring.variables.header_scope(play)
        try:
            questions = [self.wiring.evaluate.render(one, scope) for one in play.vars_prompt]
        except EvaluationError as error:
            what = "Error processing keyword 'vars_prompt'"
            raise PlaybookError(what, error.origin, causes=error.chain) from error
        answers: dict[str, Value] = {}
        for question, written in zip(questions, play.vars_prompt, strict=True):
            assert isinstance(question, Mapping)  # noqa: S101  # the parser lets nothing else in
            name = as_among([written["name"]], str(question["name"]))
            if not self.wiring.variables.is_extra(name):
                answers[name] = await self._answer(name, question)
        return replace(play, vars={**play.vars, **answers})

    async def _answer(self, name: str, question: Mapping[str, object]) -> Value:
        default = question.get("default")
        text = await self._asked(_wording(name, question, default), question)
        if not text and default is not None:
            text = str(default)
        if question.get("encrypt"):
            text = await self._hashed(name, text, question)
        answer = str(text)  # nothing at all is 'None', as in stock
        if looks_like_template(answer) and not to_bool(question.get("unsafe", False)):
            return Template(answer)
        return answer

    async def _hashed(self, name: str, text: str | None, question: Mapping[str, object]) -> str:
        if text is None:
            raise OutlastError(
                f"There is nothing to encrypt: nobody answers what {name!r} is to be.",
                help_text="Run the playbook at a terminal, or give the variable with -e.",
            )
        return await self.wiring.hash_password(
            text,
            question["encrypt"],
            salt=question.get("salt"),
            salt_size=question.get("salt_size"),
        )

    async def _asked(self, wording: str, question: Mapping[str, object]) -> str | None:
        private = to_bool(question.get("private", True))
        while True:
            first = await self.wiring.ask(wording, private=private)
            if first is None:
                self.wiring.events.emit(Noticed(Warned(_NOBODY)))
                return None
            if not to_bool(question.get("confirm", False)):
                return first
            if await self.wiring.ask(f"confirm {wording}", private=private) == first:
                return first
            self.wiring.events.emit(Said(_NO_MATCH))


def _wording(name: str, question: Mapping[str, object], default: object) -> str:
    prompt = question.get("prompt", name)
    if not prompt:
        return f"input for {name}: "
    return f"{prompt}: " if default is None else f"{prompt} [{default}]: "
