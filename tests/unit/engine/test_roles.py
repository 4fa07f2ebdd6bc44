"""A host goes through a role once, may leave it early, and gets what included roles bring."""

from __future__ import annotations

from msgspec.structs import replace
from unit.engine.play_world import HERE, World, block, play, task

from outlast.engine.ports import IncludedFile, Tags
from outlast.events import FilesIncluded, TaskEnded, TaskStarted
from outlast.outcome import Skipped
from outlast.playbook.model import Block, Role


def role(name, **given):
    given = {"repeats": False, "public": True, "identity": name, **given}
    names = ("defaults", "vars", "params", "include_params", "handed_defaults", "handed_vars")
    return Role(
        name=name,
        path=f"/r/{name}",
        exported_defaults={},
        exports={},
        folders=(f"/r/{name}",),
        **{name: {} for name in names} | given,
    )


def body(of, *steps):
    return Block(block=tuple(replace(step, role=of) for step in steps), origin=HERE, role=of)


def meta(command, **given):
    return task("", "meta", args={"_raw_params": command}, **given)


def banners(world):
    return [event.task.name for event in world.events.of(TaskStarted)]


async def test_a_host_goes_through_a_role_once_in_a_play():
    world, web = World(), role("web")
    await world.play(play(body(web, task("t")), body(web, task("t"))))
    assert banners(world) == ["web : t"]
    assert world.tally("a") == {"ok": 1}


async def test_the_next_play_goes_through_it_again():
    world, web = World(), role("web")
    await world.play(play(body(web, task("t"))), play(body(web, task("t"))))
    assert banners(world) == ["web : t", "web : t"]


async def test_a_role_that_may_be_repeated_is():
    world, web = World(), role("web", repeats=True)
    await world.play(play(body(web, task("t")), body(web, task("t"))))
    assert banners(world) == ["web : t", "web : t"]


async def test_a_role_of_which_nothing_ran_has_not_been_gone_through():
    world, web = World(hosts=("a", "b")), role("web")
    world.actions.script["web : t", "a"] = [Skipped({})]
    await world.play(play(body(web, task("t")), body(web, task("t"))))
    assert world.tally("a") == {"ok": 1, "skipped": 1}
    assert world.tally("b") == {"ok": 1}


async def test_a_host_that_ends_a_role_goes_on_behind_it():
    world, web = World(hosts=("a", "b")), role("web")
    world.variables.hosts["a"] = {"leaves": True}
    world.variables.hosts["b"] = {"leaves": False}
    inside = block(
        replace(meta("end_role", when=("leaves",)), role=web),
        replace(task("inner"), role=web),
        always=(replace(task("always"), role=web),),
    )
    steps = Block(block=(inside, replace(task("last"), role=web)), origin=HERE, role=web)
    code = await world.play(play(steps, task("behind")))
    ended = [one for one in world.events.ended() if one[0] != "web : meta"]
    assert [name for name, host, _ in ended if host == "a"] == ["behind"]
    assert [name for name, host, _ in ended if host == "b"] == [
        "web : inner",
        "web : always",
        "web : last",
        "behind",
    ]
    assert code == 0


async def test_a_handler_of_a_role_is_asked_for_by_name_with_and_without_the_roles():
    world = World(hosts=("a",))
    web = role("web", collection="my.own")
    handlers = [replace(task(name), role=web) for name in ("one", "two", "three")]
    asked = task("t", notify=("one", "web : two", "my.own.web : three"))
    world.changes("t", "a")
    await world.play(play(asked, handlers=tuple(handlers)))
    assert banners(world)[1:] == ["my.own.web : one", "my.own.web : two", "my.own.web : three"]


async def test_of_handlers_that_listen_under_one_name_the_first_runs():
    world = World(hosts=("a",))
    first, last = (task("h", listen=("topic",), args={"n": n}) for n in (1, 2))
    other = task("other", listen=("topic",))
    world.changes("t", "a")
    await world.play(play(task("t", notify=("topic",)), handlers=(first, other, last)))
    assert banners(world) == ["t", "h", "other"]


async def test_a_handler_runs_whatever_tags_are_asked_for():
    world = World(hosts=("a",), tags=Tags(frozenset({"wanted"})))
    world.changes("t", "a")
    asked = task("t", notify=("h",), tags=frozenset({"wanted"}))
    await world.play(play(asked, handlers=(task("h"),)))
    assert banners(world) == ["t", "h"]


async def test_a_rescue_without_wanted_tags_rescues_nobody():
    world = World(hosts=("a",), tags=Tags(frozenset({"wanted"})))
    world.fails("t", "a")
    guarded = block(task("t", tags=frozenset({"wanted"})), rescue=(task("r"),))
    assert await world.play(play(guarded)) == 2
    assert world.tally("a") == {"failed": 1}


class RoleFiles:
    """Gives one role with a task and a handler."""

    def __init__(self):
        self.asked = []

    async def role(self, wanted, task_, variables, folder, inherited):
        self.asked.append((wanted.name, dict(variables), folder, dict(inherited.params)))
        web = role(wanted.name, repeats=True)
        inner = replace(task("t", notify=("h",)), role=web)
        handler = replace(task("h"), role=web)
        return IncludedFile(wanted.name, (body(web, inner),), (web,), (handler,))


async def test_an_included_role_runs_and_brings_its_handlers_and_itself():
    world = World(hosts=("a", "b"))
    world.files = RoleFiles()
    world.changes("web : t", "a", "b")
    asks = task("", "include_role", args={"name": "web"}, vars={"v": 1})
    await world.play(play(asks))
    assert banners(world) == ["include_role : web", "web : t", "web : h"]
    assert world.files.asked == [("web", {"v": 1}, "/here", {"v": 1})]
    assert [event.path for event in world.events.of(FilesIncluded)] == ["web"]
    assert [one.name for one in world.variables.roles] == ["web"]
    assert world.tally("a") == {"ok": 3, "changed": 1}


async def test_an_option_of_an_include_that_cannot_be_used_fails_the_host():
    world = World(hosts=("a",))
    asks = task("", "include_role", args={"name": "web", "public": "maybe"})
    assert await world.play(play(asks)) == 2
    (ended,) = world.events.of(TaskEnded)
    assert "could not be converted" in ended.outcome.why[-1].message
