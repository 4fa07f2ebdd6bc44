"""The console prints what stock's default callback prints."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from outlast.errors import Cause
from outlast.events import (
    Complained,
    Event,
    FilesIncluded,
    HandlerNotified,
    HostStarted,
    HostTally,
    ItemEnded,
    JobEnded,
    JobPolled,
    JobSpoke,
    NoHostsLeft,
    NoHostsMatched,
    Noticed,
    PlaybookStarted,
    PlayStarted,
    Retrying,
    RunEnded,
    Said,
    TaskEnded,
    TaskLabel,
    TaskStarted,
)
from outlast.outcome import Deprecated, Failed, Ok, Skipped, Unreachable, Warned, censored
from outlast.output.console import Console
from outlast.output.screen import Screen
from outlast.settings import Settings
from outlast.values import Origin

TASK = TaskLabel(key=1, name="a task", action="command", origin=Origin("/p/site.yml", 6, 7))
PLAYBOOK = """- hosts: all
  gather_facts: false
  tasks:
    - name: undefined
      debug: {msg: "{{ nope.x }}"}
"""


@dataclass
class Shown:
    """A console whose streams can be read."""

    settings: Settings = field(default_factory=Settings)
    verbosity: int = 0
    check_mode: bool = False
    colour: bool = False

    def __post_init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        screen = Screen(self.out, self.err, colour=self.colour, columns=79)
        self.console = Console(
            screen, self.settings, verbosity=self.verbosity, check_mode=self.check_mode
        )

    def after(self, *events: Event) -> str:
        """Give what stdout shows after *events*."""
        for event in events:
            self.console.emit(event)
        return self.out.getvalue()


def ended(outcome, task=TASK, host="h1", **more):
    return TaskEnded(task=task, host=host, outcome=outcome, **more)


def item(outcome, label, task=TASK, host="h1", **more):
    return ItemEnded(task=task, host=host, outcome=outcome, label=label, **more)


def lines(text):
    """Give the lines after the task's banner."""
    return text.splitlines()[2:]


def test_banners_fill_seventy_nine_columns_and_a_blank():
    shown = Shown().after(PlayStarted("a play with a name"), TaskStarted(TASK))
    assert shown == (
        "\n"
        "PLAY [a play with a name] ******************************************************\n"
        "\n"
        "TASK [a task] ******************************************************************\n"
    )


def test_a_banner_counts_cells_and_keeps_three_stars():
    wide = Shown().after(PlayStarted("漢字"))
    assert wide.splitlines()[1] == "PLAY [漢字] " + "*" * (79 - 11)
    long = Shown().after(PlayStarted("x" * 90))
    assert long.endswith("x] ***\n")


def test_a_play_without_a_name_has_none():
    assert Shown().after(PlayStarted("")).startswith("\nPLAY ****")


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (Ok(), "ok: [h1]"),
        (Ok(changed=True), "changed: [h1]"),
        (Skipped(), "skipping: [h1]"),
        (Failed({"msg": "no"}), 'fatal: [h1]: FAILED! => {"changed": false, "msg": "no"}'),
        (
            Unreachable({"msg": "away"}),
            'fatal: [h1]: UNREACHABLE! => {"changed": false, "msg": "away", "unreachable": true}',
        ),
    ],
)
def test_each_ending_has_its_line(outcome, line):
    assert lines(Shown().after(ended(outcome))) == [line]


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (Ok(), "ok: [h1] => (item=x)"),
        (Ok(changed=True), "changed: [h1] => (item=x)"),
        (Skipped(), "skipping: [h1] => (item=x) "),
        (Failed({"rc": 1}), 'failed: [h1] (item=x) => {"changed": false, "rc": 1}'),
        (
            Unreachable({"msg": "away"}),
            'failed: [h1] (item=x) => {"changed": false, "msg": "away", "unreachable": true}',
        ),
    ],
)
def test_each_ending_of_an_item_has_its_line(outcome, line):
    assert lines(Shown().after(item(outcome, "x"))) == [line]


