"""One case, carried out on real packets: our daemon and a Debian Keepalived on one LAN."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_interface
from pathlib import Path

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.links import Family, Mac
from tests.interop.cases import Case, Cast, Maker
from tests.interop.judge import Absence, Evidence, Phase, faults
from tests.interop.lan import SOURCES, VIRTUAL, Lan, built
from tests.interop.makers import Gateway, Keepalived, Ours, Part
from tests.interop.scenario import HIGH, Deed, Step, steps
from tests.interop.watch import Record, Watch

VID = 51
SHARED = "s3cret"
"""The password of version 2, where there is one."""
DISTURBED: Duration = 100 * MILLISECOND
"""A machine that let us wait longer than this has had a part in what went wrong: the case is tried again."""
_LINES_MAX = 8
_TIME = re.compile(r"^time=\S+ |^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}: ")
_LOOK_EVERY_S = 0.02
_GRACE: Duration = 2 * SECOND
"""How much later than the protocol's own bound we may find everything in order: asking takes time."""

Programs = Mapping[Maker, Callable[..., Gateway]]
PROGRAMS: Programs = {Maker.OURS: Ours, Maker.THEIRS: Keepalived}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case: its faults, none if it is good; how long it took; the machine's longest stall."""

    case: Case
    faults: tuple[str, ...]
    seconds: float
    stall: Duration
    logs: str

    @property
    def disturbed(self) -> bool:
        """Whether the machine itself may be to blame."""
        return bool(self.faults) and self.stall > DISTURBED


