"""What a gateway hears of VRRP: every advert is judged, counted, said where it must be, and its checksum remembered."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.engine.chronicle import named
from linkbalancer.engine.counters import Counters
from linkbalancer.engine.effects import Record
from linkbalancer.engine.events import AdvertReceived
from linkbalancer.engine.refusals import Refusals
from linkbalancer.engine.verdict import Verdict, judge
from linkbalancer.links import Address, DeviceName, GroupId
from linkbalancer.vrrp.checksum import ChecksumForm
from linkbalancer.vrrp.events import Heard
from linkbalancer.vrrp.group import Group

Likeness: TypeAlias = tuple[DeviceName, bytes, int]

PEERS_MAX: Final = 8
"""Routers of one group whose checksum is remembered; who is not among the last that were heard is forgotten."""


FIRST_FORM: Final = ChecksumForm.RFC5798
"""What is sent where nobody was ever heard (decision 30): a Backup that cannot read it is never heard until it, too, is
Master, and of all routers those of Linux read this form alone."""


class Forms:
    """Which checksum each router of a group sends (version 3 over IPv4): ours is to be one that they can read."""

    def __init__(self) -> None:
        self._of: dict[Address, ChecksumForm] = {}
        self._default = FIRST_FORM

    def begin(self, form: ChecksumForm) -> None:
        """Go on with what a predecessor sent to all."""
        self._default = form

    def learn(self, source: Address, form: ChecksumForm) -> bool:
        """Take in a verified advert; return whether that changes the form that is sent."""
        before = self.form(None)
        self._of.pop(source, None)
        self._of[source] = form  # the last is the newest
        if len(self._of) > PEERS_MAX:
            del self._of[next(iter(self._of))]
        return before is not self.form(None)

    def form(self, destination: Address | None) -> ChecksumForm:
        """Return what to send to a peer, or, without one, to all: what was verified last, `FIRST_FORM` before."""
        last = next(reversed(self._of.values()), self._default)
        return last if destination is None else self._of.get(destination, last)


class Hearing:
    """The ear of one gateway.

    Args:
        groups: finds a configured group as its router has it now.
        counters: where everything is counted.
    """

    def __init__(self, groups: Callable[[GroupId], Group | None], counters: Counters) -> None:
        self.counters = counters
        self._groups = groups
        self._refusals = Refusals()
        self._forms: dict[str, Forms] = {}
        self._masters: dict[GroupId, Address] = {}
        self._own: dict[DeviceName, frozenset[Address]] = {}
        self._repeated: dict[Likeness, Verdict] = {}
        self._last: dict[GroupId, Likeness] = {}
        self._latest: dict[GroupId, Verdict] = {}

    def hear(self, now: Instant, event: AdvertReceived, own: frozenset[Address]) -> tuple[Verdict, list[Record]]:
        """Judge an advert; return the verdict, and what is to be said.

        A refused one leaves nothing but a count, and, once, what is to be said.

        Args:
            now: the present instant.
            event: the packet.
            own: every address of this gateway on that device that is no virtual IP.
        """
        verdict = self._verdict(event, own)
        group = None if verdict.group is None else verdict.group.id
        said: list[Record] = []
        for reason in verdict.differs if verdict.reason is None else (verdict.reason,):
            self.counters.refused(event.device, group, reason)
            record = self._refusals.record(now, event, verdict, reason)
            said += [record] if record is not None else []
        if group is None or verdict.received is None or verdict.heard is None:
            return verdict, said
        self.counters.received(group, verdict.heard.priority)
        if not said and self._latest.get(group) is verdict:
            return verdict, said  # the last one of this group said the same: nothing is to be learnt from it
        self._latest[group] = verdict
        self._follow(event.device, group, verdict.heard)
        return verdict, said + self._learn(verdict, group)

    def moved(self, device: DeviceName, group: GroupId) -> None:
        """Take in that a group changed its state: what is refused now is worth saying again."""
        self._refusals.rearm(device, group)

    def form(self, group: Group, destination: Address) -> ChecksumForm:
        """Return the checksum that a group's advert to a destination has to have."""
        if group.checksum is not ChecksumForm.AUTO:
            return group.checksum
        known = self._forms.get(str(group.id))
        if known is None:
            return FIRST_FORM
        return known.form(destination if group.peers else None)

    def snapshot(self) -> dict[str, Any]:
        """Return what was counted, and the form that each group is spoken to in, for a successor, JSON-able."""
        forms = {group: str(forms.form(None)) for group, forms in self._forms.items()}
        return {"counters": self.counters.dump(), "forms": forms}

    def recall(self, left: Mapping[str, Any]) -> None:
        """Go on counting, and speak to each group as a predecessor did; what it did not write so is left out."""
        with suppress(ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            for name, form in left["forms"].items():
                self._forms.setdefault(name, Forms()).begin(ChecksumForm(form))
            self.counters.recall(left["counters"])

    def _verdict(self, event: AdvertReceived, own: frozenset[Address]) -> Verdict:
        """Judge a packet, or find it equal to the last of its group but for what counts packets: an advert repeats."""
        known_own = self._own.get(event.device)
        if known_own is not own and known_own != own:
            self._own[event.device] = own
            self._repeated.clear()
            self._last.clear()
        key = likeness(event)
        known = self._repeated.get(key)
        if known is not None and known.group is not None and self._groups(known.group.id) is known.group:
            return known
        verdict = judge(event, self._groups, own)
        if verdict.heard is not None and verdict.group is not None:
            before = self._last.get(verdict.group.id)
            if before is not None:
                self._repeated.pop(before, None)
            self._last[verdict.group.id] = key
            self._repeated[key] = verdict
        return verdict

    def _follow(self, device: DeviceName, group: GroupId, heard: Heard) -> None:
        if heard.priority and self._masters.get(group) != heard.source:
            self._masters[group] = heard.source
            self._refusals.rearm(device, group)

    def _learn(self, verdict: Verdict, group: GroupId) -> list[Record]:
        received, configured = verdict.received, verdict.group
        assert received is not None
        assert configured is not None
        if received.advertisement.version != 3 or received.source.version != 4:
            return []
        changed = self._forms.setdefault(str(group), Forms()).learn(received.source, received.form)
        if not changed or configured.checksum is not ChecksumForm.AUTO:
            return []
        text = f"adverts are sent with the checksum of form {received.form} from now on: {received.source} sends it"
        fields = (*named(group), ("source", str(received.source)), ("form", str(received.form)))
        return [Record("advert", f"VID {group}", text, fields)]


def likeness(event: AdvertReceived) -> Likeness:
    """Return what two adverts that say the same have in common: all but IPv4's identification and header checksum.

    Those two move against each other; their sum tells that the header is as sound as the other was.
    """
    packet = event.packet
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return event.device, packet, 0
    balance = int.from_bytes(packet[4:6]) + int.from_bytes(packet[10:12])
    return event.device, packet[:4] + packet[6:10] + packet[12:], balance % 0xFFFF