def test_a_loop_has_no_line_of_its_own_unless_everything_was_skipped():
    results = {"results": [{}], "msg": "All items completed"}
    assert lines(Shown().after(ended(Ok(results, changed=True), looped=True))) == []
    assert lines(Shown().after(ended(Failed(results), looped=True, ignored=True))) == [
        "...ignoring"
    ]
    skipped = Skipped({"results": [{}], "msg": "All items skipped"})
    assert lines(Shown(verbosity=1).after(ended(skipped, looped=True))) == [
        'skipping: [h1] => {"changed": false, "msg": "All items skipped"}'
    ]


def test_a_failed_loop_of_debug_shows_its_sum_as_stock_does():
    task = replace(TASK, action="debug")
    sum_ = Failed({"msg": "One or more items failed", "results": [{}]})
    assert lines(Shown().after(ended(sum_, task, looped=True))) == [
        'fatal: [h1]: FAILED! => {"msg": "One or more items failed"}'
    ]


def test_labels_are_shown_as_python_writes_them():
    assert lines(Shown().after(item(Ok(), {"a": 2}))) == ["ok: [h1] => (item={'a': 2})"]
    assert lines(Shown().after(item(Ok(), None))) == ["ok: [h1] => (item=None)"]


def test_nothing_is_shown_under_no_log():
    secret = Ok({"stdout": "s3cret", "attempts": 2}, changed=True)
    task = replace(TASK, no_log=True)
    shown = Shown(verbosity=1).after(item(censored(secret), "s3cret", task))
    assert lines(shown) == [
        "changed: [h1] => (item=(censored due to no_log)) => "
        '{"attempts": 2, "censored": "the output has been hidden due to the fact that '
        '\'no_log: true\' was specified for this result", "changed": true}'
    ]


def test_verbose_shows_results_sorted_without_what_is_internal():
    payload = {
        "rc": 0,
        "invocation": {},
        "diff": {},
        "warnings": ["w"],
        "exception": "(traceback unavailable)",
        "deep": {"_ansible_no_log": False, "z": "ü", "a": 1},
    }
    shown = Shown(verbosity=1).after(ended(Ok(payload)))
    assert lines(shown) == ['ok: [h1] => {"changed": false, "deep": {"a": 1, "z": "ü"}, "rc": 0}']


def test_three_vs_show_the_invocation_at_length():
    shown = Shown(verbosity=3).after(ended(Ok({"invocation": {"module_args": {}}})))
    assert shown.endswith(
        "task path: /p/site.yml:6\n"
        "ok: [h1] => {\n"
        '    "changed": false,\n'
        '    "invocation": {\n'
        '        "module_args": {}\n'
        "    }\n"
        "}\n"
    )


def test_debug_always_speaks_and_says_only_what_it_was_asked():
    task = replace(TASK, action="debug")
    said = Ok({"msg": {"a": 2}, "item": 1})
    assert lines(Shown().after(ended(said, task))) == [
        "ok: [h1] => {",
        '    "msg": {',
        '        "a": 2',
        "    }",
        "}",
    ]
    variable = Ok({"x": 1, "ansible_loop_var": "item", "item": 1})
    assert lines(Shown().after(item(variable, 1, task))) == [
        "ok: [h1] => (item=1) => {",
        '    "item": 1,',
        '    "x": 1',
        "}",
    ]


def test_a_debug_that_could_not_be_evaluated_is_one_line():
    task = replace(TASK, action="ansible.builtin.debug")
    shown = Shown().after(ended(Failed({"msg": "undefined"}), task))
    assert lines(shown) == ['fatal: [h1]: FAILED! => {"msg": "undefined"}']


def test_an_action_decides_whether_its_result_is_shown():
    loud = Ok({"msg": "All assertions passed"})
    assert len(lines(Shown().after(ended(loud, shown="always")))) == 4
    assert lines(Shown(verbosity=1).after(ended(Ok({"ansible_facts": {}}), shown="never"))) == [
        "ok: [h1]"
    ]
    facts = replace(TASK, action="gather_facts")
    assert lines(Shown(verbosity=1).after(ended(Ok({"ansible_facts": {}}), facts))) == ["ok: [h1]"]


