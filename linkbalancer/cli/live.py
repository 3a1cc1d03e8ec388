"""`linkbalancer explain --live`: one flow by the model and by the kernel, side by side, and where the two differ.

It asks and changes nothing. Each line follows from what the kernel has in the line before, so a cause is named once.
Where something differs it looks a second time: what is just being moved, or put back, is no difference.
"""

import errno
import sys
import textwrap
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from linkbalancer.cli import screen
from linkbalancer.cli.byname import resolved
from linkbalancer.cli.client import RefusedError, ask
from linkbalancer.cli.flows import flow as read_flow
from linkbalancer.cli.output import complain, emit, unreadable
from linkbalancer.clock import MILLISECOND, in_words
from linkbalancer.config.findings import ConfigErrors, FieldError
from linkbalancer.config.load import Loaded, load
from linkbalancer.daemon.crosscheck import NoEntranceError, entering, observe
from linkbalancer.daemon.numbering import kept
from linkbalancer.drivers.errors import DriverError
from linkbalancer.engine.crosscheck.expected import Expected, packet_mark, vid
from linkbalancer.engine.crosscheck.line import Line, Result
from linkbalancer.engine.crosscheck.observed import Entrance, Flow, Seen
from linkbalancer.engine.crosscheck.verdict import Verdict, judge
from linkbalancer.links import Role
from linkbalancer.routing.classifier import Classifier, compile_rules
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.protocols import protocol_name

SCHEMA: Final = Path(__file__).with_name("live.schema.json")
AGAIN_S: Final = 0.5
"""How long until the second look."""

_SIGNS: Final = {Result.SAME: "✓", Result.DIFFERS: "✗", Result.NOTE: "·", Result.UNSEEN: "?"}
_STYLES: Final = {Result.DIFFERS: "31", Result.UNSEEN: "33"}
_MARGIN: Final = 15


def usage(args: Namespace) -> str | None:
    """Return what is wrong with the way the command is called, None when nothing is."""
    if args.flows or args.rules is not None:
        return f"--live asks about one packet of a gateway: leave out --{'flows' if args.flows else 'rules'}"
    if any(getattr(args, option) is None for option in ("src", "dst", "proto")):
        return "name the packet as it arrives here with --src, --dst and --proto (and --sport, --dport, --tos)"
    return None


def run(args: Namespace, config: Path) -> int:
    """Compare; 0: the same, 1: something differs, 2: it cannot be asked like this, or not by this user."""
    try:
        packet = read_flow({key: getattr(args, key) for key in ("src", "dst", "proto", "sport", "dport", "tos")})
        loaded = load(str(config), lambda path: Path(path).read_text(encoding="utf-8-sig"))
        where = elsewhere(told_by(args.run_dir), "explain --live")
        if where:
            complain(where)
            return 2
        question = _Question(args, loaded, entering(loaded, packet, args.iif))
        verdict = question.look()
        if verdict.differing:
            time.sleep(AGAIN_S)
            verdict = question.look()
    except ConfigErrors as error:
        sys.stderr.writelines(f"{finding}\n" for finding in error.findings)
        return 2
    except FieldError as error:
        complain(f"{error.what}; {error.remedy}")
        return 2
    except (NoEntranceError, DriverError) as error:
        rights = getattr(error, "errno", 0) == errno.EPERM
        complain("asking the kernel takes root: do it with sudo" if rights else str(error))
        return 2
    except OSError as error:
        complain(unreadable(error, config))
        return 2
    emit(args, question.to_json(verdict), "\n".join(question.text(verdict, screen.here(everything=True))))
    return 1 if verdict.differing else 0


def told_by(run_dir: Path) -> Mapping[str, Any] | None:
    """Return what the daemon says, None when it does not answer."""
    try:
        return ask(run_dir, "status")
    except RefusedError:
        return None


def elsewhere(told: Mapping[str, Any] | None, command: str) -> str | None:
    """Say so where the daemon works in another network namespace than this command: nothing would be comparable."""
    agent = ((told or {}).get("processes") or {}).get("agent")
    try:
        theirs, ours = (Path(f"/proc/{who}/ns/net").stat().st_ino for who in (agent, "thread-self"))
    except OSError:
        return None
    if agent is None or theirs == ours:
        return None
    return f"the daemon works in another network namespace; ask there: nsenter -t {agent} -n linkbalancer {command}"


