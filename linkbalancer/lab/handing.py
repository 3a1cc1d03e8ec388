"""Judging handovers: on which VID a flow must be by what its application promises, and what a change may cost it.

A gateway knows a flow's VID by its memory. Where a side's traffic enters at another gateway than before, that one has
seen the flow never, or long ago: there it may be on any VID of its list that works (docs/handover.md).
"""

from collections.abc import Mapping
from typing import Any, Final

from linkbalancer.lab import darkness
from linkbalancer.lab.judged import Judged

AGAIN_MS: Final = 2500.0
"""How long a host takes to begin a connection anew: it waits half a second, and TCP a second for a lost beginning."""

_LATE_MS: Final = 2000.0
"""How much later than due an application may do what it has put off: a VID must be mastered first."""

_RESTLESS: Final = frozenset({"flap", "swap", *darkness.KINDS})
"""Faults in which VIDs die and live several times, or all of them die."""


def misplaced(judged: Judged, flow: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the VID that a flow is on; None when nothing is."""
    manner, after = judged.manner(flow["app"]), flow["after"]
    step = next(step for step in judged.steps(flow["app"]) if any(map(judged.works, step)))
    if len(step) > 1:
        return _misdealt(judged, flow, step)
    wanted, due = step[0], after.get("application_vid", after["vid"])
    if due != wanted and not _put_off(judged, flow, wanted, due):
        return f"it is on VID {due or 'none'}, but VID {wanted} has a link left and comes first"
    if after["vid"] == due or not manner:
        return None
    if not judged.works(after["vid"]):
        return f"it stays on VID {after['vid']}, which has no link left"
    if elsewhere(judged, flow):
        return None
    return _unfaithful(manner, flow, due)


def _unfaithful(manner: Mapping[str, Any], flow: Mapping[str, Any], due: int | None) -> str | None:
    """Say what is wrong with a flow that is on another VID than its application; None when it may be."""
    before, after = flow["before"], flow["after"]
    mode = manner.get("failback", "move")
    if after["vid"] != before["vid"]:
        return f"it went to VID {after['vid']}, not to VID {due}, where its application is"
    since = after.get("since_ms") or 0
    if mode == "keep" or (mode == "drain" and since <= manner["stay_ms"] + _LATE_MS):
        return None
    return f"it stays on VID {after['vid']} for {since:.0f} ms, though its handover is {mode}"


def left_early(judged: Judged, flow: Mapping[str, Any]) -> str | None:
    """Say that a flow has left a VID on which its application promises to keep it; None when it has not."""
    manner, before, after = judged.manner(flow["app"]), flow["before"], flow["after"]
    if "failback" not in manner or before["vid"] == after["vid"] or not judged.works(before["vid"]):
        return None
    if elsewhere(judged, flow) or before["vid"] is None:
        return None
    mode, since = manner["failback"], after.get("since_ms") or 0
    if mode == "keep" or (mode == "drain" and since < manner["stay_ms"]):
        return f"it left VID {before['vid']}, which works: its handover is {mode}"
    return None


def _misdealt(judged: Judged, flow: Mapping[str, Any], step: list[int]) -> str | None:
    """Say what is wrong with the VID of a flow in a balanced step; None when nothing is."""
    before, after = flow["before"]["vid"], flow["after"]["vid"]
    working = [vid for vid in step if judged.works(vid)]
    if after not in working:
        return f"it is on VID {after or 'none'}, of VID {' and '.join(map(str, working))} that work"
    sticky = judged.manner(flow["app"]).get("sticky")
    if elsewhere(judged, flow) or sticky is None or flow["before"]["link"] in judged.report.get("translated", ()):
        return None
    if sticky == "flow" and before in working:
        return None if after == before else f"it left VID {before}, which works, for VID {after}"
    dealt = next(vid for order in flow["orders"] for vid in order if vid in working)
    return None if after == dealt else f"it is on VID {after}, but its slot takes VID {dealt}"


def elsewhere(judged: Judged, flow: Mapping[str, Any]) -> bool:
    """Whether the gateway at which a flow enters may not know where it was."""
    before, after = flow["before"], flow["after"]
    if before.get("gateway") != after.get("gateway") or judged.fault["fault"] in _RESTLESS:
        return True
    # Who lost its power has forgotten everything; after an edit of the rules all begin anew.
    return judged.fault["fault"] in {"node", "double", "split", "stranger", "reload"}


def _put_off(judged: Judged, flow: Mapping[str, Any], wanted: int, due: int | None) -> bool:
    """Whether an application may not be on the VID that it wants, because that has not been good for long enough."""
    good_for = judged.manner(flow["app"]).get("good_for_ms", 0)
    if not good_for or not judged.works(due):
        return False
    opened = judged.phase.get("opened_ms", {})
    since = [opened[link] for link in judged.links_left[str(wanted)] if link in opened]
    watched: float = judged.phase.get("watched_ms", 0)
    return not since or watched - max(since) < good_for + _LATE_MS


def may_break(judged: Judged, flow: Mapping[str, Any]) -> bool:
    """Whether a connection may break: it is told to end, or it bears another address by its new way."""
    pair = company_of(judged, flow)
    if all(
        one["before"]["vid"] == one["after"]["vid"] and one["before"]["link"] == one["after"]["link"] for one in pair
    ):
        return False
    links = {one[when]["link"] for one in pair for when in ("before", "after")}
    if len(links) > 1 and links.intersection(judged.report.get("translated", ())):
        return True
    return any(resets(judged, one) for one in pair)


def resets(judged: Judged, flow: Mapping[str, Any]) -> bool:
    """Whether a flow took another VID in this phase and its application has those told to end."""
    manner, before, after = judged.manner(flow["app"]), flow["before"]["vid"], flow["after"]["vid"]
    if before == after or None in {before, after}:
        return False
    return bool(manner.get("failback" if judged.works(before) else "failover") == "reset")


def untold(judged: Judged, flow: Mapping[str, Any]) -> bool:
    """Whether a flow should have been told to end and was not; said of its way out alone."""
    if flow["direction"] != "out" or not resets(judged, flow) or elsewhere(judged, flow):
        return False
    pair = company_of(judged, flow)
    return not any(one["broken_connections"] or one["unreachable"] for one in pair)


def company_of(judged: Judged, flow: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return both directions of a flow's conversation."""
    conversation = flow.get("conversation")
    if conversation is None:
        return [flow]
    flows: list[Mapping[str, Any]] = judged.phase["flows"]
    return flows[2 * conversation : 2 * conversation + 2]