def test_a_delegate_is_shown_with_its_address_when_that_says_more():
    def label(**more):
        return lines(Shown().after(ended(Ok(), **more)))[0]

    assert label(delegate="h2") == "ok: [h1 -> h2]"
    assert label(delegate="h1") == "ok: [h1]"
    assert label(delegate="h2", delegate_address="h2") == "ok: [h1 -> h2]"
    assert label(delegate="h2", delegate_address="10.0.0.1") == "ok: [h1 -> h2(10.0.0.1)]"


def test_what_a_job_says_is_shown_with_its_host_and_task():
    shown = Shown().after(JobSpoke(task=TASK, host="h1", lines=("one", "", "two")))
    name = TASK.own_name or TASK.name
    assert shown == f"h1 | {name} | one\nh1 | {name} |\nh1 | {name} | two\n"


def test_background_jobs_are_reported_as_they_go():
    shown = Shown().after(
        JobPolled(task=TASK, host="h1", jid="j1.2"),
        JobEnded(task=TASK, host="h1", jid="j1.2", failed=False),
        JobEnded(task=TASK, host="h1", jid=None, failed=True),
    )
    assert shown == (
        "ASYNC POLL on h1: jid=j1.2 started=True finished=False\n"
        "ASYNC OK on h1: jid=j1.2\n"
        "ASYNC FAILED on h1: jid=None\n"
    )


def test_a_retry_names_the_task_without_its_role():
    task = replace(TASK, name="web : wait", own_name="wait")
    event = Retrying(task=task, host="h1", retries_left=9, outcome=Failed({"attempts": 1}))
    assert Shown().after(event) == "FAILED - RETRYING: [h1]: wait (9 retries left).\n"
    assert Shown(verbosity=3).after(event) == (
        "FAILED - RETRYING: [h1]: wait (9 retries left).Result was: {\n"
        '    "attempts": 1,\n'
        '    "changed": false,\n'
        '    "retries": 10\n'
        "}\n"
    )


def test_a_retry_of_debug_shows_its_result_always():
    task = replace(TASK, action="debug")
    event = Retrying(task=task, host="h1", retries_left=1, outcome=Ok({"msg": "x"}), attempt=2)
    assert Shown().after(event) == (
        "FAILED - RETRYING: [h1]: a task (1 retries left).Result was: {\n"
        '    "changed": false,\n'
        '    "msg": "x",\n'
        '    "retries": 3\n'
        "}\n"
    )


def test_where_hosts_go_their_own_way_the_banner_comes_again_with_each_change():
    other = replace(TASK, key=2, name="other")
    shown = Shown().after(
        ended(Ok()), ended(Ok(), host="h2"), ended(Ok(), other), ended(Ok(), host="h3")
    )
    assert [line.split(" *")[0] for line in shown.splitlines() if line] == [
        "TASK [a task]",
        "ok: [h1]",
        "ok: [h2]",
        "TASK [other]",
        "ok: [h1]",
        "TASK [a task]",
        "ok: [h3]",
    ]


def test_the_banner_of_a_task_comes_with_each_batch():
    assert Shown().after(TaskStarted(TASK), TaskStarted(TASK)).count("TASK [a task]") == 2


def test_hidden_results_hide_their_banners():
    settings = Settings(display_ok_hosts=False, display_skipped_hosts=False)
    shown = Shown(settings).after(TaskStarted(TASK), ended(Ok()), ended(Skipped()))
    assert shown == ""
    handler = replace(TASK, handler=True)
    shown = Shown(settings).after(TaskStarted(handler), ended(Ok(changed=True), handler))
    assert shown.splitlines()[1].startswith("RUNNING HANDLER [a task] ***")


def test_failures_go_to_stderr_when_that_is_wanted():
    shown = Shown(Settings(display_failed_stderr=True))
    why = (Cause("Task failed."), Cause("Action failed."), Cause("boom"))
    assert lines(shown.after(ended(Failed({}, why), ignored=True))) == ["...ignoring"]
    assert shown.err.getvalue() == (
        '[ERROR]: Task failed: Action failed: boom\nfatal: [h1]: FAILED! => {"changed": false}\n'
    )


