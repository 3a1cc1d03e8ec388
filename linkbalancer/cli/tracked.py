"""What trackers and static groups' gateways say, as sections of `linkbalancer status`; none where there are none."""

from typing import Any

from linkbalancer.cli.screen import Row, Section, vid_in_order, worst_first
from linkbalancer.clock import MILLISECOND, in_words


def sections(status: dict[str, Any]) -> tuple[Section, ...]:
    """Return a table of the trackers and one of the probes."""
    trackers = [_tracker(name, one) for name, one in status.get("trackers", {}).items()]
    groups = sorted(status["groups"].items(), key=lambda item: vid_in_order(item[0]))
    probes = [
        _probe(vid, group["gateway"]["address"], probe)
        for vid, group in groups
        if "gateway" in group
        for probe in group["gateway"]["probes"]
    ]
    tables = (
        (("tracker", "of a", "is", "for", "does", "says"), trackers),
        (("VID", "gateway", "probe", "is", "says"), probes),
    )
    return tuple(worst_first(head, rows) for head, rows in tables if rows)


def does(groups: dict[str, Any]) -> str:
    """Say what a tracker does to the groups now."""
    told = []
    for vid, one in groups.items():
        if one["fault"]:
            told.append(f"VID {vid} fault")
        elif one["adds"]:
            told.append(f"VID {vid} {one['adds']:+d}")
    return ", ".join(told) or "nothing"


def _tracker(name: str, tracker: dict[str, Any]) -> Row:
    state = {True: "good", False: "bad", None: "unknown"}[tracker["ok"]]
    badness = 0 if tracker["ok"] else 1
    if any(one["fault"] for one in tracker["groups"].values()):
        badness = 2
    since = in_words(int(tracker["since_ms"]) * MILLISECOND)
    return Row(badness, (name, tracker["kind"] or "-", state, since, does(tracker["groups"]), tracker["text"]))


def _probe(vid: str, gateway: str, probe: dict[str, Any]) -> Row:
    state = {True: "good", False: "bad", None: "unknown"}[probe["ok"]]
    return Row(0 if probe["ok"] else 1, (vid, gateway, probe["probe"], state, probe["text"]))
