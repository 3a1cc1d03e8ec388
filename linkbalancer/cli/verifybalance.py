"""`linkbalancer verify-balance`: how the flows of balanced applications are split in this kernel, beside the weights.

It counts in connection tracking what this gateway has dealt out, and asks whether chance explains the difference.
"""

import errno
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from linkbalancer.cli import screen
from linkbalancer.cli.client import add_run_dir_option
from linkbalancer.cli.live import elsewhere, numbers_of, told_by
from linkbalancer.cli.output import add_json_option, complain, emit, unreadable
from linkbalancer.cli.places import DEFAULT, GATEWAY_FILE, gateway_file, in_use
from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.load import Loaded, load
from linkbalancer.daemon.crosscheck import NoEntranceError, entering
from linkbalancer.daemon.numbering import kept
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.flowtable import flows_of
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.drivers.nftables.standing import StandingWriter
from linkbalancer.links import Address, Firewall, Role, Vid
from linkbalancer.routing.balance import Pool, Target
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.split import UNLIKELY, Result, Split, split
from linkbalancer.routing.sticky import Sticky

EXAMPLES: Final = (
    ("verify-balance", "the live split of every balanced application beside the wanted one"),
    ("verify-balance downloads --json", "of one, for a program"),
)
UNITS: Final = {Sticky.FLOW: "flows", Sticky.SOURCE: "sources", Sticky.PAIR: "pairs"}
_STATE_DIRECTORY: Final = Path("/var/lib/linkbalancer")
_STYLES: Final = {Result.OFF: "31", Result.FEW: "33"}


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("applications", nargs="*", metavar="APPLICATION", help="leave out the others (default: all)")
    about = f"a gateway's {GATEWAY_FILE}, or its directory (default: the daemon's, else {DEFAULT})"
    parser.add_argument("--config", type=Path, metavar="CONFIG", help=about)
    about = "the daemon's --state-dir, read when it does not answer (default: %(default)s)"
    parser.add_argument("--state-dir", type=Path, default=_STATE_DIRECTORY, metavar="DIR", help=about)
    add_run_dir_option(parser)
    add_json_option(parser)


def run(args: Namespace) -> int:
    """Count; 0: as wanted, or too few flows to tell, 1: a split is off, 2: it cannot be asked like this."""
    config = gateway_file(args.config or in_use(args.run_dir))
    try:
        loaded = load(str(config), lambda path: Path(path).read_text(encoding="utf-8-sig"))
        if loaded.config.firewall is Firewall.IPTABLES:
            complain("firewall: iptables divides no flows: there is no balanced step to verify")
            return 2
        told = told_by(args.run_dir)
        where = elsewhere(told, "verify-balance")
        if where:
            complain(where)
            return 2
        numbers = kept(args.state_dir) if told is None else numbers_of(told["applications"])
        unknown = [name for name in args.applications if name not in numbers]
        if unknown:
            known = ", ".join(sorted(numbers)) or "none"
            complain(f"there is no application {unknown[0]}; the gateway has: {known}")
            return 2
        seen = _Seen(loaded)
    except ConfigErrors as error:
        sys.stderr.writelines(f"{finding}\n" for finding in error.findings)
        return 2
    except DriverError as error:
        rights = error.errno == errno.EPERM
        complain("asking the kernel takes root: do it with sudo" if rights else str(error))
        return 2
    except OSError as error:
        complain(unreadable(error, config))
        return 2
    wanted = {name: numbers[name] for name in args.applications or sorted(numbers)}
    return _answer(args, seen, wanted)


class _Seen:
    """What the kernel holds: where applications go, and which VIDs work. Raises DriverError."""

    def __init__(self, loaded: Loaded) -> None:
        self.marks, self._loaded = loaded.config.marks, loaded
        self._sides: dict[Address, bool] = {}
        netlink = NetlinkSocket(NETFILTER)
        try:
            self.steering: Mapping[int, Target | None] = MapWriter(self.marks, netlink).read()
            self.working = StandingWriter(self.marks, netlink).working()
        finally:
            netlink.close()

    def from_near(self, packet: Packet) -> bool:
        """Return whether a packet was sent by the near side, by where an answer to its source would leave."""
        if packet.source not in self._sides:
            try:
                ours = entering(self._loaded, packet, None).entrance.steers
            except NoEntranceError:
                ours = True  # it has left since; most flows are begun by hosts of ours
            self._sides[packet.source] = ours == (self._loaded.config.role is not Role.CONTROLLED)
        return self._sides[packet.source]


