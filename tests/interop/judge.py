"""The judge: from what a LAN showed to what was wrong with it. Knows VRRP's windows, and nothing of either program."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface
from itertools import pairwise

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.links import Address, Family, Mac
from tests.interop.cases import Case, Cast, Maker
from tests.interop.scenario import TOUCH, Step
from tests.interop.watch import Held, Record
from tests.interop.wire import Advert

GROUPS = {4: "224.0.0.18", 6: "ff02::12"}
SLACK: Duration = 50 * MILLISECOND
"""What every bound is given for this machine's own lateness, which is given as well where it was noticed."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A step as it went: when it began, was settled (None: never, and `missing` says what was missing), was over."""

    step: Step
    begun: Instant
    settled: Instant | None
    over: Instant
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Absence:
    """A gateway that cannot answer, whatever its kernel still has: dead, killed, or without carrier."""

    leg: str
    since: Instant
    until: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All there is to judge by; `sources` and `macs` are the gateways' own."""

    case: Case
    record: Record
    phases: Sequence[Phase]
    absences: Sequence[Absence]
    virtual: tuple[str, ...]
    sources: Mapping[str, str]
    macs: Mapping[str, Mac]
    virtual_mac: Mac
    password: bytes

    @property
    def asked(self) -> Address:
        """The virtual IP that the host talks to."""
        return ip_interface(self.virtual[-1]).ip


@dataclass(frozen=True, slots=True)
class Span:
    """Who holds the virtual IP, and can answer for it, from one instant to another."""

    since: Instant
    until: Instant
    holders: frozenset[str]

    @property
    def length(self) -> Duration:
        """How long."""
        return self.until - self.since


def spans(held: Iterable[Held], absences: Iterable[Absence], end: Instant) -> list[Span]:
    """Return who could answer, from the first notice to the end."""
    changes = [(one.at, one.leg, "has" if one.present else "has not") for one in held]
    for absence in absences:
        changes += [(absence.since, absence.leg, "away"), (absence.until, absence.leg, "back")]
    having: set[str] = set()
    away: set[str] = set()
    found: list[Span] = []
    changes.sort(key=lambda change: change[0])
    for (at, leg, what), (following, *_) in pairwise([*changes, (end, "", "")]):
        {"has": having.add, "has not": having.discard, "away": away.add, "back": away.discard}[what](leg)
        if following > at:
            found.append(Span(at, following, frozenset(having - away)))
    return found


def within(found: Iterable[Span], since: Instant, until: Instant) -> Iterator[Span]:
    """Yield the spans between two instants, cut to them."""
    for span in found:
        if span.since < until and span.until > since:
            yield Span(max(span.since, since), min(span.until, until), span.holders)


def faults(evidence: Evidence) -> list[str]:
    """Return everything that was wrong, in words; nothing if all was well."""
    end = evidence.phases[-1].over
    held = [one for one in evidence.record.held if one.address == evidence.asked]
    found = spans(held, evidence.absences, end)
    wrong = []
    for phase in evidence.phases:
        slack = SLACK + 2 * evidence.record.worst_stall(phase.begun, phase.over)
        wrong += [f"{phase.step}: {words}" for words in _phase(evidence, phase, found, slack)]
    return wrong + sorted(set(_adverts(evidence))) + _foreign_macs(evidence)


def _phase(evidence: Evidence, phase: Phase, found: Sequence[Span], slack: Duration) -> Iterator[str]:
    """Yield what was wrong after one step."""
    step = phase.step
    if phase.settled is None:
        yield f"did not settle: {phase.missing}"
    settled = phase.settled or phase.over
    moving = list(within(found, phase.begun, settled))
    nobody = sum(span.length for span in moving if not span.holders)
    if nobody > step.gap + slack:
        yield f"nobody held the virtual IP for {_ms(nobody)}, allowed are {_ms(step.gap)}"
    both = max((span.length for span in moving if len(span.holders) > 1), default=0)
    if both > step.doubled + slack:
        yield f"both held the virtual IP for {_ms(both)}, allowed are {_ms(step.doubled)}"
    for leg in Maker:
        took = sum(phase.begun <= at < phase.over for at in _takes(evidence, leg))
        if took > 1:
            yield f"{leg} took the virtual IP {took} times"
    if phase.settled is not None:
        yield from _peace(evidence, phase, found, slack)


