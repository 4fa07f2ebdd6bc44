"""Running modules on a host: now, or as a background job.

Knows how a call becomes a module's run and a reply an outcome, and how a job is ordered.
Leaves what a module is to `content`, and what runs it to the session.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shlex
from collections.abc import Mapping

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from outlast.call import Call
from outlast.content.answers import judge
from outlast.content.arguments import jsonable, module_args
from outlast.content.places import Content
from outlast.errors import ActionFailed, Cause, HostUnreachable
from outlast.job import JobIntent, JobOrder, JobTerms
from outlast.jobs import new_jid
from outlast.outcome import Detached, Failed, Ok, Outcome, Performed, Skipped, Warned
from outlast.session import Session
from outlast.work import AS_IT_IS, Finish, Given, JobRun, ModuleRun, Parcel, Program, Run

_PREDICTION = 1.0
"""Seconds a start in check mode waits for the job's end."""
_DISCOVERED = "discovered_interpreter_python"
_OTHERS = (
    "Host {host!r} is using the discovered Python interpreter at {python!r}, but future"
    " installation of another Python interpreter could cause a different interpreter to be"
    " discovered."
)
_OTHERS_HELP = (
    "See https://docs.ansible.com/ansible-core/2.19/reference_appendices/interpreter_discovery.html"
    " for more information."
)


class Modules(Struct, frozen=True):
    """What every action that needs the host works with."""

    content: Content
    facts_modules: tuple[str, ...] = ("smart",)
    """Those that find out about a host, by the settings."""
    _packing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Many hosts may want a module at once: it is packed for the first of them."""

    async def order(
        self,
        call: Call,
        module: str,
        args: Mapping[str, object],
        *,
        files: Mapping[str, bytes] | None = None,
        file_names: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> ModuleRun:
        """Give the run of *module* that *call* asks for.

        *name* is how the module calls itself; *files* become private files on the host whose
        paths are passed as the arguments they are named after.
        """
        parcel = await self._parcel(module)
        program = parcel.program
        shown = name or f"ansible.legacy.{module.rsplit('.', 1)[-1]}"
        told = module_args(self.content.core, call, args, name=shown)
        return ModuleRun(
            parcel=parcel,
            args=told,
            environment=call.environment,
            files=files or {},
            file_names=file_names or {},
            interpreter=interpreter(call, program) if program else (),
        )

    async def run(
        self,
        call: Call,
        module: str,
        args: Mapping[str, object],
        *,
        files: Mapping[str, bytes] | None = None,
        file_names: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> Outcome:
        """Run a module to its end and judge its answer; see `order` for the arguments."""
        session = await call.session()
        run = await self.order(call, module, args, files=files, file_names=file_names, name=name)
        return await answered(call, session, run)

    async def last(
        self,
        call: Call,
        module: str,
        args: Mapping[str, object],
        *,
        files: Mapping[str, bytes] | None = None,
    ) -> Performed:
        """Run the module with which an action ends; under `async` it is the task's job."""
        return await perform_run(call, await self.order(call, module, args, files=files))

    async def _parcel(self, module: str) -> Parcel:
        ready = self.content.parcels.ready(module)
        if ready is not None:
            return ready
        async with self._packing:
            # Packing reads dozens of files; another host may have had it done meanwhile.
            return await asyncio.to_thread(self._packed, module)

    def _packed(self, module: str) -> Parcel:
        self.content.core.read()
        return self.content.parcels.prepare(module)

    async def perform(self, call: Call) -> Performed:
        """Do what a task says that is just a module."""
        run = await self.order(call, call.action, call.args, name=call.written_as)
        return await perform_run(call, run)


def interpreter(call: Call, program: Program) -> tuple[str, ...]:
    """Give what is to start a module that is a program: its first line, as the host has it.

    A variable (`ansible_perl_interpreter`) stands before the line's own word, `python` is the
    Python that modules run under. Raises `ActionFailed` for a text that names nothing, or a
    variable that is no command line.
    """
    if program.kind == "binary":
        return ()
    if not program.interpreter:
        raise ActionFailed(f"module ({call.written_as}) is missing interpreter line")
    first, *more = program.interpreter
    name = first.rpartition("/")[2].strip()
    if name == "python":
        return ("", *more)
    variable = f"ansible_{name}_interpreter"
    said = call.evaluate.render(call.scope.get(variable), call.scope)
    try:
        return (*(shlex.split(str(said)) if said else [first]), *more)
    except ValueError as error:
        raise ActionFailed(f"{variable} is no command line: {error}: {said}") from error


async def perform_run(call: Call, run: Run) -> Performed:
    """Run it now, or start it as a job if the task has `async`."""
    session = await call.session()
    if call.limit:
        return await started(call, session, run)
    return Performed(await answered(call, session, run))


async def answered(call: Call, session: Session, run: Run) -> Outcome:
    """Run it and judge the answer."""
    reply = await session.run(run)
    started_by = run.interpreter if isinstance(run, ModuleRun) else ()
    outcome = judge(reply, interpreter=next(iter(started_by), ""))
    return _with_interpreter(call, session, outcome)


