"""`linkbalancer status`: how healthy the gateway is, and what each link, VID and application does, since when, and why.

The worst comes first. On a terminal it fits one screen; `--all` shows everything. Elsewhere it is plain text.
"""

import importlib
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from linkbalancer.cli import counts, levels, load, naming, refused, tracked, translated
from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.output import add_json_option, complain, emit, write
from linkbalancer.cli.screen import BOLD, COLOURS, Row, Screen, Section, folded, here, tables, vid_in_order, worst_first
from linkbalancer.clock import MILLISECOND, in_words

SCHEMA = Path(__file__).with_name("status.schema.json")

PUNCTUALITY = "linkbalancer.cli.punctuality"
"""Imported for whoever asks for it."""

FINDINGS = 6
"""Lines of findings on one screen."""

_BADNESS = {"good": 0, "degraded": 1, "broken": 2}


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--all", action="store_true", help="show everything, also where it does not fit the screen")
    parser.add_argument("--verbose", action="store_true", help="also how late the agent's timers were, and why")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of what --json prints")
    add_json_option(parser)
    add_run_dir_option(parser)


def run(args: Namespace) -> int:
    """Show the status; 1: no daemon answers, 2: it is not ours to ask."""
    if args.schema:
        write(SCHEMA.read_text())
        return 0
    try:
        status = ask(args.run_dir, "status")
    except RefusedError as error:
        complain(str(error))
        return error.status
    shown = "" if args.json else draw(status, here(everything=args.all))
    more = ["", *importlib.import_module(PUNCTUALITY).draw(status["daemon"])] if args.verbose else []
    emit(args, status, "\n".join([shown, *more]))
    return 0


def draw(status: dict[str, Any], screen: Screen) -> str:
    """Return the status as it is shown on a screen."""
    badness = _BADNESS[status["health"]]
    head = [screen.paint(screen.cut(headline(status)), f"{BOLD};{COLOURS[badness] or '32'}")]
    findings = folded(status["findings"], None if screen.height is None else FINDINGS)
    head += [screen.paint(screen.cut(f"  {finding}"), COLOURS[badness]) for finding in findings]
    return "\n".join([*head, *tables(sections(status), screen, len(head))])


def headline(status: dict[str, Any]) -> str:
    """Say in one line who answers, how it is, and whether things are settled."""
    settled = f"settled for {_since(status['settled_for_ms'])}" if status["settled"] else "not settled yet"
    number = (status.get("configuration") or {}).get("entry")
    configuration = "" if number is None else f", configuration #{number}"
    return f"{status['node']} ({status['role']}): {status['health']}, {settled}{configuration}"


def sections(status: dict[str, Any]) -> tuple[Section, ...]:
    """Return the tables, the worst of each first."""
    vids = sorted(status["groups"].items(), key=lambda item: vid_in_order(item[0]))
    return (
        worst_first(("link", "is", "for", "RTT", "next if it dies", "why"), [*map(_link, status["links"].items())]),
        *load.sections(status),
        worst_first(("VID", "is", "for", "Master", "way", "next if it dies", "why"), [*map(_group, vids)]),
        worst_first(
            ("application", "is on", "for", "then", "why"),
            [_application(item, status) for item in status["applications"].items()],
        ),
        *counts.sections(status),
        *levels.sections(status),
        *tracked.sections(status),
        *naming.sections(status),
        *translated.sections(status),
        *refused.section(status),
    )


def _link(item: tuple[str, dict[str, Any]]) -> Row:
    name, link = item
    state = "open" if link["open"] else "closed"
    reason = link["reason"]
    if link.get("opens_in_ms") is not None:
        reason += f"; answers, opens in {_since(link['opens_in_ms'])} if it goes on"
    badness = 0 if link["open"] else 2
    if link["drained"]:
        state, reason, badness = f"{state}, drained", link["drained"], max(badness, 1)
    if link["peer_fault"]:
        reason, badness = f"far end: {link['peer_fault']}", max(badness, 1)
    if link["fault"]:
        state, reason, badness = "fault", link["fault"], 2
    rtt = "-" if link["rtt_ms"] is None else f"{link['rtt_ms']:.3g} ms"
    return Row(badness, (name, state, _since(link["since_ms"]), rtt, link["if_it_dies"], reason))


def _group(item: tuple[str, dict[str, Any]]) -> Row:
    vid, group = item
    master = {"self": "here", None: "-" if group["mode"] == "static" else "none"}.get(group["master"], group["master"])
    badness = 0 if group["works"] else 2
    if not badness and (group["drained"] or group["state"] in {"fault", "held", "stopped", "initialising"}):
        badness = 1
    state = "drained" if group["drained"] and group["state"] == "fault" else group["state"]
    state = state if group["works"] else f"{state}, dead"
    way = group["next_hop"]
    worded = {group["link"], "unreachable", "as found", "main table", "not steered", "hosts' router"}
    if way not in worded and group["mode"] != "static":
        way = "LAN"
    why = "; ".join(filter(None, (_adjusted(group), group["reason"], _ipv6(group))))
    return Row(badness, (vid, state, _since(group["since_ms"]), str(master), way, group["if_it_dies"], why))


def _ipv6(group: dict[str, Any]) -> str:
    """Say that a VID refuses IPv6 though it carries IPv4."""
    hop, half = group.get("hop"), group.get("hop6")  # an older daemon tells none
    refused = hop and half and half["kind"] == "unreachable" and hop["kind"] != "unreachable"
    return f"IPv6 is refused: {group.get('why6') or 'no far end'}" if refused else ""


def _adjusted(group: dict[str, Any]) -> str:
    """Say which priority the controller has adjusted a group to, and why; nothing where it has not."""
    found = group.get("adjusted")
    if not found:
        return ""
    weight = "" if found["weight"] is None else f", weight {found['weight']:g}"
    to = "" if found["priority"] == group["priority"] else f" to {found['priority']}"
    return f"priority {group['priority']} (adjusted{to} by {found['by'] or 'the controller'}{weight})"


def _application(item: tuple[str, dict[str, Any]], status: dict[str, Any]) -> Row:
    name, application = item
    vid = application["vid"]
    group = status["groups"].get(str(vid))
    first = application["vids"][0] if application["vids"] else []
    badness = 0 if vid in {member["vid"] for member in first} else 1
    if levels.breaks(application):
        badness = max(badness, 1)
    if group is None or not group["works"]:
        badness = 2
    following = "nothing" if application["next"] is None else f"VID {application['next']}"
    place = "nowhere" if vid is None else f"VID {vid}"
    shares = application.get("shares")  # an older daemon tells none
    if shares:
        place = "VIDs " + ", ".join(f"{one} ({share:.0%})" for one, share in shares.items())
    return Row(badness, (name, place, _since(application["since_ms"]), following, application["reason"]))


def _since(milliseconds: int) -> str:
    return in_words(int(milliseconds) * MILLISECOND)