def _takes(evidence: Evidence, leg: Maker) -> Iterator[Instant]:
    """Yield when a gateway took the virtual IP; the kernel says of one that is there already that it is there, too."""
    present = False
    for one in evidence.record.held:
        if one.leg == leg and one.address == evidence.asked:
            if one.present and not present:
                yield one.at
            present = one.present


def _peace(evidence: Evidence, phase: Phase, found: Sequence[Span], slack: Duration) -> Iterator[str]:
    """Yield what changed after everything had settled: nothing may."""
    since, until = phase.settled or phase.over, phase.over
    masters = {str(master) for master in phase.step.masters}
    for span in within(found, since, until):
        if span.holders != masters:
            holders = " and ".join(sorted(span.holders)) or "nobody"
            yield f"{holders} held the virtual IP {_ms(span.since - since)} after it had settled"
    heard = [one for one in evidence.record.adverts if since <= one.at <= until]
    for leg in sorted({one.leg for one in heard} - masters):
        yield f"{leg} advertises, and is not Master"
    for master in sorted(masters):
        times = [since, *(one.at for one in heard if one.leg == master), until]
        longest = max(later - earlier for earlier, later in pairwise(times))
        if longest > evidence.case.interval + slack and not _is_deaf(evidence, phase):
            yield f"{master} was silent for {_ms(longest)}"
    for leg in sorted({one.leg for one in evidence.record.answers if since + slack <= one.at <= until} - masters):
        yield f"{leg} answers for the virtual IP, and is not Master"


def _is_deaf(evidence: Evidence, phase: Phase) -> bool:
    """Tell whether a unicast advert has nobody to go to: it waits for a neighbour that does not answer."""
    alone = any(one.since <= phase.begun < one.until for one in evidence.absences)
    return evidence.case.cast is Cast.UNICAST and (alone or len(phase.step.masters) > 1)


def _adverts(evidence: Evidence) -> Iterator[str]:
    """Yield what is wrong with single adverts, a line for each kind of fault."""
    for advert in evidence.record.adverts:
        for name, expected in _expected(evidence, Maker(advert.leg)).items():
            seen = getattr(advert, name)
            if seen != expected:
                yield f"{advert.leg} sends adverts whose {name} is {seen}, not {expected}"
        yield from _checksum(evidence.case, advert)


def _expected(evidence: Evidence, sender: Maker) -> dict[str, object]:
    """Return what every advert of a gateway must have."""
    case = evidence.case
    unicast = case.cast is Cast.UNICAST
    mac, ttl = evidence.macs[sender], 255
    if case.has_mac(sender) and not unicast:  # to one peer, both makers send as any IP packet is sent
        mac = evidence.virtual_mac
    if unicast and sender is Maker.THEIRS and case.family is Family.IPV6:
        ttl = 64  # a known weakness of Keepalived 2.2.7
    return {
        "mac": mac,
        "source": ip_address(evidence.sources[sender]),
        "destination": ip_address(evidence.sources[sender.other] if unicast else GROUPS[case.family]),
        "ttl": ttl,
        "version": case.version,
        "interval": case.interval,
        "addresses": tuple(ip_interface(one).ip for one in evidence.virtual),
        "password": evidence.password,
    }


def _checksum(case: Case, advert: Advert) -> Iterator[str]:
    needed = {(2, Family.IPV4): {"message"}, (3, Family.IPV6): {"pseudo"}}.get(
        (case.version, case.family), {"message", "pseudo"}
    )
    if not needed & advert.forms:
        yield f"{advert.leg} sends adverts whose checksum is wrong"


def _foreign_macs(evidence: Evidence) -> list[str]:
    """Return which of ours sent a frame with the virtual MAC while it was not Master: it re-teaches the switches."""
    held = [one for one in evidence.record.held if one.address == evidence.asked]
    end = evidence.phases[-1].over
    slack = TOUCH + 2 * evidence.record.worst_stall(evidence.phases[0].begun, end)
    mine = [span for span in spans(held, (), end) if Maker.OURS in span.holders]
    kinds = {
        f"{frame.kind:04x}"
        for frame in evidence.record.frames
        if frame.leg == Maker.OURS and not any(span.since - slack <= frame.at <= span.until + slack for span in mine)
    }
    return [f"ours sends frames of type {kind} from the virtual MAC while it is not Master" for kind in sorted(kinds)]


def _ms(length: Duration) -> str:
    return f"{length / MILLISECOND:.0f} ms"
