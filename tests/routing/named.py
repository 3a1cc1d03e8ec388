"""Rules that select by host names: made of others, with answers that lie where the others' rules have their borders."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import Ranges

Answers = Callable[[str, Literal[4, 6]], tuple[int, ...]]


def named(some: Sequence[Rule], every: int) -> tuple[Rule, ...]:
    """Return rules of which every so many have a name, or two, in place of addresses; a few share their names."""
    found = []
    for number, rule in enumerate(some):
        selector = rule.selector
        if number % every == 0 and selector.family is not None:
            names = tuple(sorted({f"h{number % 40}.example", f"h{number % 7}.example"}))
            if number % (3 * every):
                selector = replace(selector, destination=(), destination_names=names)
            else:
                selector = replace(selector, source=(), source_names=names)
        found.append(replace(rule, selector=selector))
    return tuple(found)


def answers(some: Sequence[Rule], seed: int) -> Answers:
    """Return answers for every name: a few addresses each, of those that other rules begin or end with; some none."""
    ends: dict[int, list[int]] = {4: [], 6: []}
    for rule in some:
        fields: tuple[Ranges | None, ...] = (rule.selector.source, rule.selector.destination)
        for field in fields:
            ends[rule.selector.family or 4] += [value for one in field or () for value in (one.first, one.last)]

    def of(name: str, family: Literal[4, 6]) -> tuple[int, ...]:
        chance = random.Random(f"{seed} {name} {family}")
        return tuple(chance.choices(ends[family], k=chance.randrange(6))) if ends[family] else ()

    return of