class _Question:
    """One flow, asked about as often as need be."""

    def __init__(self, args: Namespace, loaded: Loaded, flow: Flow) -> None:
        self._args, self._loaded, self._flow = args, loaded, flow
        self._classifier = compile_rules(resolved(args, loaded.rules))
        self._rule = direction(self._classifier, loaded.config.role, flow.entrance).lookup(flow.packet)
        self._expected: Expected | None = None
        self._seen: Seen | None = None

    def look(self) -> Verdict:
        """Ask daemon and kernel, and compare. Raises DriverError."""
        told = told_by(self._args.run_dir)
        applications = (told or {}).get("applications")
        numbers = kept(self._args.state_dir) if applications is None else numbers_of(applications)
        rule = self._rule
        self._expected = Expected(
            self._loaded.config,
            self._loaded.rule_file or self._loaded.path,
            self._classifier.digest,
            None if rule is None else rule.application,
            numbers,
            told,
        )
        self._seen = observe(self._loaded, self._expected, self._flow)
        return judge(self._expected, self._flow, self._seen)

    def to_json(self, verdict: Verdict) -> dict[str, Any]:
        """Return everything as JSON-able values."""
        assert self._expected is not None
        assert self._seen is not None
        flow, packet, rule = self._flow, self._flow.packet, self._rule
        return {
            "schema": 1,
            "same": not verdict.differing,
            "node": self._loaded.config.node,
            "flow": {
                "src": str(packet.source),
                "dst": str(packet.destination),
                "proto": packet.protocol,
                "sport": packet.source_port,
                "dport": packet.destination_port,
                "tos": packet.tos,
                "iif": flow.device,
                "guessed": flow.guessed,
                "from": str(flow.entrance),
            },
            "rule": {
                "file": self._expected.rule_file,
                "line": None if rule is None else rule.line,
                "app": None if rule is None else rule.application,
            },
            "checks": verdict.to_json(),
            "kernel": self._kernel(self._expected, self._seen),
        }

    def _kernel(self, expected: Expected, seen: Seen) -> dict[str, Any]:
        """Return what the kernel does with the packet, for programs."""
        answer, entry = seen.answer, seen.neighbour
        number = vid(expected, seen, self._flow)
        return {
            "classifier": seen.digest,
            "connection_mark": None if seen.connection is None else f"{seen.connection.mark:#010x}",
            "vid": number,
            "mark": f"{packet_mark(expected, seen, self._flow):#010x}",
            "error": errno.errorcode.get(answer.error, str(answer.error)) if answer.error else None,
            "type": answer.kind,
            "table": answer.table or None,
            "route": answer.prefix,
            "gateway": None if answer.gateway is None else str(answer.gateway),
            "device": answer.device,
            "neighbour": None
            if entry is None
            else {"state": entry.state, "mac": entry.mac and entry.mac.hex(":"), "pinned": entry.ours},
        }

    def text(self, verdict: Verdict, where: screen.Screen) -> Iterator[str]:
        """Yield the lines for a person."""
        flow, rule = self._flow, self._rule
        yield f"flow     {_shown(flow.packet)}"
        yield f"enters   {_entrance(flow)}"
        assert self._expected is not None
        place = f"line {rule.line} of {self._expected.rule_file}: {rule.application}" if rule else "none means it"
        yield f"rule     {place}"
        yield ""
        for line in verdict.lines:
            yield from _drawn(line, where)
        count = len(verdict.differing)
        yield ""
        words = "the kernel does what the model says" if not count else f"{count} difference{'s' if count > 1 else ''}"
        yield where.paint(words, "31" if count else "32")


def direction(classifier: Classifier, role: Role, entrance: Entrance) -> Classifier:
    """Return the classifier that packets from there meet: rules are written near to far."""
    near_to_far = (entrance is not Entrance.LINK) == (role is not Role.CONTROLLED)
    return classifier if near_to_far else classifier.mirrored()


def numbers_of(applications: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Return the applications' numbers in marks, as the daemon tells them."""
    return {name: int(one["id"]) for name, one in applications.items() if one.get("id") is not None}


def _shown(packet: Packet) -> str:
    def end(address: object, port: int) -> str:
        shown = f"[{address}]" if port and packet.source.version == 6 else str(address)
        return f"{shown}:{port}" if port else shown

    source, destination = end(packet.source, packet.source_port), end(packet.destination, packet.destination_port)
    return f"{protocol_name(packet.protocol)} {source} -> {destination}, TOS {packet.tos:#04x}"


def _entrance(flow: Flow) -> str:
    if flow.entrance is Entrance.SELF:
        return "sent by this gateway itself"
    what = {Entrance.LAN: "a LAN", Entrance.LINK: "a link", Entrance.OTHER: "no LAN and no link"}[flow.entrance]
    guess = " (guessed: the way back leads there; else say --iif)" if flow.guessed else ""
    return f"by {flow.device}, {what} of this gateway{guess}"


def _drawn(line: Line, where: screen.Screen) -> Iterator[str]:
    """Yield a check's lines: one where it is as expected, and what, why and the remedy where it is not."""
    head = f"  {_SIGNS[line.result]} {line.check:<10} "
    style = _STYLES.get(line.result, "")
    if line.result is not Result.DIFFERS:
        for text in _wrapped(_plain(line), head, where):
            yield where.paint(text, style)
        return
    since = "" if line.since_ms is None else f"the daemon has it so for {in_words(line.since_ms * MILLISECOND)}"
    parts: Sequence[tuple[str, str]] = (
        ("expected", line.expected),
        ("kernel", line.kernel),
        ("why", line.why),
        ("since", since),
        *(("mend", remedy) for remedy in line.remedy),
    )
    for key, value in parts:
        if value:
            for text in _wrapped(value, f"{head}{key:<10}", where):
                yield where.paint(text, style if key in {"expected", "kernel"} else "")
            head = " " * _MARGIN


def _plain(line: Line) -> str:
    if line.result is Result.UNSEEN:
        return f"not seen: {line.why}" + (f" (expected: {line.expected})" if line.expected else "")
    since = "" if line.since_ms is None else f", for {in_words(line.since_ms * MILLISECOND)}"
    return line.kernel + (f"; {line.why}{since}" if line.why else since)


def _wrapped(text: str, head: str, where: screen.Screen) -> list[str]:
    """Cut a text into lines of the screen's width, those after the first indented as far as the first begins."""
    if where.width is None:
        return [head + text]
    lines = textwrap.wrap(text, max(where.width - len(head), 20), break_on_hyphens=False, break_long_words=False)
    return [f"{head if not number else ' ' * len(head)}{one}" for number, one in enumerate(lines or [""])]
