"""Whether a weight can ever do anything: warnings of keys that say nothing, and of weights that move no Master."""

from collections.abc import Iterator
from typing import Final

from linkbalancer.config import reckoning
from linkbalancer.config.document import Path
from linkbalancer.config.outline import Complaint, Outline
from linkbalancer.config.parts import Part
from linkbalancer.config.weighing import PARTS
from linkbalancer.config.weightcase import Case
from linkbalancer.links import Family
from linkbalancer.weights.expression import Expression
from linkbalancer.weights.function import STATIC
from linkbalancer.weights.mapping import PriorityMapping
from linkbalancer.weights.spread import Spread
from linkbalancer.weights.tokens import ExpressionError
from linkbalancer.weights.view import BEST, LEAST

WITHOUT_CAPACITY: Final = (
    "tun",
    "tap",
    "wg",
    "gre",
    "ip6gre",
    "ipip",
    "sit",
    "vti",
    "ppp",
    "wwan",
    "veth",
    "dummy",
    "vxlan",
    "l2tp",
)
"""How the names of devices begin whose hardware says no speed: tunnels, modems, virtual cables."""

_NEEDS_CAPACITY: Final = ("capacity", "free", "load")
_POLICY: Final = ("unknown", "mapping", "hysteresis", "hold", "spread", "damping")


def check(case: Case, outline: Outline) -> Iterator[Complaint]:
    """Yield what makes a weight do nothing."""
    yield from _capacity(case)
    try:
        mapping = reckoning.mapping(case.weight.mapping)
    except ValueError:
        return
    if mapping.priority(LEAST) == mapping.priority(BEST):
        what = f"the weight can never change a Master of VID {case.group}: each is priority {mapping.priority(BEST)}"
        remedy = "map weights to several priorities"
        yield Complaint(case.place("mapping"), what, remedy, at_key=True, warning=True)
    elif case.weight.spread not in {None, Spread.NONE}:
        yield from _spread(case, mapping, outline)


def _spread(case: Case, mapping: PriorityMapping, outline: Outline) -> Iterator[Complaint]:
    spread = case.weight.spread or Spread.NONE
    family = case.group.family
    others = sum(_is_on(part, case.link) for group, part in outline.groups.items() if group.family is family)
    if others < 2:
        called = "IPv6" if family is Family.IPV6 else "IPv4"
        what = f"spread says nothing: VID {case.group} is the only one of {called} on this link"
        remedy = "remove it, or give the link more VIDs"
        yield Complaint(case.place("spread"), what, remedy, at_key=True, warning=True)
        return
    alone, second = (mapping.priority(spread.weight(BEST, before)) for before in (0, 1))
    if alone == second:
        what = f"spread can never move VID {case.group}: with a VID before it and without, the priority is {alone}"
        remedy = "let the mapping tell these weights apart"
        yield Complaint(case.place("spread"), what, remedy, at_key=True, warning=True)


def _is_on(part: Part, link: Part | None) -> bool:
    return link is not None and part.knows("link") and part["link"] == link.path[-1]


def _capacity(case: Case) -> Iterator[Complaint]:
    """Warn of a weight that needs a capacity which nobody says."""
    link = case.link
    if link is None or not link.knows("device", "capacity") or link["capacity"] is not None:
        return
    device = str(link["device"])
    virtual = next((kind for kind in WITHOUT_CAPACITY if device.startswith(kind)), None)
    needy = next((name for name in case.parts if name == "available-bandwidth" or name in _by_expression(case)), None)
    if virtual and needy:
        place = (*case.place("composite"), needy) if case.function == "composite" else case.place("function")
        what = f"{needy} needs the capacity of link {link.path[-1]}, and a device such as {device} says none"
        remedy = "add capacity to the link, such as capacity: 100Mbit"
        yield Complaint(place, what, remedy, at_key=case.function == "composite", warning=True)


def _by_expression(case: Case) -> tuple[str, ...]:
    """Return `expression` where that asks for a capacity."""
    try:
        names = Expression(case.weight.expression or "0").names
    except ExpressionError:
        return ()
    return ("expression",) if any(name.partition("_")[0] in _NEEDS_CAPACITY for name in names) else ()


def idle(cases: list[Case]) -> Iterator[Complaint]:
    """Yield the keys that no VID asks for; those of a link may be of use to one of its VIDs alone."""
    used: dict[Path, tuple[str, bool]] = {}
    for case in cases:
        for key, path, asked in _keys(case):
            words, before = used.get(path, (key, False))
            used[path] = (words, before or asked)
    for path, (key, is_used) in used.items():
        if not is_used:
            why = "no weight is reckoned" if key in _POLICY else "no VID is weighed by it"
            remedy = "remove it, or name a function" if key in _POLICY else f"remove it, or write function: {key}"
            yield Complaint(path, f"{key} says nothing: {why}", remedy, at_key=True, warning=True)


def _keys(case: Case) -> Iterator[tuple[str, Path, bool]]:
    """Yield each key that is written for a VID, its place, and whether it says something."""
    for key, path in case.places.items():
        if key in _POLICY:
            yield key, path, case.function != STATIC
        elif key == "plugins":
            for name in case.weight.plugins or {}:
                yield name, (*path, name), name in case.parts
        elif key in PARTS or key == "composite":
            yield key, path, key in case.parts
