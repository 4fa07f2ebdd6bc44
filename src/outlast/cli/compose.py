"""Where the rooms are put together; nothing else knows more than its own ports.

Reads what the run needs (inventory, extra vars), wires the engine, runs it, or shows what
it would run. Leaves options to `options`, and how a run that cannot go on ends to `entry`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from outlast.call import Evaluate
from outlast.cli.asking import ask, ask_anybody
from outlast.cli.beforehand import Beforehand
from outlast.cli.evaluating import EvaluateUponNeed
from outlast.cli.hashing import Hashing
from outlast.cli.house import House
from outlast.cli.including import IncludesFromDisk
from outlast.cli.jobs.account import Account
from outlast.cli.jobs.known import KnownJobs
from outlast.cli.options import RunOptions, must_be_a_file
from outlast.cli.recording import recorded, recording_of
from outlast.cli.telling import Listeners, Telling
from outlast.cli.terminal import open_screen, version_lines
from outlast.cli.upon_need import ActionsUponNeed, QueueUponNeed, ReachUponNeed
from outlast.cli.vaults import open_vault
from outlast.content.collections import Collections
from outlast.content.places import Content, open_collections, open_content
from outlast.engine.ports import Wiring
from outlast.engine.run import Run
from outlast.inventory.inventory import Inventory, Unread, load_inventory
from outlast.joining import Join, merged, replaced
from outlast.ledger.recording import Recording
from outlast.ledger.sink import LedgerSink
from outlast.outcome import Warned
from outlast.output.console import Console
from outlast.playbook import key_values
from outlast.playbook.parser import PlaybookParser
from outlast.playbook.role_files import RolePlaces
from outlast.settings import Settings
from outlast.transport.event_loop import run
from outlast.variables.extra import parse_extra_vars
from outlast.variables.files import Notify
from outlast.variables.magic import Options
from outlast.variables.ports import FactCache
from outlast.variables.variables import Variables
from outlast.vault import Vault


def run_playbooks(options: RunOptions, settings: Settings) -> int:
    """Run the playbooks that *options* name, or show them; gives the exit code.

    Raises `OutlastError` for what is wrong outside of any task.
    """
    screen = open_screen(settings)
    console = Console(screen, settings, verbosity=settings.verbosity, check_mode=options.check)
    console.introduce(version_lines(settings) if settings.verbosity > 1 else ())
    recording = recording_of(options, settings)
    history = LedgerSink(recording)
    telling = Telling(Listeners((console, history)))
    house = replace(_furnish(options, settings, telling, recording), intents=history)
    house.inventory.check_targets(limit=options.limit, warn=settings.localhost_warning)
    if options.only_looks:
        sys.stdout.write("".join(map(house.listing, house.options.playbooks)))
        return 0
    code = recorded(recording, house.telling.notice, lambda: _to_the_end(house))
    if settings.job_hook:
        from outlast.cli.jobs.hook import tell_what_is_due  # noqa: PLC0415  # few have a hook

        tell_what_is_due(settings.job_hook, lambda text: telling.notice(Warned(text)))
    return code


def _to_the_end(house: House) -> int:
    """Run all, and see what was found written down."""
    try:
        return run(_run(house))
    finally:
        if house.cache is not None:
            house.cache.close()


async def _run(house: House) -> int:
    house.telling.run_begins()
    if not house.settings.job_hook:
        return await _play(house)
    from outlast.cli.jobs.hook import Messenger  # noqa: PLC0415  # few have a hook

    messenger = Messenger(
        hook=house.settings.job_hook, warn=lambda text: house.telling.notice(Warned(text))
    )
    house.account.on_end = messenger.wake
    async with asyncio.TaskGroup() as group:
        group.create_task(messenger.stay(house.recording.written))
        try:
            return await _play(house)
        finally:
            messenger.leave()


async def _play(house: House) -> int:
    async with ReachUponNeed(house) as reach, QueueUponNeed() as queue:
        engine = Run(wiring=_wiring(house, reach, queue), retry_file=partial(_retry_file, house))
        try:
            code = await engine.run(house.options.playbooks, house.parse)
            return await _close_account(house, reach, code)
        except BaseException:
            house.account.say_left()
            raise


async def _close_account(house: House, reach: ReachUponNeed, code: int) -> int:
    """Settle the jobs that nobody was told the end of, and tell of them where that is wanted."""
    options, jobs = house.options, tuple(house.account.open.values())
    aloud = options.jobs is not None or sys.stderr.isatty()
    if not jobs or not (aloud or options.strict_jobs):
        return code
    from outlast.cli.jobs.closing import Closing  # noqa: PLC0415  # few runs leave jobs
    from outlast.transport.sessions import Sessions  # noqa: PLC0415  # open, if there are jobs

    assert isinstance(reach.sessions, Sessions)  # noqa: S101  # jobs were started through it
    closing = Closing(
        sessions=reach.sessions,
        journal=house.account,
        at_end=options.jobs or "leave",
        strict=options.strict_jobs,
        aloud=aloud,
    )
    return await closing.close(jobs, code)


def _home(path: str) -> str:
    return str(Path(path).absolute().parent)


def _collections(settings: Settings, notice: Notify) -> Collections:
    return open_collections(
        settings.collections_path,
        scan_sys_path=settings.collections_scan_sys_path,
        mismatch=settings.collections_on_ansible_version_mismatch,
        notice=notice,
    )


def _file(collections: Collections, playbook: str) -> str:
    """Give the path of a playbook that is named as a file, or as one of a collection.

    Raises `SourceMissing`.
    """
    found = collections.playbook(playbook)
    if found is not None:
        return str(found[0])
    must_be_a_file(playbook)
    return playbook


def _furnish(
    options: RunOptions, settings: Settings, telling: Telling, recording: Recording
) -> House:
    notice = telling.notice
    collections = _collections(settings, notice)
    options = replace(options, playbooks=tuple(_file(collections, it) for it in options.playbooks))
    folders = [Path(_home(path)) for path in options.playbooks]
    vault = open_vault(options, settings, notice)
    content = _content(folders, settings, collections, notice)
    inventory = load_inventory(
        settings.inventory,
        notify=notice,
        unread=_unread(settings),
        vault=vault,
        flush=options.flush_cache,
    )
    cache = _fact_cache(options, settings, inventory, notice)
    join = _join(settings)
    evaluate = EvaluateUponNeed(
        lambda: _evaluator(settings, telling, list(map(str, folders)), vault)
    )
    variables = Variables(
        inventory=inventory,
        extra_vars=parse_extra_vars(
            options.extra_vars, key_values=key_values.parse, notify=notice, vault=vault, join=join
        ),
        options=_visible(options, settings, inventory.sources, content.core.version),
        evaluate=evaluate,
        notify=notice,
        vault=vault,
        join=join,
    )
    if cache is not None:
        variables.remember(cache)
    return House(
        options=options,
        settings=settings,
        telling=telling,
        inventory=inventory,
        content=content,
        parser=_parser(settings, content, notice, vault, Beforehand(evaluate, variables)),
        evaluate=evaluate,
        variables=variables,
        cache=cache,
        vault=vault,
        recording=recording,
        account=Account(recording),
    )


def _unread(settings: Settings) -> Unread:
    return Unread(
        warns=settings.inventory_unparsed_warning,
        all_fail=settings.unparsed_is_failed,
        one_fails=settings.any_unparsed_is_failed,
    )


def _content(
    folders: Sequence[Path], settings: Settings, collections: Collections, notice: Notify
) -> Content:
    return open_content(
        folders,
        library=settings.library,
        module_utils=settings.module_utils,
        collections=collections,
        home=settings.home,
        notice=notice,
    )


def _join(settings: Settings) -> Join:
    return merged if settings.hash_behaviour == "merge" else replaced


def _parser(
    settings: Settings,
    content: Content,
    notify: Notify,
    vault: Vault,
    beforehand: Beforehand,
) -> PlaybookParser:
    return PlaybookParser(
        content.catalogue,
        notify,
        known_actions=content.catalogue.names,
        group=content.groups.members,
        early=beforehand.value,
        look=beforehand.look,
        join=_join(settings),
        vault=vault,
        places=RolePlaces(settings.roles_path, content.collections, content.bring),
    )


def _fact_cache(
    options: RunOptions, settings: Settings, inventory: Inventory, notify: Notify
) -> FactCache | None:
    if settings.fact_caching == "memory":  # nearly always
        return None
    from outlast.variables.fact_cache import opened  # noqa: PLC0415  # it brings threads and JSON

    cache = opened(
        settings.fact_caching,
        settings.fact_caching_connection,
        prefix=settings.fact_caching_prefix,
        timeout=settings.fact_caching_timeout,
        notify=notify,
    )
    if cache is not None and options.flush_cache:
        cache.flush(["localhost", *inventory.hosts])
    return cache


def _evaluator(
    settings: Settings, telling: Telling, folders: Sequence[str], vault: Vault
) -> Evaluate:
    from outlast.templating.evaluator import Evaluator  # noqa: PLC0415  # it imports Jinja2

    return Evaluator(
        telling.notice,
        folders=folders,
        extensions=settings.jinja2_extensions,
        allow_broken_conditionals=settings.allow_broken_conditionals,
        managed=settings.ansible_managed,
        vault=vault,
    )


def _visible(
    options: RunOptions, settings: Settings, sources: Sequence[str], core_version: str
) -> Options:
    """What playbooks can see of the command line."""
    return Options(
        ansible_version=core_version,
        check_mode=options.check,
        diff_mode=settings.diff_always,
        forks=settings.forks,
        verbosity=settings.verbosity,
        limit=options.limit,
        inventory_sources=sources,
        run_tags=options.tags,
        skip_tags=options.skip_tags,
        config_file=settings.config_file,
        inject_facts=settings.inject_facts_as_vars,
    )


def _wiring(house: House, reach: ReachUponNeed, queue: QueueUponNeed) -> Wiring:
    jobs = KnownJobs(house.account, reach.again)
    return Wiring(
        actions=ActionsUponNeed(house, queue, jobs),
        reach=reach,
        evaluate=house.evaluate,
        variables=house.variables,
        hosts=house,
        includes=IncludesFromDisk(house.parser),
        events=house.telling,
        settings=house.settings,
        intents=house.intents,
        ask=ask,
        ask_anybody=ask_anybody,
        hash_password=Hashing(house.telling),
        tags=house.tags,
        check_mode=house.options.check,
        diff=house.settings.diff_always,
        force_handlers=house.settings.force_handlers,
        start_at=house.options.start_at_task,
        step=house.options.step,
    )


def _retry_file(house: House, playbook: str, hosts: Sequence[str]) -> str | None:
    """Write the hosts that failed beside the playbook, when the setting asks for it."""
    settings = house.settings
    if not settings.retry_files_enabled:
        return None
    folder = Path(settings.retry_files_save_path or _home(playbook)).expanduser()
    file = folder / f"{Path(playbook).stem}.retry"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{host}\n" for host in hosts))
    except OSError as error:
        text = f"Could not create retry file '{file}'.\n\t{error}"
        house.telling.notice(Warned(text))
        return None
    return str(file)
