"""What the weights of several gateways come to together: each weighs its own link, and only like can be compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from linkbalancer.config.document import Path, parse
from linkbalancer.config.findings import Finding
from linkbalancer.config.load import Loaded
from linkbalancer.links import GroupId, LinkName, Role
from linkbalancer.weights.composite import Composite
from linkbalancer.weights.function import Function
from linkbalancer.weights.settings import Weighing
from linkbalancer.weights.view import BEST, LEAST


@dataclass(frozen=True, slots=True)
class _Near:
    """One link's near end, for one VID; `weighing` is None where its weight is static."""

    loaded: Loaded
    link: LinkName
    weighing: Weighing | None


def check(gateways: Sequence[Loaded], texts: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is doubtful between the gateways of two sites; `texts` are their files', by path."""
    documents = {path: parse(text, path) for path, text in texts.items()}
    for group in sorted({group for one in gateways for group in one.config.groups}):
        near = list(_near(group, gateways))
        for one, path, what, remedy in (*_unlike(group, near), *_overlapping(group, near, gateways)):
            yield documents[one.loaded.path].finding(path, what, remedy, at_key=True)


def _near(group: GroupId, gateways: Sequence[Loaded]) -> Iterator[_Near]:
    for loaded in gateways:
        member = loaded.config.groups.get(group)
        if loaded.config.role is Role.CONTROLLER and member is not None and member.link is not None:
            yield _Near(loaded, member.link, loaded.config.weights(member.link).groups.get(group))


def _unlike(group: GroupId, near: list[_Near]) -> Iterator[tuple[_Near, Path, str, str]]:
    """Yield links whose weights say something else than those of the first one."""
    weighed = [(one, one.weighing) for one in near if one.weighing is not None]
    for one, weighing in weighed[1:]:
        first, other = weighed[0]
        for what, here, there in _differences(weighing, other):
            where = f"link {first.link} ({first.loaded.config.node})"
            words = f"VID {group} has the {what} {here} here and {there} at {where}: their weights cannot be compared"
            yield one, _place(group, one), words, "use the same at all gateways"


def _differences(one: Weighing, other: Weighing) -> Iterator[tuple[str, str, str]]:
    here, there = _called(one.function), _called(other.function)
    if here != there:
        yield "function", here, there
    elif one.mapping != other.mapping:
        yield "mapping", _range(one), _range(other)
    elif one.spread is not other.spread:
        yield "spread", one.spread, other.spread


def _called(function: Function) -> str:
    """Name a function by what makes it comparable: parameters may differ, as prices do."""
    if isinstance(function, Composite):
        parts = ", ".join(f"{part.function.name}: {part.factor:g}" for part in function.parts)
        return f"composite {{{parts}}}"
    return function.name


def _range(weighing: Weighing) -> str:
    ends = f"{weighing.mapping.priority(LEAST)} to {weighing.mapping.priority(BEST)}"
    return f"{type(weighing.mapping).__name__.lower()} {ends}"


def _overlapping(
    group: GroupId, near: list[_Near], gateways: Sequence[Loaded]
) -> Iterator[tuple[_Near, Path, str, str]]:
    """Yield links whose weight passes the fixed priority of another link's far end."""
    fixed = {one.link for one in near if one.weighing is None}
    for one in near:
        if one.weighing is None:
            continue
        low, high = one.weighing.mapping.priority(LEAST), one.weighing.mapping.priority(BEST)
        for far in gateways:
            member = far.config.groups.get(group)
            if far.config.role is not Role.CONTROLLED or member is None or member.link not in fixed:
                continue
            if low <= member.priority <= high:
                what = (
                    f"VID {group}: the priority of {far.config.node} at link {member.link} is fixed at "
                    f"{member.priority}, within the {low} to {high} of this link's weight"
                )
                remedy = f"weigh {member.link} too, or have min and max leave {member.priority} on one side"
                yield one, _place(group, one), what, remedy


def _place(group: GroupId, near: _Near) -> Path:
    """Return where the weight is written."""
    if near.loaded.config.groups[group].weight.given:
        return ("groups", group.name, "weight")
    return ("links", near.link, "weight")