def test_an_included_task_shows_nothing_but_its_file():
    task = replace(TASK, name="include_tasks", action="include_tasks")
    shown = Shown().after(
        TaskStarted(task),
        ended(Ok(), task),
        item(Ok(), 1, task),
        FilesIncluded("/p/inc.yml", ("h1", "h2"), 1),
        FilesIncluded("/p/inc.yml", ("h1",)),
    )
    assert lines(shown) == [
        "included: /p/inc.yml for h1, h2 => (item=1)",
        "included: /p/inc.yml for h1",
    ]


def test_what_an_action_says_meanwhile_is_a_plain_line():
    assert Shown(colour=True).after(Said("Pausing for 3 seconds")) == "Pausing for 3 seconds\n"


def test_handlers_are_announced_at_two_vs():
    events = (HandlerNotified("h1", "hnd"), HandlerNotified("h1", "hnd", due=True))
    assert Shown(verbosity=1).after(*events) == ""
    assert Shown(verbosity=2).after(*events) == (
        "Notification for handler hnd has been saved.\nNOTIFIED HANDLER hnd for h1\n"
    )


def test_plays_without_hosts_say_so():
    shown = Shown().after(NoHostsMatched(), NoHostsLeft())
    assert shown.startswith("skipping: no hosts matched\n\nNO MORE HOSTS LEFT ***")


def test_the_recap_counts_each_host():
    tallies = {"h2": HostTally(ok=8, changed=4, skipped=1, ignored=2), "h1": HostTally(ok=13)}
    assert Shown().after(RunEnded(tallies)) == (
        "\n"
        "PLAY RECAP *********************************************************************\n"
        "h1                         : ok=13   changed=0    unreachable=0    failed=0    "
        "skipped=0    rescued=0    ignored=0   \n"
        "h2                         : ok=8    changed=4    unreachable=0    failed=0    "
        "skipped=1    rescued=0    ignored=2   \n"
        "\n"
    )


def test_the_recap_says_where_failed_hosts_were_written():
    shown = Shown().after(RunEnded({}, retry_file="/p/site.retry"))
    assert shown.startswith("\tto retry, use: --limit @/p/site.retry\n\nPLAY RECAP")


def test_custom_stats_and_dry_runs_are_shown_on_request():
    settings = Settings(show_custom_stats=True, check_mode_markers=True)
    stats = {"_run": {"n": 2}, "h1": {"b": [1, 2], "a": "x"}}
    shown = Shown(settings, check_mode=True).after(
        PlaybookStarted("site.yml"), PlayStarted("p", check_mode=True), RunEnded({}, stats)
    )
    head, _, tail = shown.partition("PLAY RECAP")
    assert [line.split(" *")[0] for line in head.splitlines() if line] == [
        "DRY RUN",
        "PLAY [p] [CHECK MODE]",
    ]
    assert tail.partition("\n\n\nCUSTOM STATS: ")[2].partition("\n")[2] == (
        '\th1: { "a": "x", "b": [  1,  2 ]}\n'
        "\n"
        '\tRUN: { "n": 2}\n'
        "\n"
        "\n"
        "DRY RUN ************************************************************************\n"
    )


def test_hosts_that_begin_are_shown_on_request():
    event = HostStarted(TASK, "h1")
    assert Shown().after(event) == ""
    shown = Shown(Settings(show_per_host_start=True)).after(event)
    assert shown == " [started TASK: a task on h1]\n"


