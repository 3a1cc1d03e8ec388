"""How a gateway is, in one word and in sentences: the same judgement for everybody, drawn from its status alone.

`broken`: something carries nothing. `degraded`: everything is carried, but not as wished, or not for long if one more
thing dies. `good`: all is as wished.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from linkbalancer.clock import MILLISECOND, in_words
from linkbalancer.engine.naming import overview as naming

Status: TypeAlias = Mapping[str, Any]
Finding: TypeAlias = tuple[int, str]
"""How bad it is, and a sentence for the operator."""

GOOD, DEGRADED, BROKEN = "good", "degraded", "broken"
LEVELS = (GOOD, DEGRADED, BROKEN)

_CHOICES = ("first", "second", "third")


def assess(status: Status) -> tuple[str, list[str]]:
    """Return a status's health and its findings, the worst first."""
    findings = [
        *(finding for name, link in status["links"].items() for finding in _link(name, link)),
        *(finding for vid, group in status["groups"].items() for finding in _group(status, vid, group)),
        *(finding for name, one in status.get("trackers", {}).items() for finding in _tracker(name, one)),
        *(finding for name, app in status["applications"].items() for finding in _application(status, name, app)),
        *_configuration(status.get("configuration") or {}),
        *((1, notice) for notice in status.get("notices", ())),
        *_preflight(status.get("preflight") or ()),
        *_drained(status),
        *_company(status.get("other_rules") or ()),
        *((1, sentence) for sentence in naming.findings(status.get("names") or {})),
    ]
    findings.sort(key=lambda finding: -finding[0])
    worst = max((badness for badness, _ in findings), default=0)
    return LEVELS[worst], [sentence for _, sentence in findings]


def _link(name: str, link: Status) -> Iterator[Finding]:
    if link["fault"]:
        yield 1, f"link {name}: {link['fault']}"
    if not link["open"]:
        yield 1, f"link {name} has been closed for {_since(link)}: {link['reason']}"
    if link["open"]:
        yield from _ipv6(f"link {name}", link)
    if link.get("rules_differ"):
        peer = link["peer_node"] or link["peer"]
        yield 1, f"link {name}: {peer} has other rules: give both one file and `linkbalancer apply` it"
    if link["peer_fault"]:
        yield 1, f"the far end of link {name} ({link['peer_node'] or link['peer']}) says: {link['peer_fault']}"


def _ipv6(way: str, of: Status) -> Iterator[Finding]:
    """Say that a way which carries IPv4 carries no IPv6."""
    end = of.get("ipv6")
    if end is not None and end["answers"] is False:
        what = f"{end['address']} has not answered for {_since(end)} ({end['text']})"
        yield 1, f"{way} carries no IPv6: {what}; IPv6 packets are refused there, IPv4 goes on"


def _group(status: Status, vid: str, group: Status) -> Iterator[Finding]:
    if not group["works"]:
        used = any(str(application["vid"]) == vid for application in status["applications"].values())
        yield 2 if used else 1, f"VID {vid} does not work: {group['why']}"
        return
    if group["state"] in {"fault", "stopped", "initialising"} and not group["drained"] and _is_open(status, group):
        # A closed link and what is drained have sentences of their own.
        yield 1, f"VID {vid} is not served here since {_since(group)}: {group['reason']}"
    yield from _ipv6(f"VID {vid}", group)
    last = _last(status, group)
    if last is not None:
        yield 1, f"VID {vid} works only by the last {last[0]}: nothing is left if {last[1]} dies"


def _is_open(status: Status, group: Status) -> bool:
    return bool(status["links"].get(group["link"], {}).get("open", True))


def _last(status: Status, group: Status) -> tuple[str, str] | None:
    """Return what alone is left of the several gateways that a VID can be on, None while there is more than one.

    Who else is a member is known where the LAN's members are configured.
    """
    members = status["lans"].get(group["device"], {}).get("members", {})
    others = [address for address, answers in members.items() if answers]
    here = group["link"] is not None and _is_open(status, group) and group["state"] in {"master", "backup"}
    if not members or len(others) + here != 1:
        return None
    if not here:
        return ("gateway", others[0]) if group["link"] is not None else None
    return "link", f"{group['link']}"


