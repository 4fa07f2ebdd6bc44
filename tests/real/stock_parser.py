"""Let stock Ansible parse playbooks and one-line arguments, and describe its keywords.

Run with a Python that has ansible-core; reads what to parse and prints the answers as JSON.
A playbook's answer is a list of [message, place], or null when stock sees nothing wrong.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from ansible.cli.playbook import PlaybookCLI

PlaybookCLI(["ansible-playbook", "none.yml"]).parse()

from ansible._internal._errors import _error_factory  # noqa: E402
from ansible._internal._templating._engine import TemplateEngine  # noqa: E402
from ansible.inventory.manager import InventoryManager  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.parsing.splitter import parse_kv  # noqa: E402
from ansible.playbook import Playbook  # noqa: E402
from ansible.playbook.attribute import NonInheritableFieldAttribute  # noqa: E402
from ansible.playbook.block import Block  # noqa: E402
from ansible.playbook.handler import Handler  # noqa: E402
from ansible.playbook.handler_task_include import HandlerTaskInclude  # noqa: E402
from ansible.playbook.loop_control import LoopControl  # noqa: E402
from ansible.playbook.play import Play  # noqa: E402
from ansible.playbook.playbook_include import PlaybookInclude  # noqa: E402
from ansible.playbook.role.include import RoleInclude  # noqa: E402
from ansible.playbook.task import Task  # noqa: E402
from ansible.playbook.task_include import TaskInclude  # noqa: E402
from ansible.plugins.loader import init_plugin_loader  # noqa: E402
from ansible.vars.manager import VariableManager  # noqa: E402


def links(error):
    event = _error_factory.ControllerEventFactory.from_exception(error, False)
    while event is not None:
        place = re.search(r"Origin: \S+?\.yml(:\S+)?", event.formatted_source_context or "")
        yield [event.msg, (place.group(1) or "").lstrip(":") if place else ""]
        event = event.chain.event if event.chain and event.chain.follow else None


def judged(path):
    loader = DataLoader()
    variables = VariableManager(loader, InventoryManager(loader, sources=["localhost,"]))
    try:
        book = Playbook.load(str(path), variable_manager=variables, loader=loader)
        for play in book.get_plays():
            play.post_validate(TemplateEngine(loader=loader, variables={}))
    except Exception as error:  # noqa: BLE001  # whatever stock raises is its answer
        return [link for link in links(error) if link[0]]
    return None


def keyword_table():
    """Give each class's keywords with their type and how they are inherited."""
    classes = [Play, Block, Task, Handler, RoleInclude, PlaybookInclude, LoopControl]
    table = {}
    for described in classes:
        table[described.__name__] = {
            name: [attribute.isa, inheritance(attribute)]
            for name, attribute in described.fattributes.items()
        }
    for include in (TaskInclude, HandlerTaskInclude):
        table[include.__name__] = sorted(include.VALID_INCLUDE_KEYWORDS)
    return table


def inheritance(attribute):
    if isinstance(attribute, NonInheritableFieldAttribute):
        return "OWN"
    return "MERGE" if attribute.extend else "NEAREST"


def cut(text, *, command):
    try:
        return parse_kv(text, check_raw=command)
    except Exception as error:  # noqa: BLE001  # whatever stock raises is its answer
        return type(error).__name__


if __name__ == "__main__":
    init_plugin_loader([])
    asked = json.load(sys.stdin)
    answers = {
        "books": {path: judged(Path(path)) for path in asked["books"]},
        "keywords": keyword_table(),
        "lines": [[cut(line, command=False), cut(line, command=True)] for line in asked["lines"]],
    }
    sys.stdout.write(json.dumps(answers))
