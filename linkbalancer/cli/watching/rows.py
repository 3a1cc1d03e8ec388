"""What the live view shows, as plain rows: a name to know each by, how bad it is, and its cells."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from linkbalancer.cli import counts, levels
from linkbalancer.cli.load import FULL, most_used, percent
from linkbalancer.cli.screen import vid_in_order
from linkbalancer.cli.watching.samples import Samples, rate, sparkline
from linkbalancer.clock import MILLISECOND, in_words

LINKS: Final = ("", "LINK", "is", "peer", "RTT", "", "loss", "", "in", "out", "", "used", "for", "why")
VIDS: Final = ("", "VID", "here", "far end", "Master", "goes over", "for", "why")
APPLICATIONS: Final = ("", "APPLICATION", "is on", "then", "for", "why")
EVENTS: Final = ("EVENTS", "", "what came of it")

MARKS: Final = ("●", "▲", "✖")
"""How bad a row is, for those who see no colours: as wished, second best, broken."""

STYLES: Final = ("", "yellow", "red")


@dataclass(frozen=True, slots=True)
class Row:
    """One line."""

    key: str
    badness: int
    cells: tuple[str, ...]


def headline(status: Mapping[str, Any]) -> tuple[int, str]:
    """Say in a line how the gateway is: how bad, and the worst finding."""
    who = f"{status['node']} ({status['role']})"
    health = status.get("health")
    findings = status.get("findings") or []
    if health is None:
        settled = "settled" if status["settled"] else "not settled yet"
        return (0 if status["settled"] else 1), f"{who}: {settled}"
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    worst = f": {findings[0]}{more}" if findings else ""
    return {"good": 0, "degraded": 1}.get(str(health), 2), f"{who}: {health}{worst}"


def links(status: Mapping[str, Any], samples: Samples, width: int) -> list[Row]:
    """Return a row for each link; sparklines take what `width` leaves them."""
    room = max(6, min(60, (width - 68) // 3))
    return [_link(name, link, samples, room) for name, link in status["links"].items()]


def _link(name: str, link: Mapping[str, Any], samples: Samples, room: int) -> Row:
    known = list(samples.links.get(name, ()))
    newest = known[-1] if known else None
    loss = newest.loss if newest is not None else None
    rtt = newest.rtt_ms if newest is not None else None
    state = "drained" if link.get("drained") else f"fault: {link['fault']}" if link["fault"] else _open(link)
    full = (_used(link) or 0) >= FULL
    badness = 2 if not link["open"] else 1 if link["fault"] or link.get("drained") or loss or full else 0
    return Row(
        name,
        badness,
        (
            MARKS[badness],
            name,
            state,
            str(link.get("peer_node") or link.get("peer") or "?"),
            "-" if rtt is None else f"{rtt:.3g}ms",
            sparkline([one.rtt_ms for one in known], room),
            "-" if loss is None else f"{loss * 100:.2g}%",
            sparkline([one.loss for one in known], room, top=0.1),
            rate(newest.received if newest is not None else None),
            rate(newest.sent if newest is not None else None),
            sparkline([_both(one.received, one.sent) for one in known], room),
            percent(_used(link)),
            span(link["since_ms"]),
            str(link.get("drained") or link["reason"]),
        ),
    )


def _used(link: Mapping[str, Any]) -> float | None:
    metrics = link.get("metrics")
    return most_used(metrics) if metrics is not None else None


def _open(link: Mapping[str, Any]) -> str:
    return "open" if link["open"] else "closed"


def _both(received: float | None, sent: float | None) -> float | None:
    return None if received is None or sent is None else received + sent


def vids(status: Mapping[str, Any]) -> list[Row]:
    """Return a row for each VID, with what both ends of its link say."""
    return [_vid(vid, group) for vid, group in sorted(status["groups"].items(), key=lambda item: vid_in_order(item[0]))]


def _vid(vid: str, group: Mapping[str, Any]) -> Row:
    badness = 0 if group["works"] else 2
    if not badness and (group.get("drained") or group["state"] in {"fault", "held", "stopped", "initialising"}):
        badness = 1
    tier = f" {group['tier']}" if group.get("tier") else ""
    peer = group.get("peer")
    far = "?" if not peer else f"{peer['state']} {peer['priority']}"
    master = {"self": "this one", None: "none"}.get(group["master"], str(group["master"]))
    why = str(group.get("drained") or group["reason"])
    if not group["works"]:
        why = f"does not work: {why}"
    here = "drained" if group.get("drained") else f"{group['state']}{tier}"
    return Row(vid, badness, (MARKS[badness], vid, here, far, master, group["next_hop"], span(group["since_ms"]), why))


def applications(status: Mapping[str, Any], wanted: str = "") -> list[Row]:
    """Return a row for each application whose name or VID has a text in it, the worst first."""
    found = (_application(name, one, status) for name, one in status["applications"].items())
    word = wanted.casefold()
    return sorted(
        (row for row in found if word in row.key.casefold() or word in row.cells[2].casefold()),
        key=lambda row: (-row.badness, row.key),
    )


def _application(name: str, application: Mapping[str, Any], status: Mapping[str, Any]) -> Row:
    vid, following = application["vid"], application["next"]
    works = vid is not None and status["groups"].get(str(vid), {}).get("works", False)
    first = {member["vid"] for member in application["vids"][0]} if application["vids"] else {vid}
    badness = 2 if not works else 0 if vid in first and not levels.breaks(application) else 1
    place = "nowhere" if vid is None else f"VID {vid}"
    out, back = (counts.rate(status, name, way) for way in ("out", "in"))
    if out is not None and back is not None:
        place += f", out {rate(out)} in {rate(back)}"
    after = "nowhere" if following is None else f"VID {following}"
    cells = (MARKS[badness], name, place, after, span(application["since_ms"]), str(application["reason"]))
    return Row(name, badness, cells)


def events(history: Mapping[str, Any]) -> list[Row]:
    """Return a row for each thing that happened, the newest first."""
    rows = []
    for chain in reversed(history.get("chains") or []):
        when = datetime.fromtimestamp(chain["at_us"] / 1e6).astimezone().strftime("%H:%M:%S")
        came = "; ".join(map(str, chain.get("consequences") or ()))
        rows.append(Row(str(chain["id"]), 0, (when, str(chain["headline"]), came)))
    return rows


def span(milliseconds: int) -> str:
    """Write how long something is so, roughly: what changes every second says nothing and costs a redraw."""
    if milliseconds < 60_000:
        return f"{milliseconds // 1000} s"
    return in_words(milliseconds // 60_000 * 60_000 * MILLISECOND).removesuffix(" 00 s").removesuffix(" 00 min")