class Trial:
    """The LAN of one case and what has been done on it so far."""

    def __init__(self, case: Case, lan: Lan, files: Path, programs: Programs) -> None:
        self.case, self._lan = case, lan
        self._virtual = VIRTUAL[case.family]
        self._asked = ip_interface(self._virtual[-1]).ip
        self._low = case.first
        self._gateways = {maker: programs[maker](lan.nodes[maker], files / maker) for maker in Maker}
        self._parts = {maker: self._part(maker) for maker in Maker}
        self._away: dict[str, Instant] = {}
        self._absences: list[Absence] = []
        self._phases: list[Phase] = []

    def _source(self, maker: Maker) -> str:
        return SOURCES[self.case.family]["low" if maker is self._low else "high"].partition("/")[0]

    def _part(self, maker: Maker) -> Part:
        return Part(
            vid=VID,
            virtual=self._virtual,
            source=self._source(maker),
            peer=self._source(maker.other),
            priority=HIGH,
            interval_ms=self.case.interval_ms,
            version=self.case.version,
            virtual_mac=self.case.has_mac(maker),
            unicast=self.case.cast is Cast.UNICAST,
            password=SHARED if self.case.password else None,
        )

    def run(self) -> tuple[list[str], Record]:
        """Carry the case out; return what was wrong, and what was seen."""
        with Watch(self._lan, self._virtual) as record:
            try:
                for step in steps(self.case):
                    self._carry_out(step, record)
                    if self._phases[-1].settled is None:
                        break
                complaints = [
                    f"{maker} says{line}"
                    for maker, one in self._gateways.items()
                    for line in _shortened(one.complaints())
                ]
            finally:
                for gateway in self._gateways.values():
                    gateway.stop()
                for gateway in self._gateways.values():
                    gateway.wait()
        self._absences += [Absence(leg, since, time.monotonic_ns()) for leg, since in self._away.items()]
        return faults(self._evidence(record)) + complaints, record

    def logs(self, record: Record) -> str:
        """Return what both programs logged, and what was seen in the last step."""
        logs = [f"----- {maker}\n{one.lines}" for maker, one in self._gateways.items()]
        last = self._phases[-1]
        return "\n".join([*logs, f"----- {last.step}", *record.story(last.begun)])

    def _evidence(self, record: Record) -> Evidence:
        return Evidence(
            case=self.case,
            record=record,
            phases=self._phases,
            absences=self._absences,
            virtual=self._virtual,
            sources={str(maker): self._source(maker) for maker in Maker},
            macs=self._lan.macs,
            virtual_mac=self._virtual_mac(),
            password=SHARED.encode() if self.case.password else b"",
        )

    def _virtual_mac(self) -> Mac:
        return bytes.fromhex("00005e0001" if self.case.family is Family.IPV4 else "00005e0002") + bytes([VID])

    def _carry_out(self, step: Step, record: Record) -> None:
        if step.priority is not None:
            changed = replace(self._parts[step.who], priority=step.priority, preempt=step.preempt)
            self._parts[step.who] = changed
            self._gateways[step.who].configure([changed])
        begun = time.monotonic_ns()
        _DEEDS[step.deed](self, step.who)
        if step.deed in (Deed.KILL, Deed.DIE, Deed.CUT):
            self._away[step.who] = begun
        settled, why = self._await_settled(step, record, begun)
        if settled is not None:
            time.sleep((1.5 * self.case.interval + 200 * MILLISECOND) / SECOND)
        self._phases.append(Phase(step, begun, settled, time.monotonic_ns(), why))

    def _await_settled(self, step: Step, record: Record, begun: Instant) -> tuple[Instant | None, str]:
        """Wait for what the step leads to; return when it was there, or None and what was missing."""
        while True:
            now = time.monotonic_ns()
            missing = self._missing(step, record, begun)
            if not missing:
                return now, ""
            if now > begun + step.by + _GRACE:
                return None, missing
            time.sleep(_LOOK_EVERY_S)

    def _missing(self, step: Step, record: Record, begun: Instant) -> str:
        """Return what is still missing of what a step leads to; the cheap questions come first."""
        for maker in Maker:
            if maker in self._away and step.who is maker and step.deed in (Deed.START, Deed.BOOT, Deed.RESTORE):
                if step.deed is not Deed.RESTORE and self._gateways[maker].state(self._parts[maker]) is None:
                    return f"{maker} says nothing yet"
                self._absences.append(Absence(str(maker), self._away.pop(maker), time.monotonic_ns()))
        masters = {str(master) for master in step.masters}
        last = {one.leg: one for one in list(record.adverts) if one.at >= begun}
        alone = bool(self._away) or len(step.masters) > 1
        deaf = self.case.cast is Cast.UNICAST and alone  # nobody is there to send to
        if not (deaf or masters <= {leg for leg, one in last.items() if one.priority > 0}):
            return f"adverts of {sorted(masters)}"
        for one in self._virtual:
            holders = record.holders(ip_interface(one).ip) - set(self._away)
            if holders != masters:
                return f"{one} is held by {sorted(holders) or 'nobody'}"
        if len(masters) == 1 and (missing := self._missing_at_host(masters, record, begun)):
            return missing
        return self._missing_words(masters)

    def _missing_at_host(self, masters: set[str], record: Record, begun: Instant) -> str:
        (master,) = masters
        macs = [self._virtual_mac() if self.case.has_mac(Maker(master)) else self._lan.macs[master]]
        if master == Maker.THEIRS:  # Keepalived asks for hosts as the virtual IP from the device below: they learn that
            macs.append(self._lan.macs[master])
        known = self._lan.neighbour(str(self._asked))
        if known not in macs:
            return f"the host sends to {known.hex(':') if known else 'nobody'}, not to {macs[0].hex(':')}"
        answers = [one for one in list(record.answers)[-5:] if one.source == self._asked and one.at >= begun]
        return "" if {one.leg for one in answers} == masters else f"answers of {master} alone"

    def _missing_words(self, masters: set[str]) -> str:
        for maker, gateway in self._gateways.items():
            if gateway.process is not None and maker not in self._away:
                state = gateway.state(self._parts[maker])
                wanted = "master" if maker in masters else "backup"
                if state != wanted and not (gateway.leaving and state is None):
                    return f"{maker} says {state}, not {wanted}"
        return ""

    # ------------------------------------------------------------------------------------------------- the deeds

    def _start(self, who: Maker) -> None:
        self._gateways[who].start()

    def _stop(self, who: Maker) -> None:
        self._gateways[who].stop()

    def _kill(self, who: Maker) -> None:
        self._gateways[who].kill()

    def _die(self, who: Maker) -> None:
        self._lan.cut(who)
        self._gateways[who].kill()

    def _boot(self, who: Maker) -> None:
        self._lan.reboot(who, self._virtual)
        self._gateways[who].forget()
        self._lan.restore(who)
        self._gateways[who].start()

    def _cut(self, who: Maker) -> None:
        self._lan.cut(who)

    def _restore(self, who: Maker) -> None:
        self._lan.restore(who)

    def _part_lan(self, _who: Maker) -> None:
        self._lan.part()

    def _join(self, _who: Maker) -> None:
        self._lan.join()

    def _reload(self, who: Maker) -> None:
        self._gateways[who].reload()


_DEEDS: dict[Deed, Callable[[Trial, Maker], None]] = {
    Deed.START: Trial._start,
    Deed.STOP: Trial._stop,
    Deed.KILL: Trial._kill,
    Deed.DIE: Trial._die,
    Deed.BOOT: Trial._boot,
    Deed.CUT: Trial._cut,
    Deed.RESTORE: Trial._restore,
    Deed.PART: Trial._part_lan,
    Deed.JOIN: Trial._join,
    Deed.RELOAD: Trial._reload,
}


def _shortened(lines: Iterable[str]) -> Iterator[str]:
    """Yield what is said, once each, with how often it was said; times differ and say nothing."""
    count = Counter(_TIME.sub("", line) for line in lines)
    for line, times in count.most_common(_LINES_MAX):
        yield f"{f' {times} times' if times > 1 else ''}: {line}"


def carry_out(case: Case, files: Path, programs: Programs = PROGRAMS) -> Outcome:
    """Carry out one case on a LAN of its own; what goes wrong with the harness itself is a fault as well."""
    began = time.monotonic()
    with built(case.first) as lan:
        trial = Trial(case, lan, files, programs)
        found, record = trial.run()
        stall = max((length for _at, length in record.stalls), default=0)
        return Outcome(case, tuple(found), time.monotonic() - began, stall, trial.logs(record))
