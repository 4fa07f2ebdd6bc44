"""Calls as the engine makes them, from tasks as playbooks write them."""

from __future__ import annotations

from msgspec.structs import replace

from outlast.actions.registry import Actions
from outlast.call import Call
from outlast.content.cache import Cache
from outlast.content.places import open_content
from outlast.errors import ActionFailed, EvaluationError, joined
from outlast.outcome import Detached, Failed, Performed, registered
from outlast.templating import Evaluator
from outlast.values import DictScope, Origin, Overlaid, Template, looks_like_template


class FileScope(DictScope):
    """A scope in which a file has all variables."""

    def from_file(self, name):
        """Tell that it does."""
        return name in self


VARS = {
    "number": 5,
    "name_of": "number",
    "nested": {"a": {"b": [1, 2]}},
    "conditions": ["number == 5"],
}


def marked(value):
    """Give a playbook's value as the loader would."""
    if isinstance(value, str):
        return Template(value) if looks_like_template(value) else value
    if isinstance(value, dict):
        return {key: marked(member) for key, member in value.items()}
    return [marked(member) for member in value] if isinstance(value, list) else value


def actions(tmp_path) -> Actions:
    """Give the actions of a run with no playbook folder of its own."""
    content = open_content([], library=(), cache=Cache.at(tmp_path.parent / ".cache"))
    return Actions.over(content)


def a_call(action, written, *, session=None, folder="", scope=None, **options) -> Call:
    """Give the call for `action: written`, arguments evaluated."""
    evaluate = Evaluator()
    scope = FileScope(VARS | (scope or {}))

    async def opened():
        return session

    return Call(
        action=f"ansible.builtin.{action}",
        written_as=action,
        args=evaluate.render_args({k: v for k, v in written.items() if k != "that"}, scope)
        | {k: v for k, v in written.items() if k == "that"},
        written=written,
        host="localhost",
        scope=scope,
        evaluate=evaluate,
        session=opened,
        task_name=action,
        origin=Origin(f"{folder}/play.yml", 1, 1),
        search_path=(str(folder),),
        **options,
    )


async def done(actions: Actions, call: Call) -> tuple[dict, Performed]:
    """Perform *call* and give what the engine would register, with what was performed."""
    try:
        performed = await actions.perform(call)
    except (ActionFailed, EvaluationError) as error:
        performed = Performed(Failed(why=error.chain))
    outcome = performed.outcome
    if isinstance(outcome, Detached):
        return dict(outcome.payload), performed
    if isinstance(outcome, Failed) and "msg" not in outcome.payload:
        msg = joined(["Task failed", *(cause.message for cause in outcome.why)])
        outcome = replace(outcome, payload={**outcome.payload, "msg": msg})
    # A registered template is evaluated by whoever looks at it.
    around = Overlaid(outcome.payload.get("ansible_facts", {}), call.scope)
    seen = call.evaluate.render(registered(outcome), around)
    seen.pop("invocation", None)  # as the engine does, but for items of loops
    return seen, performed
