"""Whose address a flow's packets bear where they leave: what is configured, and what connection tracking does."""

from collections.abc import Iterator

from linkbalancer.config.ways import ways
from linkbalancer.engine.crosscheck.expected import Expected
from linkbalancer.engine.crosscheck.line import Line, differs, note, same
from linkbalancer.engine.crosscheck.observed import Entrance, Flow, Seen
from linkbalancer.links import DeviceName, Vid
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.translation import Way

BECOMES = "source becomes "
"""How `drivers.connections` begins to say what an entry does to a source."""


def judge(expected: Expected, flow: Flow, seen: Seen, number: Vid | None) -> Iterator[Line]:
    """Yield a line where sources are translated on the flow's way, or are in the entry that it has."""
    way = leaving(ways(expected.config), seen.answer.device, number)
    if way is None:
        return
    wanted, found = translated(way, flow.packet), seen.connection
    if found is None:
        if wanted:
            yield note("source", wanted, "with the flow's first packet")
    elif found.reply:
        if found.translated:
            yield note("source", found.translated, "an answer: as its connection has it since it began")
    elif wanted or BECOMES in found.translated:
        yield _compared(wanted, found.translated, flow)


def leaving(some: tuple[Way, ...], device: DeviceName | None, number: Vid | None) -> Way | None:
    """Return the way by which packets leave: of several behind one device the VID's, else the first one's."""
    here = [way for way in some if way.device == device]
    own = [way for way in here if number in way.vids]
    return next(iter(own or here), None)


def translated(way: Way, packet: Packet) -> str:
    """Return in words what becomes of a packet's source on a way; empty where nothing does."""
    return way.translation.of(packet.source)


def _compared(wanted: str, found: str, flow: Flow) -> Line:
    """Compare what is configured with what an entry does that is there already."""
    own = f"{flow.packet.source}, as it is"
    named = wanted.removeprefix("SNAT to ") if wanted.startswith("SNAT to ") else ""
    if wanted and f"{BECOMES}{named}" in found:
        return same("source", wanted, found)
    itself = flow.entrance is Entrance.SELF
    if wanted == "masquerade" and itself:
        return note("source", own, "masquerade leaves alone what bears an address of the device already")
    if wanted and BECOMES not in found and not itself and flow.packet.source.version == 4:
        why = "It was seen here before it was to leave by this way. What it sends is held back until its entry is"
        why += " deleted, within about a second; then it begins anew."
        return differs("source", wanted, found or own, why, "conntrack -L")
    if not wanted and itself:
        return note("source", found, "this gateway's own packets bear an address of the way that they take")
    why = "A connection keeps the addresses that it began with: by another configuration, by another way, or by a rule"
    why += " of somebody else's that came first."
    return differs("source", wanted or "as it is", found or own, why, "conntrack -L", "nft list ruleset")
