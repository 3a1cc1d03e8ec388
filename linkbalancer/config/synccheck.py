"""What sync groups and announcements must be together with the groups that they are about."""

from collections.abc import Iterator
from typing import Any, Final

from linkbalancer.clock import SECOND
from linkbalancer.config.checks import Complaint, Outline
from linkbalancer.config.findings import suggestion
from linkbalancer.config.parts import Part
from linkbalancer.config.quantities import write_duration
from linkbalancer.links import GroupId

_ALIKE: Final = {
    "priority": "where gateways order their priorities differently, each wins one group and loses the other",
    "preempt": "the whole takes over from a living Master only when every group would",
}
"""What the members of a sync group should have in common, and why."""


def check(outline: Outline) -> Iterator[Complaint]:
    """Yield everything that is wrong with sync groups and announcements."""
    owners: dict[GroupId, str] = {}
    for name, sync in outline.sync_groups.items():
        if sync.knows("groups"):
            for index, group in enumerate(sync["groups"]):
                yield from _member((*sync.path, "groups", index), name, group, outline, owners)
            if len(sync["groups"]) == 1:
                what = f"group {sync['groups'][0]} is alone in it: there is nothing to keep it in step with"
                yield Complaint((*sync.path, "groups"), what, "name two groups or more, or remove the sync group")
            yield from _alike(sync, outline)
    for one in outline.groups.values():
        yield from _announce(one.inner("announce"))


def _member(
    path: tuple[str | int, ...], name: str, group: GroupId, outline: Outline, owners: dict[GroupId, str]
) -> Iterator[Complaint]:
    if group not in outline.groups:
        yield Complaint(path, f"there is no group {group}", suggestion(str(group), map(str, outline.groups)))
        return
    part = outline.groups[group]
    if part.knows("mode") and part["mode"] != "member":
        what = f"group {group} is not a member's (mode: {part['mode']}): it has no mastership to keep in step"
        yield Complaint(path, what, "name groups that this gateway is a member of")
    owner = owners.setdefault(group, name)
    if owner != name:
        yield Complaint(path, f"group {group} belongs to sync group {owner} already", "name each group once")
    elif path[-1] != _first(outline.sync_groups[name]["groups"], group):
        yield Complaint(path, f"group {group} is named twice", "name each group once")


def _first(groups: tuple[GroupId, ...], group: GroupId) -> int:
    return groups.index(group)


def _alike(sync: Part, outline: Outline) -> Iterator[Complaint]:
    """Warn of members that differ in what should be one."""
    members = [(group, outline.groups[group]) for group in sync["groups"] if group in outline.groups]
    for key, why in _ALIKE.items():
        values: dict[Any, GroupId] = {}
        for group, part in members:
            if part.knows(key):
                values.setdefault(part[key], group)
        if len(values) > 1:
            (one, first), (other, second) = list(values.items())[:2]
            what = f"groups {first} and {second} have {key} {_word(one)} and {_word(other)}: {why}"
            yield Complaint((*sync.path, "groups"), what, f"give all of them one {key}", warning=True)


def _word(value: object) -> str:
    return str(value).lower()


def _announce(announce: Part) -> Iterator[Complaint]:
    """Refuse refreshes that would be a flood."""
    if announce.knows("refresh") and 0 < announce["refresh"] < SECOND:
        what = f"a refresh every {write_duration(announce['refresh'])} floods the LAN"
        yield Complaint((*announce.path, "refresh"), what, "use 1s or more, or 0s for none")
