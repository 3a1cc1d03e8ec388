"""What the keys of a tracker must be together, what groups do with it, and whether that can ever change anything."""

from collections.abc import Iterable, Iterator

from linkbalancer.clock import Duration
from linkbalancer.config.document import Path
from linkbalancer.config.findings import suggestion
from linkbalancer.config.outline import Complaint, Outline
from linkbalancer.config.parts import Part
from linkbalancer.config.quantities import write_duration
from linkbalancer.config.trackers import KEYS, KINDS
from linkbalancer.health.influence import OWNER, Influence, effective
from linkbalancer.health.report import TRACKERS_MAX
from linkbalancer.links import DEAD_PRIORITY, GroupId, Role
from linkbalancer.lvrrp.rules import Tier, tier_priority

_SHARED = {key for keys in KEYS.values() for key in keys}

_MISSES = 2
"""A Backup waits for three adverts: what hides a death for two of them or more hides it until others take over."""


def check(outline: Outline) -> Iterator[Complaint]:
    """Yield everything that is wrong with trackers."""
    for tracker in outline.trackers.values():
        yield from _kind(tracker)
        yield from _quantities(tracker)
    if len(outline.trackers) > TRACKERS_MAX:
        what = f"{len(outline.trackers)} trackers, and a gateway has {TRACKERS_MAX} at most"
        yield Complaint(("trackers",), what, "let one script look at several things", at_key=True)
    for group in (*outline.groups.values(), *outline.sync_groups.values()):
        if group.knows("track"):
            yield from _names(group, outline)
            yield from _delays(group, outline)
    yield from _in_step(outline)
    yield from _idle(outline)
    for group_id, group in outline.groups.items():
        if group.knows("track", "priority", "mode") and group["mode"] != "static":
            yield from _powerless(group_id, group, outline)


def _kind(tracker: Part) -> Iterator[Complaint]:
    """Check that a tracker is of one kind, and has no key of another."""
    kinds = [kind for kind in KINDS if kind in tracker.given]
    if len(kinds) != 1:
        what = "the tracker is of no kind" if not kinds else f"the tracker is of two kinds: {' and '.join(kinds[:2])}"
        yield Complaint(tracker.path, what, f"give it one of: {', '.join(KINDS)}", at_key=True)
        return
    for key in sorted((tracker.given & _SHARED) - KEYS[kinds[0]]):
        whose = " or ".join(kind for kind in KINDS if key in KEYS[kind])
        what = f"{key} says nothing in a tracker of a {kinds[0]}"
        yield Complaint((*tracker.path, key), what, f"remove it: it is of a {whose}", at_key=True)


def _quantities(tracker: Part) -> Iterator[Complaint]:
    for key in ("interval", "timeout"):
        if tracker.knows(key) and tracker[key] == 0:
            yield Complaint((*tracker.path, key), f"the {key} is nothing", "write such as 1s")
    if tracker.knows("route", "via") and tracker["route"] is not None and tracker["via"] is not None:
        prefix, via = tracker["route"], tracker["via"]
        if prefix.version == 6 and via.version == 4:
            yield Complaint((*tracker.path, "via"), f"{via} is no gateway of {prefix}", "write one of IPv6")


def _names(group: Part, outline: Outline) -> Iterator[Complaint]:
    for name in group["track"]:
        if name not in outline.trackers:
            what = f"there is no tracker {name}"
            yield Complaint((*group.path, "track", name), what, suggestion(name, outline.trackers), at_key=True)


def _delays(group: Part, outline: Outline) -> Iterator[Complaint]:
    """Warn of a delay that hides a death until the other gateways act (fact sheet 10.2)."""
    if not group.knows("advert_interval"):
        return
    most: Duration = _MISSES * group["advert_interval"]
    for name in group["track"]:
        tracker = outline.trackers.get(name)
        if tracker is not None and tracker.knows("down_delay") and tracker["down_delay"] >= most:
            delay = write_duration(tracker["down_delay"])
            what = f"the down_delay of {name} ({delay}) is two adverts of this group or more"
            remedy = f"keep it below {write_duration(most)}, where its device is the group's own"
            yield Complaint((*group.path, "track", name), what, remedy, at_key=True, warning=True)


