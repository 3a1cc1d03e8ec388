"""The verdict on a drill: a pure function of its report; what fails is said in words.

What is asked is the mission's main job: a link fails, and comes back, as one, and nobody notices for longer than the
limits here. The limits belong to adverts every 200 ms and probes every 100 to 200 ms.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from linkbalancer.lab import company, darkness, handing, splits
from linkbalancer.lab.judged import Judged
from linkbalancer.lab.spreading import uneven

HEALING_MS: Final = 50.0
"""The longest outage when something comes back."""

OUTAGE_MS: Final[Mapping[str, float]] = {
    "cut": 500.0,
    "silent": 1500.0,
    "oneway": 1500.0,
    "one-end": 1500.0,
    "node": 1500.0,
    "lan": 1500.0,
    "swap": 1500.0,
    "flap": 500.0,
    "lone": 500.0,
    "loss": 500.0,
    "slow": 500.0,
}
"""The longest outage when something breaks, by kind of fault."""

TCP_TIMER_MS: Final = 2000.0
"""How long TCP waits before it sends again what was lost twice: `rto_min` of the hosts' routes."""

LOSSLESS: Final = frozenset({"reload", "upgrade", "restart", "leave", "kill", "killall", "drain", "neighbour"})
"""Faults of the service alone, what is taken out of service in order, and packets that come to another gateway than the
Master: what forwards goes on, nothing is lost."""

ANSWERING: Final = frozenset({"reload", "upgrade", "restart", "kill"})
"""Faults in which the virtual IPs themselves go on answering without a gap, where no mastership moves."""


def judge(report: Mapping[str, Any]) -> list[str]:
    """Return everything that is not as it must be, one sentence each; an empty list is a good drill."""
    return [
        *splits.verdict(report),
        *_faults(report),
    ]


def _faults(report: Mapping[str, Any]) -> Iterator[str]:
    yield from (
        f"{name_of(fault)}{', healed' if judged.healed else ''}: {sentence}"
        for fault in report["faults"]
        for judged in (
            Judged(report, fault, fault["broken"], healed=False),
            Judged(report, fault, fault["healed"], healed=True),
        )
        for sentence in _phase(judged)
    )


def name_of(fault: Mapping[str, Any]) -> str:
    """Return a fault's name with the detail that tells it from its like."""
    details = (fault[key] for key in ("direction", "how", "where", "process", "removes", "load") if key in fault)
    return " ".join([fault["fault"], fault["target"], *details])


def _phase(judged: Judged) -> Iterator[str]:
    if judged.fault["exempt"] and not judged.healed:
        yield from _spared(judged)
        return
    yield from _settled(judged)
    yield from _masters(judged)
    if judged.fault["exempt"] and not judged.bounds.get("spared"):
        return
    yield from _virtual_ips(judged)
    yield from company.shares(judged)
    for flow in judged.phase["flows"]:
        words = f"{flow['app']} {flow['direction']}"
        for sentence in (*_path(judged, flow), *_manners(judged, flow), *_outage(judged, flow)):
            yield f"{words}: {sentence}"


def _settled(judged: Judged) -> Iterator[str]:
    if judged.phase["settled_ms"] is None:
        yield f"it did not settle: {judged.phase['unsettled']}"
    for change in judged.phase["changes"]:
        yield f"a mastership changed after it had settled: {change}"
    most = judged.bounds.get("moves")
    if most is not None and not judged.healed and judged.phase["most_moves"] > most:
        yield f"a gateway changed its mastership of a VID {judged.phase['most_moves']} times, {most} are allowed"
    if judged.fault["still"]:
        for move in judged.phase["moves"]:
            yield f"a mastership moved: {move}"


def _spared(judged: Judged) -> Iterator[str]:
    """Judge the flows that an exempt fault must leave alone: their link is on the hosts' side of it."""
    for flow in judged.phase["flows"]:
        if flow["before"]["vid"] in judged.bounds.get("spared", ()):
            words = f"{flow['app']} {flow['direction']}"
            limit = judged.bounds["outage_ms"] + judged.grain_ms
            if flow["outage_ms"] > limit:
                yield f"{words}: an outage of {flow['outage_ms']:g} ms, over the limit of {limit:g} ms"
            for sentence in _manners(judged, flow):
                yield f"{words}: {sentence}"


def _virtual_ips(judged: Judged) -> Iterator[str]:
    if judged.fault["fault"] in darkness.KINDS:
        yield from darkness.verdict(judged.report, judged.fault, healed=judged.healed)
    if judged.fault["fault"] in ANSWERING and judged.fault["still"]:
        for one in judged.phase["virtual_ips"]:
            if one["lost"] and one["vid"] not in judged.fault["readdressed"]:
                yield f"the virtual IP {one['address']} left {one['lost']} of {one['sent']} echo requests unanswered"


def _masters(judged: Judged) -> Iterator[str]:
    for vid, left in judged.links_left.items():
        if not left:
            continue
        links = {side: _links_of(judged, side, vid) for side in ("near", "far")}
        for side, found in links.items():
            if len(found) != 1:
                yield f"VID {vid} has {len(found) or 'no'} Master{'s' if found else ''} on the {side} side"
        if all(len(found) == 1 for found in links.values()) and not _common(links["near"][0], links["far"][0], left):
            names = " and ".join(str(judged.phase["masters"][side][vid]) for side in ("near", "far"))
            yield f"the Masters of VID {vid}, {names}, share no link of those that are left ({', '.join(left)})"
    yield from _spread(judged)


