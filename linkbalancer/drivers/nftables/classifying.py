"""What a classifier becomes in our table: few rules one after the other, more of them as trees."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from linkbalancer.drivers.nftables import namesets, render
from linkbalancer.drivers.nftables.conditions import matches
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.drivers.nftables.render import APPLICATION, FORWARD, LEARN, MIRROR
from linkbalancer.drivers.nftables.trees import ENTRANCE, TREE, Chains, Known, Way, rendered
from linkbalancer.links import Role
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.garbage import uncollected
from linkbalancer.routing.marks import DEFAULT_APPLICATION_ID, RANKS, Marks
from linkbalancer.routing.memory import Memory

LINEAR_MAX: Final = 32
"""Rules that are tried one after the other: no more work than the lookups of trees, and easy to read in the kernel."""

KEPT: Final = 4
"""How many times what one generation has is kept of all."""

OURS: Final = (FORWARD, MIRROR, TREE, ENTRANCE)
"""What the names of a classifier's chains begin with."""


@dataclass(frozen=True, slots=True)
class Generation:
    """The chains of a classifier in use: their names, what each holds, and where packets come in.

    `sets` are those of host names that it looks into, with the addresses known.
    """

    name: str
    fixed: Mapping[str, tuple[str, ...]]
    entrances: Mapping[str, tuple[str, ...]]
    applications: Mapping[str, tuple[str, ...]]
    sets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def chains(self) -> frozenset[str]:
        """The names of its own chains, those of applications left out."""
        return frozenset({*self.fixed, *(one for one in self.entrances if one.startswith(ENTRANCE))})


def linear(classifier: Classifier) -> bool:
    """Return whether a classifier's rules are tried one after the other."""
    return len(classifier.rules) <= LINEAR_MAX


def generation(classifier: Classifier, app_ids: Mapping[str, int], layout: Layout) -> Generation:
    """Return what a classifier becomes; `app_ids` names every application of it."""
    return _generation(classifier, tuple(sorted(app_ids.items())), layout.role, layout.marks)


@dataclass(frozen=True, slots=True)
class Edit:
    """What a generation has that the one compiled just before it has not, and the other way round."""

    last: Generation
    new: Mapping[str, tuple[str, ...]]
    entrances: tuple[str, ...]
    unused: tuple[str, ...]


def edit(made: Generation) -> Edit | None:
    """Return what leads to a generation from the one before, which this process compiled or one that it was forked of.

    It was found when the generation was compiled: who was forked since would copy all of both to compare them.
    """
    return _MEMORY.edit if _MEMORY.made is made else None


def _edit(last: Generation, made: Generation) -> Edit:
    new = {name: rules for name, rules in made.fixed.items() if name not in last.fixed}
    unused = [name for name in last.fixed if name not in made.fixed]
    unused += [name for name in last.entrances if name not in made.entrances]
    return Edit(last, new, tuple(one for one in made.entrances if one not in last.entrances), tuple(unused))


class _Memory:
    """What is left of generations to those after them, while marks, role, and the applications' numbers are the same.

    Of no use to a process that compiles once; forked of one another, processes hand it on. `made` is what was compiled
    last, and `edit` what leads there from what was before that.
    """

    def __init__(self) -> None:
        self.compiling = Memory()
        self._made_for: tuple[Role, Marks] | None = None
        self._numbers: dict[str, int] = {}
        self._known: Known = {}
        self._size = 0
        self.edit: Edit | None = None
        self.made: Generation | None = None

    def known(self, numbers: Mapping[str, int], role: Role, marks: Marks) -> Known:
        """Return what nodes became, as far as they would become the same."""
        self._size = self._size or len(self._known)
        same = (role, marks) == self._made_for and len(self._known) <= KEPT * self._size
        if not same or any(self._numbers.get(name, number) != number for name, number in numbers.items()):
            self._known, self._numbers, self._made_for, self._size = {}, {}, (role, marks), 0
        self._numbers |= numbers
        return self._known


_MEMORY: Final = _Memory()


@lru_cache(maxsize=1)
def _generation(classifier: Classifier, ids: tuple[tuple[str, int], ...], role: Role, marks: Marks) -> Generation:
    with uncollected():
        return _compiled(classifier, dict(ids), role, marks)


def _compiled(classifier: Classifier, app_ids: dict[str, int], role: Role, marks: Marks) -> Generation:
    chains, known = Chains(), _MEMORY.known(app_ids, role, marks)
    program = None if linear(classifier) else classifier.program(RANKS, _MEMORY.compiling)
    for way in _ways(app_ids, role):
        entrance = "from_lan" if _steers(way, role) else "from_link"
        if program is None:
            chains.entrances[entrance] = (_in_a_row(classifier, way, chains, role),)
        else:
            chains.entrances[entrance] = rendered(program, way, marks, chains, known)
    found = Generation("", chains.fixed, chains.entrances, render.applications(app_ids.values(), marks))
    name = render.generation_name(classifier, app_ids, role, len(found.chains))
    sets = namesets.contents(classifier.rules)
    made = Generation(name, found.fixed, found.entrances, found.applications, sets)
    _MEMORY.edit = None if _MEMORY.made is None else _edit(_MEMORY.made, made)
    _MEMORY.made = made
    return made


def _steers(way: Way, role: Role) -> bool:
    """Return whether a direction is that of packets that enter from the LAN."""
    return way.mirrored == (role is Role.CONTROLLED)


def _ways(app_ids: Mapping[str, int], role: Role) -> list[Way]:
    """Return both directions: rules are written near to far, packets of the other direction meet their mirror image."""
    found = []
    for name, mirrored in (("forward", False), ("mirror", True)):
        prefix = APPLICATION if mirrored == (role is Role.CONTROLLED) else LEARN

        def ending(application: str | None, prefix: str = prefix) -> str:
            return f"goto {prefix}{DEFAULT_APPLICATION_ID if application is None else app_ids[application]}"

        found.append(Way(name, mirrored, ending))
    return found


def _in_a_row(classifier: Classifier, way: Way, chains: Chains, role: Role) -> str:
    """Add the chain of one rule after the other; return the verdict that leads to it."""
    name = (MIRROR if way.mirrored else FORWARD) + render.short(classifier.digest)
    # The other role's chains end otherwise; those in use are never refilled.
    name += "_far" if role is Role.CONTROLLED else ""
    boxes = classifier.mirrored().boxes if way.mirrored else classifier.boxes
    rules = [match + way.ending(box.application) for box in boxes for match in matches(box)]
    chains.fixed[name] = (*rules, way.ending(None))
    return f"goto {name}"