def test_a_chain_of_causes_quotes_every_place(tmp_path):
    playbook = tmp_path / "p.yml"
    playbook.write_text(PLAYBOOK)
    path = str(playbook)
    why = (
        Cause("Task failed.", Origin(path, 4, 7)),
        Cause("Finalization of task args for 'ansible.builtin.debug' failed.", Origin(path, 5, 7)),
        Cause("Error while resolving value for 'msg'.", Origin(path, 5, 20)),
        Cause("'nope' is undefined", Origin(path, 5, 20)),
    )
    shown = Shown()
    text = shown.after(ended(Failed({"msg": "x"}, why)), ended(Failed({"msg": "x"}, why)))
    assert text.partition("\n\n")[0]
    assert "\n".join(lines(text)) == (
        "[ERROR]: Task failed: Finalization of task args for 'ansible.builtin.debug' failed: "
        "Error while resolving value for 'msg': 'nope' is undefined\n"
        "\n"
        "Task failed.\n"
        f"Origin: {path}:4:7\n"
        "\n"
        "2   gather_facts: false\n"
        "3   tasks:\n"
        "4     - name: undefined\n"
        "        ^ column 7\n"
        "\n"
        "<<< caused by >>>\n"
        "\n"
        "Finalization of task args for 'ansible.builtin.debug' failed.\n"
        f"Origin: {path}:5:7\n"
        "\n"
        "3   tasks:\n"
        "4     - name: undefined\n"
        '5       debug: {msg: "{{ nope.x }}"}\n'
        "        ^ column 7\n"
        "\n"
        "<<< caused by >>>\n"
        "\n"
        "Error while resolving value for 'msg': 'nope' is undefined\n"
        f"Origin: {path}:5:20\n"
        "\n"
        "3   tasks:\n"
        "4     - name: undefined\n"
        '5       debug: {msg: "{{ nope.x }}"}\n'
        "                     ^ column 20\n"
        "\n"
        'fatal: [h1]: FAILED! => {"changed": false, "msg": "x"}\n'
        'fatal: [h1]: FAILED! => {"changed": false, "msg": "x"}'
    )


def test_causes_of_one_place_are_one_sentence_and_one_block(tmp_path):
    playbook = tmp_path / "p.yml"
    playbook.write_text(PLAYBOOK)
    why = (
        Cause("Task failed.", Origin(str(playbook), 4, 7)),
        Cause("Module failed."),
        Cause("non-zero return code"),
    )
    text = Shown().after(ended(Failed({}, why)))
    assert lines(text)[:3] == [
        "[ERROR]: Task failed: Module failed: non-zero return code",
        f"Origin: {playbook}:4:7",
        "",
    ]
    assert "caused by" not in text


def test_warnings_go_to_stderr_once():
    shown = Shown()
    notices = (Warned("careful"), Deprecated("old thing", "This feature will be removed"))
    text = shown.after(ended(Ok(notices=notices)), ended(Ok(notices=notices)))
    assert lines(text) == ["ok: [h1]", "ok: [h1]"]
    assert shown.err.getvalue() == (
        "[WARNING]: careful\n"
        "[WARNING]: Deprecation warnings can be disabled by setting "
        "`deprecation_warnings=False` in ansible.cfg.\n"
        "[DEPRECATION WARNING]: old thing. This feature will be removed.\n"
    )


def test_deprecations_can_be_hidden():
    shown = Shown(Settings(deprecation_warnings=False))
    shown.after(Noticed(Deprecated("old")), Noticed(Warned("w", help_text="Do this.")))
    assert shown.err.getvalue() == "[WARNING]: w Do this.\n"


def test_an_error_outside_tasks_goes_to_stderr_with_its_help():
    shown = Shown()
    assert shown.after(Complained((Cause("no hosts"),), "Name some.")) == ""
    assert shown.err.getvalue() == "[ERROR]: no hosts Name some.\n"


def test_colours_wrap_each_line_by_itself():
    task = replace(TASK, action="debug")
    shown = Shown(colour=True).after(ended(Ok({"msg": 1}), task), ended(Skipped()))
    assert lines(shown) == [
        "\033[0;32mok: [h1] => {\033[0m",
        '\033[0;32m    "msg": 1\033[0m',
        "\033[0;32m}\033[0m",
        "\033[0;36mskipping: [h1]\033[0m",
    ]


def test_the_recap_colours_what_is_not_zero():
    shown = Shown(colour=True).after(RunEnded({"h1": HostTally(ok=2, ignored=1)}))
    assert lines(shown)[0] == (
        "\033[0;32mh1\033[0m" + " " * 24 + " : \033[0;32mok=2   \033[0m changed=0    "
        "unreachable=0    failed=0    skipped=0    rescued=0    \033[1;35mignored=1   \033[0m"
    )


