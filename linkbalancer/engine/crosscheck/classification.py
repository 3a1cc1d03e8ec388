"""From the packet to its mark: the rules that run, the flow's own memory, the VID, and who else writes the mark."""

from collections.abc import Iterator

from linkbalancer.engine.crosscheck.expected import (
    Expected,
    Share,
    application_id,
    bound,
    last_vid,
    outdated,
    packet_mark,
    share,
    stays,
    steered,
    vid,
)
from linkbalancer.engine.crosscheck.line import Line, differs, note, same, unseen
from linkbalancer.engine.crosscheck.observed import Connection, Flow, Seen
from linkbalancer.engine.preflight import catalogue
from linkbalancer.links import Firewall, Vid
from linkbalancer.routing.balance import Pool, Target
from linkbalancer.routing.handover import Form
from linkbalancer.routing.protocols import protocol_name

DIGITS = 12
"""How much of a digest the kernel keeps, and people see."""


def judge(expected: Expected, flow: Flow, seen: Seen) -> Iterator[Line]:
    """Yield the lines, in the order in which a packet meets them."""
    yield _daemon(expected)
    yield _rules(expected, seen)
    yield _flow(expected, flow, seen)
    if seen.steering is not None and steered(flow, seen.answer.kind):
        back = bound(expected, seen, flow)
        yield _vid(expected, flow, seen) if back is None else _bound(back)
    yield _mark(expected, flow, seen)


def _ours(expected: Expected) -> str:
    """Name what of the kernel's firewall is ours."""
    iptables = expected.config.firewall is Firewall.IPTABLES
    return "chains LB-* in the table mangle of iptables" if iptables else "table inet linkbalancer"


def _map(expected: Expected) -> str:
    """Name where it stands by which VID applications go."""
    return "the chains LB-A* of iptables" if expected.config.firewall is Firewall.IPTABLES else "the map app2vid"


def _daemon(expected: Expected) -> Line:
    if expected.told is None:
        why = "Nobody moves applications and VIDs when something fails; what is in the kernel stays as it was left."
        remedy = ("systemctl status linkbalancer", "journalctl -u linkbalancer -n 50")
        return differs("daemon", "runs", "does not answer", why, *remedy)
    worst = next(iter(expected.told.get("findings") or ()), "")
    return same("daemon", "runs", f"{expected.told.get('node')}: {expected.told.get('health')}", str(worst))


def _rules(expected: Expected, seen: Seen) -> Line:
    ours = expected.digest[:DIGITS]
    if seen.digest is None:
        there = f"no {_ours(expected)}" if seen.steering is None else "no classifier"
        why = "Without a classifier nothing is steered: every packet goes by the main table."
        return differs("rules", ours, there, why, "linkbalancer doctor", "systemctl restart linkbalancer")
    if seen.digest != ours:
        why = f"The kernel runs other rules than those of {expected.rule_file}: the file was edited since, or is just"
        why += " being loaded. What is expected below is by the file."
        return differs("rules", ours, seen.digest, why, "linkbalancer plan", "linkbalancer apply")
    return same("rules", ours)


def _flow(expected: Expected, flow: Flow, seen: Seen) -> Line:
    """Compare the flow's own memory, its entry's mark, with what the rules say of its packets."""
    name = expected.application or expected.name_of(1)
    if seen.untracked is not None:
        return unseen("flow", name, seen.untracked)
    found = seen.connection
    if found is None:
        return same("flow", name, "no entry in connection tracking yet: the rules decide")
    number = expected.config.marks.application_of(found.mark)
    if number == 0:
        return same("flow", name, f"an entry without application{_state(found)}: the rules decide")
    if outdated(expected, seen):
        was = f"{expected.name_of(number)}, by former rules{_state(found)}"
        return same("flow", name, f"{was}: classified anew with its next packet")
    if number == expected.application_id:
        return same("flow", name, f"{name}{_state(found)}")
    why = "An established flow keeps what it was classified as when it began, or when its first packet passed here: by"
    why += " other rules, in the other direction, or by somebody who wrote the connection's mark."
    forget = "conntrack -D" + _named(flow)
    return differs("flow", name, f"{expected.name_of(number)}{_state(found)}", why, f"{forget}  # classified anew")


def _state(found: Connection) -> str:
    words = ["answered" if found.answered else "not answered yet"]
    if found.reply:
        words.append("this is its other direction")
    if found.translated:
        words.append(found.translated)
    if found.expires_s is not None:
        words.append(f"{found.expires_s} s left")
    return f" ({', '.join(words)})"


