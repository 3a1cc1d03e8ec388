"""`linkbalancer explain`: which rule, application and VIDs a packet takes, offline, by the model the kernel gets.

With `--live` (cli/live.py) the running gateway's kernel is asked too, and where the two differ is said.
"""

import importlib
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from linkbalancer.cli.balanced import slot_in_words, slots
from linkbalancer.cli.byname import in_words_of, matched, resolved
from linkbalancer.cli.client import add_run_dir_option
from linkbalancer.cli.flows import flow, read_flows, shown
from linkbalancer.cli.output import add_json_option, complain, emit, unreadable, write
from linkbalancer.cli.places import DEFAULT, GATEWAY_FILE, gateway_file, in_use
from linkbalancer.cli.taken import SAME_VID, Gateway
from linkbalancer.config.findings import ConfigErrors, FieldError, Finding
from linkbalancer.config.reading import read_text
from linkbalancer.config.rules import NOT_STEERED, load_rules
from linkbalancer.links import Role
from linkbalancer.routing.application import Application, options_in_words, steps_in_words
from linkbalancer.routing.classifier import Classifier, compile_rules
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.rule import Rule, RuleSet

EXAMPLES: Final = (
    (
        "explain --src 192.0.2.7 --dst 198.51.100.9 --proto tcp --dport 443",
        "by the rules: which application, which VIDs",
    ),
    (
        "explain --live --src 192.0.2.7 --dst 198.51.100.9 --proto tcp --sport 40000 --dport 443",
        "on the gateway, as root: where it really goes, and where that is not what the rules say",
    ),
)

LIVE: Final = "linkbalancer.cli.live"
"""Imported for whoever asks for it: the offline answer needs none of it."""


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    add_run_dir_option(parser)
    parser.add_argument(
        "config",
        nargs="?",
        metavar="CONFIG",
        help=f"a gateway's {GATEWAY_FILE}, or its directory (default: {DEFAULT})",
    )
    parser.add_argument("--rules", metavar="FILE", help="a rule file by itself, instead of CONFIG")
    parser.add_argument(
        "--flows", metavar="FILE", help="packets as JSON, one a line; an answer a line in the same order"
    )
    live = parser.add_argument_group("on a running gateway, as root")
    live.add_argument(
        "--live", action="store_true", help="ask the kernel too, for one packet as it arrives here, and compare"
    )
    live.add_argument(
        "--iif", metavar="DEVICE", help="with --live: by which device it enters (default: where an answer would leave)"
    )
    live.add_argument(
        "--state-dir",
        type=Path,
        default=Path("/var/lib/linkbalancer"),
        metavar="DIR",
        help="the daemon's --state-dir, read when it does not answer (default: %(default)s)",
    )
    live.add_argument("--schema", action="store_true", help="print the JSON Schema of what --live --json prints")
    packet = parser.add_argument_group("one packet, as it runs from the controller's side to the controlled one")
    packet.add_argument("--src", metavar="ADDRESS")
    packet.add_argument("--dst", metavar="ADDRESS")
    packet.add_argument("--proto", metavar="PROTOCOL", help="name or number")
    packet.add_argument("--sport", metavar="PORT", default="0")
    packet.add_argument("--dport", metavar="PORT", default="0")
    packet.add_argument("--tos", metavar="TOS", default="0", help="the TOS byte, or the name of a DSCP")


def run(args: Namespace) -> int:
    """Explain; 0: answered, 1: the configuration or a flow is refused, 2: it cannot be asked like this.

    With `--live` 0: the kernel does the same, 1: something differs, 2: it cannot be asked.
    """
    if args.live or args.schema:
        return _live(args)
    wrong = _usage(args)
    if wrong is not None:
        complain(wrong)
        return 2
    if args.rules is None:
        args.config = gateway_file(Path(args.config) if args.config else in_use(args.run_dir))
    path = args.rules or args.config
    try:
        model = _model(args)
        path = args.flows
        packets = _packets(args)
    except ConfigErrors as error:
        sys.stderr.writelines(f"{finding}\n" for finding in error.findings)
        return 1
    except FieldError as error:
        complain(f"{error.what}; {error.remedy}")
        return 2
    except OSError as error:
        complain(unreadable(error, path))
        return 2
    if args.flows:
        _many(args, model, packets)
    else:
        _one(args, model, packets[0])
    return 0


def _live(args: Namespace) -> int:
    """Have the kernel asked."""
    live = importlib.import_module(LIVE)
    if args.schema:
        write(live.SCHEMA.read_text())
        return 0
    wrong = live.usage(args)
    if wrong is not None:
        complain(wrong)
        return 2
    return int(live.run(args, gateway_file(Path(args.config) if args.config else in_use(args.run_dir))))


def _usage(args: Namespace) -> str | None:
    """Return what is wrong with the way the command is called, None when nothing is."""
    if args.config is not None and args.rules is not None:
        return "name a CONFIG, or a rule file with --rules"
    single = [option for option in ("src", "dst", "proto") if getattr(args, option) is not None]
    if args.iif is not None:
        return "--iif goes with --live: by the rules alone it does not matter where a packet enters"
    if args.flows and single:
        return f"--flows and --{single[0]} do not go together"
    if not args.flows and len(single) < 3:
        return "name the packet with --src, --dst and --proto (and --sport, --dport, --tos), or many with --flows FILE"
    return None