def _tracker(name: str, tracker: Status) -> Iterator[Finding]:
    """Say which tracker takes something away; one that only fails, or adds less, is no finding of its own."""
    if tracker["ok"] is False:
        lowered = [f"VID {vid} {one['adds']:+d}" for vid, one in tracker["groups"].items() if one["adds"] < 0]
        stopped = [f"VID {vid} in fault" for vid, one in tracker["groups"].items() if one["fault"]]
        if lowered or stopped:
            says = f" ({tracker['text']})" if tracker["text"] else ""
            yield 1, f"tracker {name} fails for {_since(tracker)}{says}: {', '.join((*stopped, *lowered))}"


def _application(status: Status, name: str, application: Status) -> Iterator[Finding]:
    vid, steps = application["vid"], application["vids"]
    if vid is None:
        yield 2, f"application {name} goes nowhere: {application['reason']}"
        return
    if not status["groups"].get(str(vid), {"works": False})["works"]:
        yield 2, f"application {name} is on VID {vid}, which does not work: {application['reason']}"
        return
    broken = ((application.get("sla") or {}).get("breaks") or {}).get(str(vid))
    if broken is not None:
        yield 1, f"application {name} is on VID {vid}, which breaks its sla ({broken}), and no other does better"
    place = next((number for number, step in enumerate(steps) if any(one["vid"] == vid for one in step)), None)
    if place is None:
        yield 1, f"application {name} is on VID {vid}, which is not on its list: {application['reason']}"
    elif place:
        choice = f"{_CHOICES[place]} choice" if place < len(_CHOICES) else f"choice {place + 1}"
        yield 1, f"application {name} is on its {choice}, VID {vid}, for {_since(application)}: {_why(application)}"


def _why(application: Status) -> str:
    """Return an application's reason without the VID that the sentence has named."""
    return str(application["reason"]).removeprefix(f"VID {application['vid']}: ")


def _configuration(configuration: Status) -> Iterator[Finding]:
    number = configuration.get("entry")
    force = f"; #{number} is in force" if number is not None else ""
    match configuration.get("state"):
        case "pending":
            left = configuration.get("confirm_left_ms")
            when = "" if left is None else f" in {in_words(int(left) * MILLISECOND)}"
            yield 1, f"configuration #{number} is on trial: it is taken back{when} unless `linkbalancer confirm` comes"
        case "fallback":
            yield 1, f"the configuration files hold errors{force}"
        case "reverted":
            yield 1, f"a configuration was taken back{force}"
        case _:
            pass
    for line in configuration.get("lines", ()):
        yield 1, str(line)


def _preflight(found: Iterable[Mapping[str, str]]) -> Iterator[Finding]:
    """Say the worst of what is wrong on the host, in one sentence: the rest is `doctor`'s to tell."""
    errors = [one for one in found if one["severity"] == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        what = f"{errors[0]['subject']}: {errors[0]['breaks']}{more}"
        yield 1, f"this host stands in the way: {what}; see `linkbalancer doctor`"


def _drained(status: Status) -> Iterator[Finding]:
    for entry in status.get("drained", ()):
        if entry["known"]:
            reason = f": {entry['reason']}" if entry.get("reason") else ""
            kind = {"link": "link ", "vid": "VID ", "node": "gateway "}[entry["kind"]]
            yield 1, f"{kind}{entry['name']} is drained by {entry['who']} since {entry['at']}{reason}"


def _company(others: Iterable[Status]) -> Iterator[Finding]:
    for one in others:
        where = f"{one['node']} ({one['address']} on {one['device']})"
        yield 1, f"{where} steers by other rules than this gateway: give both the same rule file, and reload them"


def _since(what: Status) -> str:
    return in_words(int(what["since_ms"]) * MILLISECOND)