def _named(flow: Flow) -> str:
    """Name the flow as `conntrack` wants it."""
    packet = flow.packet
    family = " -f ipv6" if packet.source.version == 6 else ""
    ports = f" --sport {packet.source_port} --dport {packet.destination_port}"
    return f"{family} -p {protocol_name(packet.protocol)} -s {packet.source} -d {packet.destination}{ports}"


def _vid(expected: Expected, flow: Flow, seen: Seen) -> Line:
    """Compare where the application goes: by the daemon, and by the kernel's map."""
    number = application_id(expected, seen)
    if number is None:
        why = "The application's number is not known: the daemon does not answer, and never kept it."
        return unseen("VID", expected.application or "", why)
    name = expected.name_of(number)
    assert seen.steering is not None
    to = seen.steering.get(number)
    kernel = _vid_in_words(to) if number in seen.steering else f"{name} is not in {_map(expected)}"
    if isinstance(to, Pool):
        kernel = f"{kernel}: {_share_in_words(share(expected, seen, flow, to))}"
    told = (expected.told or {}).get("applications", {}).get(name)
    if told is None:
        return note("VID", kernel) if number in seen.steering else _missing(name, kernel)
    reason, since = str(told.get("reason", "")), told.get("since_ms")
    if told.get("vid") is None:
        return note("VID", kernel, reason)
    wanted = _vid_in_words(told["vid"])
    if isinstance(to, Pool) and told["vid"] in to.vids:
        return same("VID", kernel, kernel, f"{name}: {reason}{_last(expected, flow, seen, number)}", since)
    if kernel == wanted:
        return same("VID", wanted, kernel, f"{name}: {reason}{_last(expected, flow, seen, number)}", since)
    why = f"What {_map(expected)} has of {name} is not what its process has put there ({reason})."
    return differs("VID", wanted, kernel, why, "linkbalancer history", "systemctl restart linkbalancer", since_ms=since)


def _bound(back: Vid) -> Line:
    """Say why the application does not matter."""
    why = "the connection began by this VID's way: its answers leave there, whatever their application"
    return same("VID", f"VID {back}", why=why)


def _last(expected: Expected, flow: Flow, seen: Seen, number: int) -> str:
    """Say what becomes of a flow that took another VID last, which still works."""
    last = last_vid(expected, seen, flow)
    if last is None:
        return ""
    if stays(seen, number):
        return f"; this flow stays on VID {last}, which it took last and which works"
    ends = seen.forms.get(number) is Form.RESET
    return f"; this flow took VID {last} last and {'is told to end' if ends else 'follows'} with its next packet"


def _missing(name: str, kernel: str) -> Line:
    why = f"Packets of {name} are classified, and left to the main table."
    return differs("VID", "in the map", kernel, why, "systemctl restart linkbalancer")


def _vid_in_words(to: Target | None) -> str:
    if isinstance(to, Pool):
        return f"VIDs {to} by {to.sticky}"
    return "none: the main table" if to is None else f"VID {to}"


def _share_in_words(found: Share) -> str:
    if found.vid is None:
        return "none of them works"
    return f"VID {found.vid}, where the flow is" if found.slot is None else f"VID {found.vid} by slot {found.slot}"


def _mark(expected: Expected, flow: Flow, seen: Seen) -> Line:
    """Say which mark the packet gets, and whether somebody else's firewall rule writes it over."""
    number = vid(expected, seen, flow)
    mark = f"{packet_mark(expected, seen, flow):#010x}"
    if any(one.what == "nftables rules" for one in seen.unseen):
        return unseen("mark", mark, "the rules of others could not be seen")
    writers = [one for one in seen.firewall if one.kind is catalogue.MARK_OVERWRITTEN]
    if writers:
        places = ", ".join(dict.fromkeys(one.subject for one in writers))
        why = f"{catalogue.MARK_OVERWRITTEN.breaks} {'; '.join(one.seen for one in writers)}."
        return differs("mark", mark, f"written by {places} too", why, catalogue.MARK_OVERWRITTEN.mend)
    if number is None:
        return note("mark", mark, unsteered(expected, flow, seen))
    return same("mark", mark, f"{mark}, nobody else writes those bits")


def unsteered(expected: Expected, flow: Flow, seen: Seen) -> str:
    """Say why a packet has no VID's mark."""
    if flow.entrance.value == "link":
        return "It comes from a link: it has crossed it, and goes on by the main table."
    if flow.entrance.value == "other":
        return f"{flow.device} is neither a LAN nor a link of this gateway: what enters there is not steered."
    if not steered(flow, seen.answer.kind):
        return "It is for this gateway itself, or for many: no VID carries it."
    number = application_id(expected, seen)
    return "" if number is None else f"{expected.name_of(number)} has no VID: it goes by the main table."