def _answer(args: Namespace, seen: _Seen, numbers: Mapping[str, int]) -> int:
    """Count the flows of these applications, and show them."""
    splits: dict[str, tuple[Pool, Split]] = {}
    others: dict[str, Target | None] = {}
    try:
        for name, number in numbers.items():
            to = seen.steering.get(number)
            if isinstance(to, Pool):
                splits[name] = to, split(to, seen.working, flows_of(seen.marks, number), seen.from_near)
            else:
                others[name] = to
    except DriverError as error:
        complain(str(error))
        return 2
    document = {name: _told(pool, found, seen.working) for name, (pool, found) in splits.items()}
    shown = screen.here(everything=True)
    lines = [line for name, (pool, found) in splits.items() for line in _text(name, pool, found, seen.working, shown)]
    if args.applications or not splits:
        lines += [_idle(name, to) for name, to in others.items()]
    emit(args, {"schema": 1, "applications": document}, "\n".join(lines or ["there are no applications"]))
    return 1 if any(found.result is Result.OFF for _pool, found in splits.values()) else 0


def _idle(name: str, to: Target | None) -> str:
    place = "to the main table" if to is None else f"to VID {to} alone"
    return f"{name}: goes {place}, nothing of it is balanced now"


def _told(pool: Pool, found: Split, working: frozenset[Vid]) -> dict[str, Any]:
    """Return a split for programs."""
    whole = sum(found.units.values())
    weights = {member.vid: member.weight for member in pool.step}
    return {
        "step": str(pool),
        "sticky": pool.sticky.value,
        "unit": UNITS[pool.sticky],
        "result": found.result.name.lower(),
        "chance": found.chance,
        "chance_if_dealt_anew": found.anew,
        "flows": found.flows,
        "flows_elsewhere": found.astray,
        "vids": {
            str(vid): {
                "weight": weights.get(vid),
                "works": vid in working,
                "wanted": float(found.wanted.get(vid, 0)),
                "count": found.units.get(vid, 0),
                "share": found.units.get(vid, 0) / whole if whole else None,
            }
            for vid in _rows(pool, found)
        },
    }


def _rows(pool: Pool, found: Split) -> list[Vid]:
    """Return the VIDs to show: those of the step, and others where flows are."""
    return list(dict.fromkeys([*pool.vids, *sorted(found.units)]))


def _text(name: str, pool: Pool, found: Split, working: frozenset[Vid], shown: screen.Screen) -> Iterator[str]:
    """Yield a split for people."""
    unit, whole = UNITS[pool.sticky], sum(found.units.values())
    verdict = shown.paint(str(found.result), _STYLES.get(found.result, "32"))
    yield f"{name} [{pool}] sticky={pool.sticky}: {verdict}; {_why(found, whole, unit)}"
    yield f"  {'VID':>3}  {'weight':>6}  {'wanted':>7}  {unit:>8}  {'share':>7}"
    weights = {member.vid: str(member.weight) for member in pool.step}
    for vid in _rows(pool, found):
        share = f"{found.units.get(vid, 0) / whole:.1%}" if whole else "-"
        state = "" if vid in working else "  does not work"
        state = state if vid in weights else "  is not of this step"
        wanted = f"{float(found.wanted.get(vid, 0)):.1%}"
        yield f"  {vid:>3}  {weights.get(vid, '-'):>6}  {wanted:>7}  {found.units.get(vid, 0):>8}  {share:>7}{state}"
    yield from (shown.cut(f"  {line}") for line in _remarks(pool, found))
    yield ""


def _why(found: Split, whole: int, unit: str) -> str:
    if found.outside:
        return f"{found.outside} of {whole} {unit} on VIDs that have no share"
    if found.chance is None:
        return f"{whole} {unit}, {found.needed} say something" if found.needed else "none of its VIDs works"
    how_often = f"{found.chance:.1%}" if found.chance >= UNLIKELY else f"less than {UNLIKELY:.1%}"
    return f"{whole} {unit}, as uneven in {how_often} of fair deals"


def _remarks(pool: Pool, found: Split) -> Iterator[str]:
    """Say what explains a split that is not as wanted."""
    if not found.astray:
        return
    yield f"{found.astray} of {found.flows} flows are not where their slot says."
    if pool.sticky is Sticky.FLOW:
        yield "They stay where they were before a VID came, died or was weighed otherwise."
    else:
        yield "They sent nothing since a VID came, died or was weighed otherwise; else they had moved."
    if found.anew is not None:
        yield f"Dealt anew, the split would be {'as wanted' if found.anew >= UNLIKELY else 'off'}."