def _spread(judged: Judged) -> Iterator[str]:
    """Judge that VIDs which are spread evenly are so, near and far: as many VIDs as links are one on each."""
    if not judged.report["even"] or judged.fault["fault"] == "drain":
        return
    left = {link for links in judged.links_left.values() for link in links} - set(judged.phase["of_no_use"])
    for side in ("near", "far"):
        mastering = [link for vid in judged.links_left for links in _links_of(judged, side, vid) for link in links]
        problem = uneven(mastering, sorted(left))
        if problem:
            yield f"{problem} ({side})"


def _links_of(judged: Judged, side: str, vid: str) -> list[list[str]]:
    """Return the links behind each Master of a VID on a side."""
    master = judged.phase["masters"][side].get(vid)
    return [judged.report["gateways"][node]["links"] for node in (master or "").split("+") if node]


def _common(near: list[str], far: list[str], left: list[str]) -> list[str]:
    return [link for link in near if link in far and link in left]


def _path(judged: Judged, flow: Mapping[str, Any]) -> Iterator[str]:
    left = judged.links_left
    if not any(left.get(str(vid)) for step in judged.steps(flow["app"]) for vid in step):
        return
    after = flow["after"]
    wrong = handing.misplaced(judged, flow) or handing.left_early(judged, flow)
    if wrong:
        yield wrong
        return
    vid = str(after["vid"])
    masters = [judged.phase["masters"][side].get(vid) for side in ("near", "far")]
    links = [judged.report["gateways"].get(master, {}).get("links", []) for master in masters]
    common = _common(links[0], links[1], left[vid])
    # Masters that share no link have been reported already.
    if (
        common
        and after["link"] not in common
        and not (after["link"] is None and judged.grain_ms and judged.suffers(flow))
    ):
        yield f"its packets cross {after['link'] or 'no link'}, not the link of VID {vid}'s Masters"


def _manners(judged: Judged, flow: Mapping[str, Any]) -> Iterator[str]:
    if flow["redirects"]:
        yield f"{flow['redirects']} ICMP redirects"
    if flow["loops"]:
        yield f"{flow['loops']} packets went round in a loop"
    if flow["broken_connections"] and not handing.may_break(judged, flow):
        yield "its TCP connection broke"
    if handing.untold(judged, flow):
        yield "it took another VID, and nobody told it to end"


def _outage(judged: Judged, flow: Mapping[str, Any]) -> Iterator[str]:
    if judged.fault["fault"] in LOSSLESS:
        if flow["lost"] and not handing.may_break(judged, flow):
            yield f"{flow['lost']} of {flow['sent']} packets lost, none may be"
        return
    if flow["lost"] and company.unaffected(judged, flow):
        yield f"{flow['lost']} of {flow['sent']} packets lost, though nothing on its way failed"
    limit = _limit(judged, flow)
    if limit is not None:
        limit += judged.blur_ms(flow) + (handing.AGAIN_MS if handing.may_break(judged, flow) else 0)
    if limit is not None and flow["outage_ms"] > limit:
        yield f"an outage of {flow['outage_ms']:g} ms, over the limit of {limit:g} ms"


def _limit(judged: Judged, flow: Mapping[str, Any]) -> float | None:
    """Return the longest outage that a flow may have, in ms; None where none can be asked."""
    fault, healed = judged.fault, judged.healed
    dark = darkness.is_its(fault, healed=healed)
    # Every link was dead, and every flow silent: it must be back soon after its first link.
    ways = _ways(judged if dark else replace(judged, healed=False), flow)
    if not ways:
        return None  # it cannot but be silent; when it comes back is the link's to say, and its path is judged then
    if dark:
        return darkness.limit(fault, ways, flow["protocol"], healed=healed)
    if healed:
        return judged.bounds.get("healing_ms") or HEALING_MS
    return _limit_of_the_break(judged, flow)


def _limit_of_the_break(judged: Judged, flow: Mapping[str, Any]) -> float | None:
    if not judged.bounds.get("lossy"):
        limit: float = judged.bounds.get("outage_ms") or OUTAGE_MS[judged.fault["fault"]]
        # What TCP sent again after the first of two outages may be lost in the second: then it waits for its timer.
        again = judged.fault["fault"] == "double" and flow["protocol"] == "tcp"
        return limit + TCP_TIMER_MS if again else limit
    if not judged.suffers(flow):
        return HEALING_MS
    # A TCP connection waits for what is sent again, by its own clock; who sends seldom may lose several in a row.
    return None if flow["protocol"] == "tcp" or judged.grain_ms else OUTAGE_MS[judged.fault["fault"]]


def _ways(judged: Judged, flow: Mapping[str, Any]) -> set[str]:
    """Return the links that the VIDs of a flow's application have left."""
    left = judged.links_left
    return {link for step in judged.steps(flow["app"]) for vid in step for link in left.get(str(vid), ())}
