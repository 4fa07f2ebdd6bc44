"""Asks stock's templating every question in cases.yml and writes its answers beside them.

Run it after adding a question (a case with `template`, `expression`, `condition` or `file`):

    python tests/unit/templating/pin_from_stock.py

The answers are what stock says, but for its own names of builtin types, and for where in
Python a loop overflows.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import yaml
from ansible._internal._errors._error_utils import format_exception_message
from ansible._internal._templating._engine import TemplateEngine, TemplateOptions
from ansible.errors import AnsibleUndefinedVariable, AnsibleValueOmittedError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import trust_as_template

CASES = Path(__file__).with_name("cases.yml")
OURS = {
    "ansible._internal._templating._lazy_containers.": "",
    "_AnsibleTaggedStr": "str",
    "_AnsibleLazyTemplateDict": "dict",
    "_AnsibleLazyTemplateList": "list",
    "_AnsibleTaggedInt": "int",
    "_jinja_plugins.": "",
}
HEAD = "# Questions and stock's answers; written by pin_from_stock.py, which says how to add one.\n"


def trusted(value):
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {key: trusted(member) for key, member in value.items()}
    if isinstance(value, list):
        return [trusted(member) for member in value]
    return value


def ask(case, variables):
    engine = TemplateEngine(
        loader=DataLoader(), variables=trusted(variables | case.get("vars", {}))
    )
    if "template" in case:
        return engine.template(trusted(case["template"]))
    if "expression" in case:
        return engine.evaluate_expression(trusted(case["expression"]))
    if "condition" in case:
        return engine.evaluate_conditional(trusted(case["condition"]))
    options = TemplateOptions(escape_backslashes=False)
    return engine.template(trusted(case["file"]), options=options)


def answered(case, variables):
    case = {key: case[key] for key in case if key not in ("gives", "fails", "undefined", "omits")}
    try:
        answer = ask(case, variables)
    except AnsibleValueOmittedError as error:
        told = {"fails": str(error)} if "condition" in case else {"omits": True}
        return case | told
    except Exception as error:  # noqa: BLE001  # an error is an answer
        message = format_exception_message(error)
        for theirs, ours in OURS.items():
            message = message.replace(theirs, ours)
        message = re.sub("(?<=recursion depth exceeded).*", "", message)
        undefined = {"undefined": True} if isinstance(error, AnsibleUndefinedVariable) else {}
        return case | {"fails": message} | undefined
    return case | {"gives": yaml.safe_load(yaml.safe_dump(plain(answer)))}


def plain(value):
    if isinstance(value, dict):
        return {plain(key): plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    if value is None or type(value) is bool:
        return value
    return next((kind(value) for kind in (int, float, str) if isinstance(value, kind)), value)


def main():
    init_plugin_loader()
    content = yaml.safe_load(CASES.read_text())
    lines = [HEAD, yaml.safe_dump({"variables": content["variables"]}, sort_keys=False), "cases:\n"]
    for case in content["cases"]:
        line = yaml.safe_dump(
            answered(case, content["variables"]),
            sort_keys=False,
            default_flow_style=True,
            width=10_000,
            allow_unicode=True,
        )
        lines.append(f"- {line}")
    CASES.write_text("".join(lines))


if __name__ == "__main__":
    sys.exit(main())
