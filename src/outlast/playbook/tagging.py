"""Tags that are templates: what they come to, and the steps that have them then.

Knows what may be a tag, and which levels of a list are taken apart. Leaves to whoever asks when
that is, and which variables are known by then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from outlast.errors import EvaluationError, OutlastError, PlaybookError
from outlast.playbook.keywords import type_named
from outlast.playbook.model import Block, Keywords, Play, Step
from outlast.values import OMIT, Template, is_list

Give: TypeAlias = Callable[[Template], object]
"""Gives plain data for a template; raises `EvaluationError`."""


def tagged_play(play: Play, give: Give) -> Play:
    """Give *play* with the tags of all but its handlers evaluated; those have none that count.

    Raises `OutlastError` for what is undefined, `PlaybookError` for what is no tag.
    """
    planned = (*play.pre_tasks, *play.tasks, *play.post_tasks)
    if not play.keywords.late_tags and not has_late_tags(planned):
        return play
    return replace(
        play,
        keywords=_words(play.keywords, give),
        pre_tasks=tagged(play.pre_tasks, give),
        tasks=tagged(play.tasks, give),
        post_tasks=tagged(play.post_tasks, give),
    )


def has_late_tags(steps: Sequence[Step]) -> bool:
    """Tell whether a tag in *steps* is a template."""
    for step in steps:
        if step.keywords.late_tags:
            return True
        if isinstance(step, Block) and any(
            map(has_late_tags, (step.block, step.rescue, step.always))
        ):
            return True
    return False


def tagged(steps: tuple[Step, ...], give: Give) -> tuple[Step, ...]:
    """Give *steps* with their tags evaluated: themselves, if none is a template."""
    return tuple(_step(step, give) for step in steps) if has_late_tags(steps) else steps


def _step(step: Step, give: Give) -> Step:
    words = _words(step.keywords, give)
    if not isinstance(step, Block):
        return replace(step, keywords=words)
    return replace(
        step,
        keywords=words,
        block=tagged(step.block, give),
        rescue=tagged(step.rescue, give),
        always=tagged(step.always, give),
    )


def _words(words: Keywords, give: Give) -> Keywords:
    if not words.late_tags:
        return words
    tags = [tag for template in words.late_tags for tag in _tags(template, give)]
    return replace(words, tags=words.tags.union(tags), late_tags=())


def _tags(template: Template, give: Give) -> list[str]:
    try:
        value = give(template)
    except EvaluationError as error:
        raise OutlastError(error.message, error.origin, causes=error.causes) from error
    found = []
    for tag in value if is_list(value) else [value]:
        if tag is None or tag is OMIT:
            continue
        if not isinstance(tag, str | int):
            told = f"Keyword 'tags' items must be of type 'str' or 'int', not {type_named(tag)!r}."
            raise PlaybookError(told, template.origin)
        found.append(str(tag))
    return found