class _Model:
    """What answers: rules of a file, compiled, and the numbers of the gateway that has them."""

    def __init__(self, file: str, rules: RuleSet, role: Role, gateway: Gateway) -> None:
        self.file, self.rules, self.role, self.gateway = file, rules, role, gateway
        self.classifier: Classifier = compile_rules(rules)

    def application(self, rule: Rule) -> Application:
        return self.rules.applications[rule.application]

    def answer(self, rule: Rule | None) -> dict[str, Any]:
        """Return the answer for a packet whose first match this is."""
        if rule is None:
            return {"line": None, "app": None, "vids": [], "options": []}
        application = self.application(rule)
        vids = [[{"vid": member.vid, "weight": member.weight} for member in step] for step in application.steps]
        options = list(options_in_words(application))
        return {"line": rule.line, "app": rule.application, "vids": vids, "options": options}


def _model(args: Namespace) -> _Model:
    if args.rules is not None:
        rules = resolved(args, load_rules(args.rules, _read))
        return _Model(args.rules, rules, Role.CONTROLLER, Gateway())
    # pydantic is only loaded where there is a configuration to read: this command should answer at once.
    from linkbalancer.config.load import load  # noqa: PLC0415 - see above

    loaded = load(str(args.config), _read)
    config = loaded.config
    ways, file = importlib.import_module("linkbalancer.config.ways"), loaded.rule_file or loaded.path
    gateway = Gateway(config.marks, ways.ways(config), ways.vids_over_ipv6(config))
    return _Model(file, resolved(args, loaded.rules), config.role, gateway)


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8-sig")


def _packets(args: Namespace) -> Sequence[Packet]:
    """Return the packets that are asked for; a file of them is refused with every line that is wrong."""
    if not args.flows:
        return [flow({key: getattr(args, key) for key in ("src", "dst", "proto", "sport", "dport", "tos")})]
    packets: list[Packet] = []
    wrong: list[Finding] = []
    for one in read_flows(read_text(args.flows, _read), args.flows):
        if isinstance(one, Finding):
            wrong.append(one)
        else:
            packets.append(one)
    if wrong:
        raise ConfigErrors(wrong)
    return packets


def _many(args: Namespace, model: _Model, packets: Sequence[Packet]) -> None:
    """Answer a file of packets."""
    answers: dict[Rule | None, str] = {}
    for packet in packets:
        rule = model.classifier.lookup(packet)
        if rule not in answers:
            answers[rule] = json.dumps(model.answer(rule)) if args.json else _line(model, rule)
        write(answers[rule] + "\n")


def _line(model: _Model, rule: Rule | None) -> str:
    if rule is None:
        return "no rule: the default application"
    return f"line {rule.line}: {rule.application} {model.application(rule).words}"


def _one(args: Namespace, model: _Model, packet: Packet) -> None:
    """Answer one packet, at both ends."""
    mirrored = model.classifier.mirrored()
    rule, reply = model.classifier.lookup(packet), mirrored.lookup(packet.mirrored())
    from_far = mirrored.lookup(packet)
    steps = () if rule is None else model.application(rule).steps
    data = {
        "file": model.file,
        **model.answer(rule),
        "slots": [] if rule is None else slots(model.application(rule), packet),
        "tables": [[model.gateway.taken(member.vid, packet) for member in step] for step in steps],
        "reply": model.answer(reply),
        "from_controlled_side": model.answer(from_far),
        "note": None if model.gateway.steers(packet) else NOT_STEERED,
        "by_name": (by_name := matched(args, rule, packet)),
    }
    emit(args, data, "\n".join(_text(model, packet, (rule, reply, from_far), in_words_of(by_name))))


def _text(
    model: _Model, packet: Packet, rules: tuple[Rule | None, Rule | None, Rule | None], named: Sequence[str]
) -> Sequence[str]:
    rule, reply, from_far = rules
    lines = [f"packet   {shown(packet)}"]
    if rule is None:
        lines.append(f"rule     none in {model.file} means it")
        lines.append("app      the default application: no VID, the main table's routes")
    else:
        application = model.application(rule)
        first = f"rule     line {rule.line} of {model.file}, the first that means it"
        lines += [first, *named, f"app      {rule.application}"]
        lines.append(f"VIDs     {steps_in_words(application.steps)}, the first that works")
        for member in (member for step in application.steps for member in step):
            share = f" ({member.weight} shares)" if member.weight > 1 else ""
            lines.append(f"  VID {member.vid}{share}: {model.gateway.words(member.vid, packet)}")
        refused = any(model.gateway.refuses(member.vid, packet) for step in application.steps for member in step)
        lines += [f"IPv6     {SAME_VID}"] if refused else []
        lines += [f"balance  {slot_in_words(slot)}" for slot in slots(application, packet) if slot is not None]
        lines += [f"options  {' '.join(said)}" for said in [options_in_words(application)] if said]
    if model.role is Role.STANDALONE:
        return [*lines, *_notes(model, packet)]
    lines.append(f"reply    {shown(packet.mirrored())}")
    lines.append(f"         enters at the controlled end, by the mirrored rules: {_line(model, reply)}")
    if from_far != reply:
        lines.append(
            f"         (a packet like the one above that enters at the controlled end: {_line(model, from_far)})"
        )
    return [*lines, *_notes(model, packet)]


def _notes(model: _Model, packet: Packet) -> Iterator[str]:
    if model.role is Role.CONTROLLED:
        yield "note     this gateway is the controlled end: what enters from its LAN is what `reply` says"
    if model.role is Role.STANDALONE:
        yield "note     this gateway has no links: replies go by the main table, as everything where it is Master"
    if not model.gateway.steers(packet):
        yield f"note     {NOT_STEERED}"