def _in_step(outline: Outline) -> Iterator[Complaint]:
    """Check that no tracker is told twice, and warn of one that sets the members of a sync group apart."""
    for name, sync in outline.sync_groups.items():
        if not sync.knows("track", "groups"):
            continue
        for group in dict.fromkeys(sync["groups"]):
            part = outline.groups.get(group)
            if part is None or not part.knows("track"):
                continue
            for tracker, influence in part["track"].items():
                path = (*part.path, "track", tracker)
                if tracker in sync["track"]:
                    what = f"sync group {name} tracks {tracker} already"
                    yield Complaint(path, what, "remove it here", at_key=True)
                elif influence.weight is not None:
                    what = f"the weight of {tracker} moves this group apart from the others of sync group {name}"
                    remedy = f"move it to the track of {name}"
                    yield Complaint(path, what, remedy, at_key=True, warning=True)


def _idle(outline: Outline) -> Iterator[Complaint]:
    """Warn of a tracker that nobody uses."""
    groups = (*outline.groups.values(), *outline.sync_groups.values())
    if not all(group.knows("track") for group in groups):
        return
    used = {name for group in groups for name in group["track"]} | _weighed(outline)
    for name, tracker in outline.trackers.items():
        if name not in used:
            remedy = "name it in the track of a group, or remove it"
            yield Complaint(tracker.path, f"no group tracks {name}", remedy, at_key=True, warning=True)


def _weighed(outline: Outline) -> set[str]:
    """Return the trackers that links are weighed by."""
    weights = [part["weight"] for part in (*outline.links.values(), *outline.groups.values()) if part.knows("weight")]
    return {check for weight in weights for check in weight.checks or () if isinstance(check, str)}


def _powerless(group_id: GroupId, group: Part, outline: Outline) -> Iterator[Complaint]:
    """Warn of a weight that moves no priority that anybody compares, whatever the other trackers say."""
    places: dict[str, Path] = {name: (*group.path, "track", name) for name in group["track"]}
    track: dict[str, Influence] = dict(group["track"])
    for sync in outline.sync_groups.values():
        if sync.knows("track", "groups") and group_id in sync["groups"]:
            track |= sync["track"]
            places |= {name: (*sync.path, "track", name) for name in sync["track"]}
    linked = group.knows("link") and group["link"] is not None
    role = outline.top["role"] if linked and outline.top.knows("role") else None
    sums = {name: _contributions(one, outline.trackers.get(name)) for name, one in track.items()}
    for name, influence in track.items():
        if influence.weight is None:
            continue
        others = _reachable(values for other, values in sums.items() if other != name)
        if not _moves(group["priority"], sums[name], others, role):
            why = "its priority is the owner's, which nothing moves"
            if group["priority"] != OWNER:
                why = f"from priority {group['priority']} it is the same with it and without"
            remedy = "use a larger weight, or fault"
            what = f"the weight of {name} can never change a Master of VID {group_id}: {why}"
            yield Complaint(places[name], what, remedy, at_key=True, warning=True)


def _contributions(influence: Influence, tracker: Part | None) -> frozenset[int]:
    """Return what a tracker can add; one that holds a number, the least and the most."""
    if tracker is not None and tracker.knows("number") and tracker["number"]:
        return frozenset(influence.adds(ok=False, value=value) for value in (-(10**6), -1, 0, 1, 10**6))
    return frozenset(influence.adds(ok=ok) for ok in (True, False))


def _reachable(contributions: Iterable[frozenset[int]]) -> frozenset[int]:
    """Return every sum that several trackers can make."""
    sums = frozenset({0})
    for some in contributions:
        sums = frozenset(one + other for one in sums for other in some)
    return sums


def _moves(base: int, own: frozenset[int], others: frozenset[int], role: Role | None) -> bool:
    """Whether some sum of the others leaves a choice of ours that gives another priority."""
    lowest = DEAD_PRIORITY + 1 if role is Role.CONTROLLED else 1
    for other in others:
        bases = {effective(base, (other, one), lowest=lowest) for one in own}
        if len({_advertised(one, role) for one in bases}) > 1:
            return True
    return False


def _advertised(base: int, role: Role | None) -> tuple[int, ...]:
    """Return what a base priority becomes on the wire: itself; at a controller one in each tier (design 4.4)."""
    if role is not Role.CONTROLLER or base == OWNER:
        return (base,)
    return tuple(tier_priority(tier, base) for tier in (Tier.HIGH, Tier.MID, Tier.LOW))