async def started(
    call: Call, session: Session, run: JobRun, finish: Finish = AS_IT_IS
) -> Performed:
    """Start it as a background job; what comes back says that the job is recorded."""
    # What is only predicted holds no name and keeps nobody from starting.
    terms = JobTerms() if call.check_mode else call.job
    job = JobOrder(
        jid=new_jid(),
        run=run,
        limit=call.limit,
        async_dir=call.async_dir,
        name="" if call.no_log else call.task_name,
        terms=terms,
        content=digest_of(call, run, _identity(session)) if terms.name else "",
        finish=finish,
    )
    try:
        record = await _journalled_start(call, session, job)
    except ActionFailed as error:
        # Stock's start says `changed` whatever comes of it.
        why = (Cause("Module failed."), Cause(error.message))
        return Performed(Failed({"msg": error.message}, why, changed=True))
    said = record.get("warnings")
    for text in said if isinstance(said, list) else ():
        call.warn(str(text))
    jid, file = str(record["ansible_job_id"]), str(record["results_file"])
    if call.check_mode or isinstance(run, Given):
        await _settled_soon(call, session, jid)
    payload = {"ansible_job_id": jid, "started": True, "finished": False, "results_file": file}
    if record.get("attached"):
        payload["outlast_attached"] = True
    return Performed(Detached(jid=jid, results_file=file, payload=payload))


def digest_of(call: Call, run: JobRun, identity: str) -> str:
    """Give what tells this order from all others: what is run, with what, as whom, for how long.

    Two runs of one task give the same. So what differs between them, or may (where a module's
    file lay, what is said of verbosity, the helpers a module imports), is no part of it.
    """
    terms = replace(call.job, name="", host_limit=0, run_limit=0)
    told: list[object] = [call.action, call.environment, call.limit, terms, identity]
    if isinstance(run, ModuleRun):
        given = {key: value for key, value in run.args.items() if not key.startswith("_ansible_")}
        sums = {name: hashlib.sha256(data).hexdigest() for name, data in run.files.items()}
        told += [run.parcel.files[run.parcel.main], given, sums]
    elif isinstance(run, Given):
        told.append(jsonable(call.args))  # what comes of it may tell the time
    else:
        told.append(run)
    # Not msgspec's own: a command line may hold bytes that are no text.
    text = json.dumps(msgspec.to_builtins(told), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _identity(session: Session) -> str:
    """Give the user that is become on the host; empty: it is the one who logs in."""
    identity = session.address.get("identity")
    return str(identity.get("user", "")) if isinstance(identity, Mapping) else ""


async def _journalled_start(call: Call, session: Session, job: JobOrder) -> Mapping[str, object]:
    """Start the job, not before it is written down that it is about to be started.

    Whatever happens in between, the job can be found: its id on the host begins with ours.
    """
    intent = JobIntent(
        jid=job.jid,
        host=call.host,
        task=job.name,
        limit=job.limit,
        async_dir=job.async_dir,
        address=session.address,
        name=job.terms.name,
        attempt=call.attempt,
    )
    await call.journal.intend(intent)
    try:
        record = await call.starter.start(call, session, job)
    except HostUnreachable as error:
        call.journal.learnt(job.jid, call.host, "unknown", error.message)
        raise
    except ActionFailed:
        call.journal.learnt(job.jid, call.host, "failed", "not started")
        raise
    age = record.get("age", 0.0)
    intent = replace(intent, age=age if isinstance(age, float) else 0.0)
    call.journal.started(intent, str(record["ansible_job_id"]))
    return record


async def _settled_soon(call: Call, session: Session, jid: str) -> None:
    """Let what is short come to its end: whoever asks next is to see it.

    Of a prediction, stock's own start takes longer than that.
    """
    try:
        async with asyncio.timeout(_PREDICTION):
            await session.job_ended(jid, call.async_dir)
    except TimeoutError:
        pass  # long enough; the job goes on, as any other


def _with_interpreter(call: Call, session: Session, outcome: Outcome) -> Outcome:
    """Add the interpreter that was found, once per host, as stock's first module does."""
    if not session.discovered or not isinstance(outcome, Ok | Failed | Skipped):
        return outcome
    known = call.scope.get("ansible_facts")
    if isinstance(known, Mapping) and _DISCOVERED in known:
        return outcome
    facts = outcome.payload.get("ansible_facts")
    added = {**(facts if isinstance(facts, Mapping) else {}), _DISCOVERED: session.python}
    outcome = replace(outcome, payload={**outcome.payload, "ansible_facts": added})
    return _warned(call, session, outcome) if session.discovered_aloud else outcome


def _warned(call: Call, session: Session, outcome: Ok | Failed | Skipped) -> Outcome:
    """Say that another interpreter may be found another time."""
    text = _OTHERS.format(host=call.host, python=session.python)
    before = outcome.payload.get("warnings")
    warnings = [*(before if isinstance(before, list) else ()), text]
    return replace(
        outcome,
        payload={**outcome.payload, "warnings": warnings},
        notices=(*outcome.notices, Warned(text, None, _OTHERS_HELP)),
    )
