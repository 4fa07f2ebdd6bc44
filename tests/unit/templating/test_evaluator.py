"""What an evaluator gives, and what it keeps apart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from outlast.errors import EvaluationError, UndefinedVariable
from outlast.outcome import Deprecated, Warned
from outlast.templating import Evaluator
from outlast.values import OMIT, DictScope, Origin, Template


def t(text, line=1, column=1):
    return Template(text, Origin("play.yml", line, column))


@pytest.fixture
def notices():
    return []


@pytest.fixture
def evaluator(notices):
    return Evaluator(notices.append)


class Hosts(Mapping):
    """A `hostvars`: one scope for each host."""

    def __init__(self, **hosts):
        self._hosts = {name: DictScope(values) for name, values in hosts.items()}

    def __getitem__(self, name):
        return self._hosts[name]

    def __iter__(self):
        return iter(self._hosts)

    def __len__(self):
        return len(self._hosts)


# -- law 1 ---------------------------------------------------------------------------------


def test_data_is_never_evaluated_whatever_it_looks_like(evaluator):
    scope = DictScope({"said": "{{ secret }}", "secret": "s", "said_too": ["{% if %}", "{{"]})
    assert evaluator.render("{{ secret }}", scope) == "{{ secret }}"
    assert evaluator.render(t("{{ said }}"), scope) == "{{ secret }}"
    assert evaluator.render({"k": ["{{ x"]}, scope) == {"k": ["{{ x"]}
    assert evaluator.render(t("{{ said_too }}"), scope) == ["{% if %}", "{{"]
    assert evaluator.render(t("{{ said | upper }}"), scope) == "{{ SECRET }}"


def test_what_a_template_gives_is_data(evaluator):
    scope = DictScope({"a": t("{{ '{{ b }}' }}"), "b": "evaluated"})
    assert evaluator.render(t("{{ a }}"), scope) == "{{ b }}"


def test_a_condition_given_as_data_is_refused(evaluator):
    scope = DictScope({"stdout": "true or true"})
    with pytest.raises(EvaluationError, match="untrusted template or expression"):
        evaluator.holds(t("{{ stdout }}"), scope)


def test_text_from_a_file_may_serve_as_a_condition(evaluator):
    class Written(DictScope):
        def from_file(self, name):
            return name == "cond"

    assert evaluator.holds(t("{{ cond }}"), Written({"cond": "n > 3", "n": 4})) is True


def test_a_lookup_gives_data(evaluator, monkeypatch):
    monkeypatch.setenv("OUTLAST_SAID", "{{ a }}")
    assert evaluator.render(t("{{ lookup('env', 'OUTLAST_SAID') }}"), DictScope({"a": 1})) == (
        "{{ a }}"
    )


@pytest.mark.parametrize(
    "text",
    [
        "{{ l.raw }}",
        "{{ l['raw'] }}",
        "{{ l | attr('raw') }}",
        "{{ '{0.raw}'.format(l) }}",
        "{{ d.raw }}",
        "{{ d['_core'] }}",
        "{{ l._core }}",
        "{{ hostvars.h.scope }}",
        "{{ hostvars['h']['scope'] }}",
        "{{ hostvars.h | attr('scope') }}",
        "{{ hostvars._values }}",
        "{{ lookup.__globals__ }}",
        "{{ lookup.__closure__ }}",
        "{{ ''.__class__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% macro m() %}{% endmacro %}{{ m.__init__ }}",
        "{{ self._TemplateReference__context }}",
    ],
)
def test_a_template_cannot_see_what_it_runs_in(evaluator, text):
    scope = DictScope({"l": [t("{{ 1 }}")], "d": {"k": 1}, "hostvars": Hosts(h={"k": 1})})
    with pytest.raises(UndefinedVariable):
        evaluator.render(t(text), scope)


@pytest.mark.parametrize("name", ["error", "place", "failure", "trip", "raw", "scope", "items"])
def test_members_may_have_any_name(evaluator, name):
    hosts = Hosts(h={name: "v", "other": 1})
    scope = DictScope({"d": {"k": {name: "v"}}, "hostvars": hosts, "r": {}})
    ask = f"{{{{ nope.{name} | default('none') }}}} {{{{ r.x.{name}.y | default('none') }}}}"
    assert evaluator.render(t(ask), scope) == "none none"
    ask = f"{{{{ d.k['{name}'] }}}} {{{{ hostvars.h['{name}'] }}}} {{{{ hostvars['h'].other }}}}"
    assert evaluator.render(t(ask), scope) == "v v 1"
    if name != "items":
        assert evaluator.render(t(f"{{{{ hostvars.h.{name} ~ d.k.{name} }}}}"), scope) == "vv"


# -- scopes --------------------------------------------------------------------------------


def test_another_hosts_templates_see_that_hosts_variables(evaluator):
    hosts = Hosts(db={"name": "db", "url": t("http://{{ name }}")}, web={"name": "web"})
    scope = DictScope({"name": "web", "hostvars": hosts})
    assert evaluator.render(t("{{ hostvars['db'].url }}"), scope) == "http://db"
    assert evaluator.render(t("{{ hostvars.db['url'] }}"), scope) == "http://db"
    assert evaluator.render(t("{{ hostvars | dict2items | length }}"), scope) == 2
    assert evaluator.render(t("{{ hostvars.values() | map(attribute='name') }}"), scope) == [
        "db",
        "web",
    ]
    assert evaluator.render(t("{{ ['db'] | map('extract', hostvars, 'url') }}"), scope) == [
        "http://db"
    ]


def test_an_unknown_host_is_undefined_by_stocks_name(evaluator):
    scope = DictScope({"hostvars": Hosts(db={})})
    with pytest.raises(UndefinedVariable) as raised:
        evaluator.render(t("{{ hostvars['zz'] }}"), scope)
    assert raised.value.message == "hostvars['zz']"
    assert evaluator.render(t("{{ hostvars['zz'].x | default(3) }}"), scope) == 3
    with pytest.raises(UndefinedVariable) as raised:
        evaluator.render(t("{{ hostvars.db.nope }}"), scope)
    assert raised.value.message == "object of type 'HostVarsVars' has no attribute 'nope'"


def test_vars_holds_every_variable(evaluator):
    scope = DictScope({"a": t("{{ b }}"), "b": 2, "broken": t("{{ nope }}")})
    assert evaluator.render(t("{{ vars['a'] }}"), scope) == 2
    assert evaluator.render(t("{{ vars.keys() | sort }}"), scope) == ["a", "b", "broken"]


def test_only_the_members_that_are_asked_for_are_evaluated(evaluator):
    scope = DictScope({"d": {"good": t("{{ 1 }}"), "bad": t("{{ nope }}")}})
    assert evaluator.render(t("{{ d.good }}"), scope) == 1
    assert evaluator.render(t("{{ d | length }}"), scope) == 2
    with pytest.raises(UndefinedVariable):
        evaluator.render(t("{{ d }}"), scope)


def test_a_variable_is_kept_unless_it_may_change(evaluator):
    scope = DictScope(
        {
            "stable": t("{{ 1 + 1 }}"),
            "dice": t("{{ range(10**12) | random }}"),
            "twice": t("{{ dice }}"),
        }
    )
    for name in ("stable", "dice", "twice"):
        evaluator.render(t("{{ " + name + " }}"), scope)
    assert scope.memo == {"stable": 2}
    assert evaluator.render(t("{{ twice }}"), scope) != evaluator.render(t("{{ twice }}"), scope)


def test_a_template_cannot_change_a_variable(evaluator):
    values = {"l": [1, {"k": [2]}], "made": t("{{ [1] }}")}
    scope = DictScope(values)
    change = t("{% set _ = l.append(3) %}{% set _ = l[1].k.append(4) %}{{ l }}")
    assert evaluator.render(change, scope) == [1, {"k": [2, 4]}, 3]
    assert values["l"] == [1, {"k": [2]}]
    assert evaluator.render(t("{% set _ = made.append(2) %}{{ made }}"), scope) == [1, 2]
    assert evaluator.render(t("{{ l }}{{ made }}"), scope) == "[1, {'k': [2]}][1]"


def test_what_is_rendered_is_a_copy(evaluator):
    values = {"l": [{"a": 1}]}
    evaluator.render(t("{{ l }}"), DictScope(values))[0]["a"] = 2
    evaluator.render(values["l"], DictScope())[0]["a"] = 3
    assert values["l"] == [{"a": 1}]


def test_several_threads_may_evaluate_at_once(evaluator):
    def work(number):
        scope = DictScope({"a": t("{{ b }}"), "b": number, "bad": Template("{{ nope }}")})
        place = Origin("p", number)
        with pytest.raises(UndefinedVariable) as raised:
            evaluator.render(Template("{{ nope }}", place), scope)
        return evaluator.render(t("{{ a }}-{{ a }}"), scope), raised.value.origin == place

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(1, 200))) == [(f"{n}-{n}", True) for n in range(1, 200)]


def test_importing_the_room_is_cheap():
    code = (
        "import sys, outlast.templating as room; "
        "from outlast.values import *; "
        "e = room.Evaluator(); s = DictScope({'a': [{'n': 1}]}); "
        "e.render(Template(\"{{ a|selectattr('n','==',1)|to_json|b64encode|regex_replace('x') }}"
        "{{ lookup('env','HOME') }}{{ q('items', a) }}{{ {} is failed }}\"), s); "
        "print([m for m in sys.modules if m.split('.')[0] in ('ansible', 'asyncio')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"HOME": "/"}
    )
    assert done.stdout == "[]\n"


# -- arguments -----------------------------------------------------------------------------


def test_arguments_are_evaluated_and_omitted_ones_dropped(evaluator):
    args = {
        "a": t("{{ n }}"),
        "b": t("{{ omit }}"),
        "c": [t("{{ omit }}"), 1],
        "d": None,
        "e": OMIT,
    }
    assert evaluator.render_args(args, DictScope({"n": 5})) == {"a": 5, "c": [1], "d": None}


def test_an_argument_that_fails_is_named_with_its_place_and_its_causes(evaluator):
    scope = DictScope({"x": t("{{ nope }}", 4, 8)})
    with pytest.raises(UndefinedVariable) as raised:
        evaluator.render_args({"msg": t("{{ x }}", 12, 20)}, scope)
    assert [(cause.message, str(cause.origin)) for cause in raised.value.chain] == [
        ("Error while resolving value for 'msg'.", "play.yml:12:20"),
        ("'nope' is undefined", "play.yml:4:8"),
    ]
    assert str(raised.value) == "Error while resolving value for 'msg': 'nope' is undefined"


def test_a_plugins_failure_is_told_at_what_needed_it(evaluator):
    scope = DictScope({"j": t("{{ '{' | from_json }}", 5, 8)})
    with pytest.raises(EvaluationError) as raised:
        evaluator.render_args({"msg": t("{{ j }}", 15, 14)}, scope)
    assert [
        (cause.message, cause.origin and cause.origin.line) for cause in raised.value.chain
    ] == [
        ("Error while resolving value for 'msg'.", 15),
        ("The filter plugin 'ansible.builtin.from_json' failed.", 15),
        ("Expecting property name enclosed in double quotes: line 1 column 2 (char 1)", None),
    ]


def test_an_inner_syntax_error_is_told_where_it_stands(evaluator):
    scope = DictScope({"s": t("{{ a b }}", 6, 8)})
    with pytest.raises(EvaluationError) as raised:
        evaluator.render_args({"msg": t("{{ s }}", 22, 14)}, scope)
    assert [cause.origin and cause.origin.line for cause in raised.value.chain] == [22, 6, None]


def test_a_condition_that_is_undefined_says_where(evaluator):
    scope = DictScope({"y": t("{{ nope }}", 4, 8)})
    with pytest.raises(UndefinedVariable) as raised:
        evaluator.holds("y == 1", scope, Origin("play.yml", 33, 13))
    assert [(cause.message, str(cause.origin)) for cause in raised.value.chain] == [
        ("Error while evaluating conditional.", "play.yml:33:13"),
        ("'nope' is undefined", "play.yml:4:8"),
    ]


def test_a_condition_that_is_no_truth_value_says_so_at_its_place(evaluator):
    with pytest.raises(EvaluationError) as raised:
        evaluator.holds("1 + 1", DictScope(), Origin("play.yml", 39, 13))
    assert str(raised.value) == (
        "Conditional result (True) was derived from value of type 'int' at 'play.yml:39:13'. "
        "Conditionals must have a boolean result."
    )
    assert "ALLOW_BROKEN_CONDITIONALS" in raised.value.help_text


def test_what_is_undefined_can_be_shown_in_its_place(evaluator):
    scope = DictScope({"l": [1, t("{{ nope }}"), {"k": t("{{ gone.x }}")}]})
    assert evaluator.shown("l", scope) == (
        [1, "<< error 1 - 'nope' is undefined >>", {"k": "<< error 2 - 'gone' is undefined >>"}],
        (
            Warned("error 1 - 'nope' is undefined", Origin("play.yml", 1, 1)),
            Warned("error 2 - 'gone' is undefined", Origin("play.yml", 1, 1)),
        ),
    )
    with pytest.raises(EvaluationError):
        evaluator.shown("1 / 0", scope)


# -- notices -------------------------------------------------------------------------------


def test_asking_whether_an_ordinary_task_has_finished_warns(evaluator, notices):
    assert evaluator.holds("r is finished", DictScope({"r": {"rc": 0}}), None) is True
    assert notices == [
        Warned("The 'finished' test expects an async task, but a non-async task was tested")
    ]
    assert evaluator.holds("r is finished", DictScope({"r": {"finished": 0}}), None) is False
    assert len(notices) == 1


def test_braces_around_a_condition_are_deprecated(evaluator, notices):
    assert evaluator.holds(t("{{ true }}"), DictScope(), None) is True
    assert [type(notice) for notice in notices] == [Deprecated]
    assert notices[0].text.startswith("Conditionals should not be surrounded by templating")


def test_a_template_inside_a_constant_is_evaluated_with_a_warning(evaluator, notices):
    scope = DictScope({"a": "x"})
    assert evaluator.holds(t("'{{ a }}' == 'x'", 3, 4), scope, None) is True
    assert evaluator.render(t("{{ q('items', '{{ a }}') }}"), scope) == ["x"]
    assert evaluator.render(t("{{ '{{ a }}' }}"), scope) == "{{ a }}"
    assert [(type(n), n.origin.line, "`when:" in n.help_text) for n in notices] == [
        (Warned, 3, True),
        (Warned, 1, False),
    ]


def test_a_bool_of_nonsense_is_deprecated(evaluator, notices):
    assert evaluator.render(t("{{ 'maybe' | bool }}"), DictScope()) is False
    assert notices[0].text == "The `bool` filter coerced invalid value 'maybe' (str) to False."


def test_broken_conditions_can_be_allowed_and_are_told_then(notices):
    evaluator = Evaluator(notices.append, allow_broken_conditionals=True)
    scope = DictScope({"n": 5, "none": []})
    asked = ["n", "'no'", "none", "", None, 5, [], [1], t("{{ n }}"), t("{{ '' }}"), "n == 5"]
    answers = [evaluator.holds(condition, scope) for condition in asked]
    assert answers == [True, True, False, True, True, True, False, True, True, True, True]
    texts = [notice.text for notice in notices]
    assert texts.count("Empty conditional expression was evaluated as True.") == 3
    assert sum(text.startswith("Conditional result (") for text in texts) == 7
    with pytest.raises(UndefinedVariable):
        evaluator.holds("nope", scope)


def test_jinja_extensions_can_be_had():
    evaluator = Evaluator(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
    text = "{% for i in [1, 2] %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}"
    assert evaluator.render(t(text + "{% do [].append(1) %}"), DictScope()) == 1
    with pytest.raises(EvaluationError, match="unknown tag 'do'"):
        Evaluator().render(t("{% do 1 %}"), DictScope())


# -- files ---------------------------------------------------------------------------------


def test_a_file_can_include_import_and_extend_others(evaluator, tmp_path):
    (tmp_path / "part.j2").write_text("part {{ a }} {{ x }}\n")
    (tmp_path / "macros.j2").write_text(
        "{% macro m(v) %}<{{ v }}|{{ a | default('-') }}>{% endmacro %}"
    )
    (tmp_path / "outer.j2").write_text("[{% block b %}old{% endblock %}]")

    def render(text):
        return evaluator.render_file_text(
            text, DictScope({"a": t("{{ 1 }}")}), search_path=(str(tmp_path),)
        )

    assert render("{% set x = 2 %}{% include 'part.j2' %}!") == "part 1 2!"
    assert render("{% from 'macros.j2' import m %}{{ m(5) }}") == "<5|->"
    assert render("{% from 'macros.j2' import m with context %}{{ m(5) }}") == "<5|1>"
    assert render("{% import 'macros.j2' as k with context %}{{ k.m(a) }}") == "<1|1>"
    assert render("{% extends 'outer.j2' %}{% block b %}{{ a }}{{ super() }}{% endblock %}") == (
        "[1old]"
    )
    assert render("{% for i in [1, 2] %}{% set x = i %}{% include 'part.j2' %}{% endfor %}") == (
        "part 1 1part 1 2"
    )


def test_a_tasks_template_includes_from_the_playbooks_folder(tmp_path):
    (tmp_path / "part.j2").write_text("{{ a }}{{ 'x\\ty' }}")
    evaluator = Evaluator(folders=[str(tmp_path)])
    assert evaluator.render(t("{% include 'part.j2' %}"), DictScope({"a": 5})) == "5x\ty"


def test_a_files_options_and_its_header_set_the_delimiters(evaluator):
    scope = DictScope({"a": 1})
    text = "<< a >> {{ a }}\n"
    options = {"variable_start_string": "<<", "variable_end_string": ">>"}
    assert evaluator.render_file_text(text, scope, **options) == "1 {{ a }}\n"
    header = "#jinja2: variable_start_string: '[[', variable_end_string: ']]'\n"
    assert evaluator.render_file_text(header + "[[ a ]]<< a >>", scope, **options) == "1<< a >>"
    assert evaluator.render_file_text("{{ a }}\n\nb\n", scope, newline_sequence="\r\n") == (
        "1\r\n\r\nb\r\n"
    )


def test_a_failure_in_a_file_is_told_at_the_file(evaluator):
    with pytest.raises(UndefinedVariable) as raised:
        evaluator.render_file_text("{{ nope }}", DictScope(), origin=Origin("/t.j2", 1, 1))
    assert str(raised.value.origin) == "/t.j2:1:1"


# -- what may take its time ----------------------------------------------------------------


def test_an_engine_can_tell_which_templates_may_block(evaluator):
    scope = DictScope(
        {"slow": t("{{ lookup('pipe', 'sleep 1') }}"), "far": t("{{ slow }}"), "a": 1}
    )
    assert evaluator.may_block({"k": [t("{{ lookup ('env', 'X') }}")]})
    assert evaluator.may_block(t("{{ q('items', 1) }}"))
    assert evaluator.may_block(t("{%- include 'x' %}"))
    assert not evaluator.may_block(t("{{ slow }}"))
    assert evaluator.may_block(t("{{ far }}"), scope)
    assert not evaluator.may_block(t("{{ a }} looks up(1)"), scope)
    assert not evaluator.may_block("lookup('x')", scope)