def test_the_introduction_names_the_configuration():
    told = (Warned("public folder"), Deprecated("an option", "It goes."))
    shown = Shown(Settings(ignored=("[defaults] log_path",), notices=told), 1)
    shown.console.introduce(["a version"])
    assert shown.out.getvalue() == "No config file found; using defaults\n"
    assert shown.err.getvalue() == (
        "[WARNING]: public folder\n"
        "[WARNING]: Deprecation warnings can be disabled by setting `deprecation_warnings=False`"
        " in ansible.cfg.\n"
        "[DEPRECATION WARNING]: an option. It goes.\n"
        "[WARNING]: These settings are not supported yet and do nothing: [defaults] log_path\n"
    )
    shown = Shown(Settings(config_file="/x.cfg"), 2)
    shown.console.introduce(["a version", "  more"])
    assert shown.out.getvalue() == "a version\n  more\nUsing /x.cfg as config file\n"


def test_two_vs_name_the_playbook():
    shown = Shown(verbosity=2).after(PlaybookStarted("dir/site.yml", 2))
    assert shown.startswith("\nPLAYBOOK: site.yml ****")
    assert shown.endswith("*\n2 plays in dir/site.yml\n")


def test_the_path_of_a_failed_task_is_shown_on_request():
    shown = Shown(Settings(show_task_path_on_failure=True)).after(ended(Failed({})))
    assert lines(shown)[0] == "task path: /p/site.yml:6"


def test_text_that_is_not_utf8_is_replaced_and_told():
    raw_out, raw_err = io.BytesIO(), io.BytesIO()
    screen = Screen(
        io.TextIOWrapper(raw_out, "utf-8"),
        io.TextIOWrapper(raw_err, "utf-8"),
        colour=False,
        columns=79,
    )
    Console(screen, Settings(), verbosity=1).emit(ended(Ok({"stdout": "a\udcffb"})))
    assert b'"stdout": "a?b"' in raw_out.getvalue()
    assert raw_err.getvalue().startswith(b"[WARNING]: Non UTF-8 encoded data replaced")


def test_a_reader_who_leaves_does_not_end_the_run():
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    console = Console(Screen(Closed(), io.StringIO(), colour=False, columns=79), Settings())
    console.emit(ended(Ok()))
    console.emit(ended(Ok()))


def test_yaml_is_readable_before_it_is_exact():
    shown = Shown(Settings(callback_result_format="yaml"), verbosity=1)
    payload = {
        "cmd": ["true"],
        "delta": "0:00:00.005301",
        "stderr": "",
        "stderr_lines": [],
        "stdout": "a\tb \nc\n",
        "stdout_lines": ["a\tb", "c"],
        "nested": {"n": 1},
    }
    assert lines(shown.after(ended(Ok(payload, changed=True)))) == [
        "changed: [h1] => ",
        "    changed: true",
        "    cmd:",
        "    - 'true'",
        "    delta: '0:00:00.005301'",
        "    nested:",
        "        n: 1",
        "    stderr: ''",
        "    stderr_lines: <omitted>",
        "    stdout: |-",
        "        a       b",
        "        c",
        "    stdout_lines: <omitted>",
    ]


def test_differences_come_before_the_line_and_only_when_asked_for():
    diff = {"before": "", "after": "a\nb", "after_header": "/tmp/x"}
    changed = Ok({"diff": diff}, changed=True)
    asked = replace(TASK, diff=True)
    assert lines(Shown().after(ended(changed))) == ["changed: [h1]"]
    assert lines(Shown().after(ended(Ok({"diff": diff}), asked))) == ["ok: [h1]"]
    assert lines(Shown().after(ended(changed, asked))) == [
        "--- before",
        "+++ after: /tmp/x",
        "@@ -0,0 +1,2 @@",
        "+a",
        "+b",
        "\\ No newline at end of file",
        "",
        "changed: [h1]",
    ]
