"""The familiar text: what stock's default callback prints, for our events.

Knows which event gives which lines, in which order and colour, and which of them settings
and verbosity hide. Leaves the text of results to `results`, of errors to `explain`, of
differences to `diffs`, and where it all goes to `screen`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Final, assert_never

from outlast.errors import Cause
from outlast.events import (
    Complained,
    Event,
    FilesIncluded,
    HandlerNotified,
    HostStarted,
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
from outlast.outcome import Failed, Notice, Ok, Outcome, Shown, Skipped, Unreachable, Warned
from outlast.output import screen as to
from outlast.output.diffs import difference
from outlast.output.explain import deprecation, explanation, warning
from outlast.output.recap import show_custom_stats, show_recap
from outlast.output.results import dumped, failed_items, is_debug, seen
from outlast.output.screen import Screen
from outlast.settings import Settings

_DEPRECATIONS_CAN_BE_HIDDEN: Final = (
    "Deprecation warnings can be disabled by setting `deprecation_warnings=False` in ansible.cfg."
)
_INCLUDES: Final = frozenset(
    f"{prefix}include_{what}"
    for prefix in ("", "ansible.builtin.", "ansible.legacy.")
    for what in ("tasks", "role")
)
_FACTS: Final = frozenset(
    f"{prefix}{name}"
    for prefix in ("", "ansible.builtin.", "ansible.legacy.")
    for name in ("setup", "gather_facts")
)
_CENSORED_LABEL: Final = "(censored due to no_log)"


class Console:
    """Prints a run for a person; owns what was printed last and nothing else."""

    def __init__(
        self, screen: Screen, settings: Settings, *, verbosity: int = 0, check_mode: bool = False
    ) -> None:
        self._screen = screen
        self._settings = settings
        self._verbosity = verbosity
        self._check_mode = check_mode
        self._banner_of: int | None = None

    def introduce(self, version: Sequence[str] = ()) -> None:
        """Say what stock says before anything else: the version (-vv), the configuration (-v).

        Also what was configured in vain.
        """
        if self._verbosity > 1:
            self._verbose("\n".join(version))
        if self._verbosity > 0:
            file = self._settings.config_file
            using = f"Using {file} as config file"
            self._verbose("No config file found; using defaults" if file is None else using)
        for notice in self._settings.notices:
            self._notice(notice)
        if self._settings.ignored:
            names = ", ".join(self._settings.ignored)
            self._notice(Warned(f"These settings are not supported yet and do nothing: {names}"))
        self._screen.show()

    def emit(self, event: Event) -> None:
        """Print *event*; what one event prints appears at once."""
        match event:
            case ItemEnded() | TaskEnded():
                self._ended(event)
            case TaskStarted():
                self._task_started(event.task)
            case HostStarted() | Retrying() | JobPolled() | JobSpoke() | JobEnded():
                self._under_way(event)
            case PlaybookStarted() | PlayStarted() | NoHostsMatched() | NoHostsLeft() | RunEnded():
                self._stage(event)
            case HandlerNotified() | FilesIncluded() | Said():
                self._aside(event)
            case Noticed():
                self._notice(event.notice)
            case Complained():
                stderr = not event.with_results or self._settings.display_failed_stderr
                self._error(event.why, event.help_text, stderr=stderr)
            case _:
                assert_never(event)
        self._screen.show()

    # -- the run and its plays ---------------------------------------------------------------

    def _stage(
        self, event: PlaybookStarted | PlayStarted | NoHostsMatched | NoHostsLeft | RunEnded
    ) -> None:
        match event:
            case PlaybookStarted():
                self._playbook_started(event)
            case PlayStarted():
                name = event.name.strip()
                self._screen.banner(
                    f"PLAY{f' [{name}]' if name else ''}{self._marker(event.check_mode)}"
                )
            case NoHostsMatched():
                self._screen.say("skipping: no hosts matched", to.SKIPPED)
            case NoHostsLeft():
                self._screen.banner("NO MORE HOSTS LEFT")
            case RunEnded():
                self._run_ended(event)
            case _:
                assert_never(event)

    def _playbook_started(self, event: PlaybookStarted) -> None:
        if self._verbosity > 1:
            self._screen.banner(f"PLAYBOOK: {PurePath(event.path).name}")
        self._dry_run()
        if self._verbosity > 1:
            self._verbose(f"{event.plays} plays in {event.path}")

    def _run_ended(self, event: RunEnded) -> None:
        show_recap(self._screen, event)
        if event.custom_stats and self._settings.show_custom_stats:
            show_custom_stats(self._screen, event.custom_stats, form=self._form)
        self._dry_run()

    def _dry_run(self) -> None:
        if self._marker(self._check_mode):
            self._screen.banner("DRY RUN")

    def _marker(self, check_mode: bool) -> str:  # noqa: FBT001  # the one thing it is about
        return " [CHECK MODE]" if check_mode and self._settings.check_mode_markers else ""

    # -- tasks: beginning and going on -------------------------------------------------------

    def _task_started(self, task: TaskLabel) -> None:
        # Who hides results hides the banners of tasks that have nothing else to show:
        # theirs comes with the first result that is shown.
        if self._settings.display_ok_hosts and self._settings.display_skipped_hosts:
            self._banner(task)

    def _need_banner(self, task: TaskLabel) -> None:
        if self._banner_of != task.key:
            self._banner(task)

    def _banner(self, task: TaskLabel) -> None:
        self._banner_of = task.key
        kind = "RUNNING HANDLER" if task.handler else "TASK"
        self._screen.banner(f"{kind} [{task.name.strip()}]{self._marker(task.check_mode)}")
        if self._verbosity > 1:
            self._task_path(task)

    def _task_path(self, task: TaskLabel) -> None:
        if task.origin is not None:
            self._screen.say(f"task path: {task.origin.path}:{task.origin.line}", to.DEBUG)

    def _under_way(self, event: HostStarted | Retrying | JobPolled | JobSpoke | JobEnded) -> None:
        match event:
            case HostStarted(task=task):
                if self._settings.show_per_host_start:
                    kind = "HANDLER" if task.handler else "TASK"
                    self._screen.say(f" [started {kind}: {task.name} on {event.host}]", to.OK)
            case Retrying():
                self._retrying(event)
            case JobPolled():
                text = f"ASYNC POLL on {event.host}: jid={event.jid} started=True finished=False"
                self._screen.say(text, to.DEBUG)
            case JobSpoke():
                prefix = f"{event.host} | {event.task.own_name or event.task.name} |"
                self._screen.say("\n".join(f"{prefix} {line}".rstrip() for line in event.lines))
            case JobEnded():
                word = "FAILED" if event.failed else "OK"
                self._screen.say(f"ASYNC {word} on {event.host}: jid={event.jid}", to.DEBUG)
            case _:
                assert_never(event)

    def _retrying(self, event: Retrying) -> None:
        name = event.task.own_name or event.task.name
        text = f"FAILED - RETRYING: [{_host(event)}]: {name} ({event.retries_left} retries left)."
        if _shown(event) == "always" or self._verbosity > 2:  # noqa: PLR2004  # -vvv
            retries = event.attempt + event.retries_left
            result = {"changed": event.outcome.changed, "retries": retries, **event.outcome.payload}
            text += f"Result was: {self._dump(result, event)}"
        self._screen.say(text, to.DEBUG)

    def _aside(self, event: HandlerNotified | FilesIncluded | Said) -> None:
        match event:
            case HandlerNotified():
                self._notified(event)
            case FilesIncluded():
                text = f"included: {event.path} for {', '.join(event.hosts)}"
                if event.label:
                    text += f" => (item={event.label})"
                self._screen.say(text, to.INCLUDED)
            case Said():
                self._said(event)
            case _:
                assert_never(event)

    def _notified(self, event: HandlerNotified) -> None:
        if self._verbosity > 1:
            due = f"NOTIFIED HANDLER {event.handler} for {event.host}"
            saved = f"Notification for handler {event.handler} has been saved."
            self._verbose(due if event.due else saved)

    def _said(self, event: Said) -> None:
        if event.verbosity > self._verbosity:
            return
        if event.verbosity:
            self._verbose(event.text)
        else:
            show = self._screen.banner if event.banner else self._screen.say
            show(event.text)

    # -- tasks: results ----------------------------------------------------------------------

    def _ended(self, event: ItemEnded | TaskEnded) -> None:
        match event.outcome:
            case Ok():
                self._ok(event, event.outcome)
            case Failed():
                self._failed(event, event.outcome)
            case Skipped():
                self._skipped(event, event.outcome)
            case Unreachable():
                self._unreachable(event, event.outcome)
            case _:
                assert_never(event.outcome)

    def _ok(self, event: ItemEnded | TaskEnded, outcome: Ok) -> None:
        if event.task.action in _INCLUDES:
            if isinstance(event, TaskEnded):
                self._need_banner(event.task)
            return
        if not outcome.changed and not self._settings.display_ok_hosts:
            return
        self._need_banner(event.task)
        self._difference(event)
        self._notices(outcome)
        if isinstance(event, TaskEnded) and event.looped:
            return
        word, colour = ("changed", to.CHANGED) if outcome.changed else ("ok", to.OK)
        self._screen.say(f"{word}: [{_host(event)}]{_arrow(event)}{self._result(event)}", colour)

    def _failed(self, event: ItemEnded | TaskEnded, outcome: Failed) -> None:
        self._need_banner(event.task)
        self._notices(outcome)
        self._error(outcome.why, stderr=self._settings.display_failed_stderr)
        if isinstance(event, ItemEnded):
            self._failed_item(event)
            return
        result: dict[str, object] | None = seen(outcome, event.task.action)
        if event.looped:
            result = failed_items(outcome, event.task.action)
        if result is not None:
            if self._verbosity <= 1 and self._settings.show_task_path_on_failure:
                self._task_path(event.task)
            text = f"fatal: [{_host(event)}]: FAILED! => {self._dump(result, event)}"
            self._screen.say(text, to.FAILED, stderr=self._settings.display_failed_stderr)
        self._ignoring(event)

    def _failed_item(self, event: ItemEnded) -> None:
        result = self._dump(seen(event.outcome, event.task.action), event)
        self._screen.say(
            f"failed: [{_host(event)}] (item={_label(event)}) => {result}",
            to.FAILED,
            stderr=self._settings.display_failed_stderr,
        )

    def _skipped(self, event: ItemEnded | TaskEnded, outcome: Skipped) -> None:
        if not self._settings.display_skipped_hosts:
            return
        self._need_banner(event.task)
        self._notices(outcome)
        item = f"{_arrow(event)} " if isinstance(event, ItemEnded) else ""
        self._screen.say(f"skipping: [{event.host}]{item}{self._result(event)}", to.SKIPPED)

    def _unreachable(self, event: ItemEnded | TaskEnded, outcome: Unreachable) -> None:
        self._need_banner(event.task)
        self._notices(outcome)
        self._error(outcome.why, stderr=self._settings.display_failed_stderr)
        if isinstance(event, ItemEnded):
            self._failed_item(event)
            return
        result = self._dump(seen(outcome, event.task.action), event)
        self._screen.say(
            f"fatal: [{_host(event)}]: UNREACHABLE! => {result}",
            to.UNREACHABLE,
            stderr=self._settings.display_failed_stderr,
        )
        self._ignoring(event)

    def _ignoring(self, event: TaskEnded) -> None:
        if event.ignored:
            self._screen.say("...ignoring", to.SKIPPED)

    def _difference(self, event: ItemEnded | TaskEnded) -> None:
        diff = event.outcome.payload.get("diff")
        if not diff or not event.outcome.changed or not event.task.diff:
            return
        text = difference(
            diff, paint=self._screen.paint, form=self._form, context=self._settings.diff_context
        )
        if text:
            self._screen.say(text)

    def _result(self, event: ItemEnded | TaskEnded) -> str:
        """Give ` => {...}` when the result is to be shown, nothing otherwise."""
        if not (self._verbosity > 0 or _shown(event) == "always") or _shown(event) == "never":
            return ""
        result = seen(event.outcome, event.task.action)
        if isinstance(event, TaskEnded) and event.looped:
            result.pop("results", None)
        return f" => {self._dump(result, event)}"

    def _dump(self, result: dict[str, object], event: ItemEnded | TaskEnded | Retrying) -> str:
        at_length = _shown(event) == "always"
        return dumped(result, form=self._form, verbosity=self._verbosity, at_length=at_length)

    # -- notices and errors ------------------------------------------------------------------

    def _notices(self, outcome: Outcome) -> None:
        for notice in outcome.notices:
            self._notice(notice)

    def _notice(self, notice: Notice) -> None:
        if isinstance(notice, Warned):
            self._once(f"[WARNING]: {warning(notice)}", to.WARNING, stderr=True)
        elif self._settings.deprecation_warnings:
            self._notice(Warned(_DEPRECATIONS_CAN_BE_HIDDEN))
            text = f"[DEPRECATION WARNING]: {deprecation(notice)}"
            self._once(text, to.DEPRECATED, stderr=True)

    def _error(self, why: Sequence[Cause], help_text: str = "", *, stderr: bool) -> None:
        # The causes are asked about first: a thousand hosts that fail alike read the file once.
        if why and self._screen.first_time((tuple(why), help_text)):
            self._once(f"[ERROR]: {explanation(why, help_text)}", to.FAILED, stderr=stderr)

    def _once(self, text: str, colour: str, *, stderr: bool) -> None:
        if self._screen.first_time(text):
            self._screen.say(text, colour, stderr=stderr)

    def _verbose(self, text: str) -> None:
        self._screen.say(text, to.VERBOSE)

    @property
    def _form(self) -> str:
        return self._settings.callback_result_format


def _host(event: ItemEnded | TaskEnded | Retrying) -> str:
    if not event.delegate or event.delegate == event.host:
        return event.host
    address = event.delegate_address
    elsewhere = f"({address})" if address and address != event.delegate else ""
    return f"{event.host} -> {event.delegate}{elsewhere}"


def _arrow(event: ItemEnded | TaskEnded) -> str:
    return f" => (item={_label(event)})" if isinstance(event, ItemEnded) else ""


def _label(event: ItemEnded) -> object:
    censored = event.task.no_log or "censored" in event.outcome.payload
    return _CENSORED_LABEL if censored else event.label


def _shown(event: ItemEnded | TaskEnded | Retrying) -> Shown:
    """Tell how the result is shown: as its action said, or as its kind of action always is."""
    if "censored" in event.outcome.payload:
        return "usual"
    over = not isinstance(event, Retrying)
    if event.shown != "usual" or (over and not isinstance(event.outcome, Ok)):
        return event.shown
    if event.task.action in _FACTS:
        return "never"
    return "always" if is_debug(event.task.action) else "usual"
