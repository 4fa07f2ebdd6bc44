"""What the documents name exists: paths, dotted names, links between pages."""

from __future__ import annotations

import importlib
import re
import runpy
import tomllib
from pathlib import Path

import pytest

from outlast.actions import registry
from outlast.cli import options
from outlast.engine import meta
from outlast.playbook import calls, keywords

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PLACES = [ROOT, ROOT / "src", ROOT / "src/outlast", ROOT / "src/outlast_agent"]
"""Where a path may start: a room's page would be dull if every path began with src/outlast/."""

TRUE_TO_THE_CODE = ["ARCHITECTURE.md", "CONTRIBUTING.md"]

CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"\.?[\w-]+(/[\w.-]+)*(/|\.(py|md|yml|ini|toml))")
NAME = re.compile(r"outlast(_agent)?(\.\w+)+")
LINK = re.compile(r"\]\((?!https?://)([^)#\s]+)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def code_spans(page: Path, form: re.Pattern[str]) -> list[str]:
    text = FENCE.sub("", page.read_text())
    return sorted({span for span in CODE.findall(text) if form.fullmatch(span)})


def exists(dotted: str) -> bool:
    """Import as much of *dotted* as is a module, and look the rest up in it."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        name = ".".join(parts[:cut])
        try:
            found: object = importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name is None or not name.startswith(missing.name):
                raise
            continue
        for attribute in parts[cut:]:
            # A dataclass's field has no value on its class, but an annotation.
            if not hasattr(found, attribute):
                return attribute in getattr(found, "__annotations__", {})
            found = getattr(found, attribute)
        return True
    return False


@pytest.mark.parametrize("page", TRUE_TO_THE_CODE)
def test_the_paths_on_a_page_exist(page):
    paths = code_spans(ROOT / page, PATH)
    assert not [path for path in paths if not any((place / path).exists() for place in PLACES)]


@pytest.mark.parametrize("page", TRUE_TO_THE_CODE)
def test_the_names_on_a_page_exist(page):
    assert not [name for name in code_spans(ROOT / page, NAME) if not exists(name)]


def test_the_architecture_names_enough_to_be_checked():
    architecture = ROOT / "ARCHITECTURE.md"
    assert len(code_spans(architecture, PATH)) > 10
    assert len(code_spans(architecture, NAME)) > 10


def test_the_look_for_names_can_fail():
    assert exists("outlast.values.Template.text")
    assert not exists("outlast.values.NoSuchThing")
    assert not exists("outlast.no_such_module")
    assert not exists("outlast.values.Template.no_such_field")


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_between_pages_lead_somewhere(page):
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not broken


def test_every_room_is_in_the_architecture():
    rooms = {
        path.name for path in (ROOT / "src/outlast").iterdir() if (path / "__init__.py").exists()
    }
    named = {span.rstrip("/") for span in code_spans(ROOT / "ARCHITECTURE.md", PATH)}
    assert rooms <= named


def listed(part: str, row: str) -> set[str]:
    """Give the names that a part of the compatibility page has in one row of its table."""
    page = (ROOT / "docs/compatibility.md").read_text()
    text = page.partition(f"\n## {part}\n")[2].partition("\n## ")[0]
    [line] = re.findall(rf"^\| {row} \| (.*) \|$", text, re.MULTILINE)
    return set(CODE.findall(line))


def test_the_keywords_that_are_refused_are_listed():
    assert listed("Refused", "keywords") == {
        name for name, row in keywords.KEYWORDS.items() if not row.built
    }


def test_the_page_of_keywords_is_made_from_the_table():
    made = runpy.run_path(str(ROOT / "scripts/keywords"))["page"]()
    assert (ROOT / "docs/keywords.md").read_text() == made, "`make keywords` writes it anew"


def test_no_action_is_refused_but_those_that_are_the_engines_own():
    assert registry._NOT_BUILT <= calls._STATEMENTS


def test_the_actions_that_run_are_listed():
    assert listed("Runs", "actions") == registry._ALONE.keys() | registry._ON_HOST


def test_the_meta_tasks_that_run_are_listed():
    assert listed("Runs", "meta") == set(meta.Meta)


def test_the_flags_that_are_refused_are_listed():
    spellings = ", ".join(options._NOT_BUILT.values()).split(", ")
    assert listed("Refused", "flags") == set(spellings)


def test_every_dependency_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[<>=~! ]", entry)[0] for entry in project["dependencies"]}
    table = (ROOT / "docs/decisions/0004-few-dependencies.md").read_text()
    cells = re.findall(r"^\| ([\w, -]+) \|", table, re.MULTILINE)
    explained = {name for cell in cells for name in cell.split(", ")}
    assert explained - {"package", "---"} == needed
