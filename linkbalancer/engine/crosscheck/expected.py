"""What is expected of a flow: by the files (rules, configuration), and by what the running daemon says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from linkbalancer.config.model import Config
from linkbalancer.config.ways import twins
from linkbalancer.engine.crosscheck.observed import Entrance, Flow, Seen
from linkbalancer.links import Role, Vid
from linkbalancer.routing.balance import Pool, owner
from linkbalancer.routing.handover import Form
from linkbalancer.routing.marks import DEFAULT_APPLICATION_ID
from linkbalancer.routing.slot import slot_of
from linkbalancer.routing.sticky import Sticky

_VRRP: Final = 112


@dataclass(frozen=True, slots=True)
class Expected:
    """What the model says.

    Args:
        config: the configuration.
        rule_file: where its rules are.
        digest: the classifier that they compile to.
        application: the first match's application, None for the default one.
        numbers: the applications' numbers in marks.
        told: the daemon's status, None when it does not answer.
    """

    config: Config
    rule_file: str
    digest: str
    application: str | None
    numbers: Mapping[str, int]
    told: Mapping[str, Any] | None

    @property
    def application_id(self) -> int | None:
        """The number of the application that the rules say; None where nobody knows it."""
        return DEFAULT_APPLICATION_ID if self.application is None else self.numbers.get(self.application)

    def name_of(self, application_id: int) -> str:
        """Return what a number stands for."""
        if application_id == DEFAULT_APPLICATION_ID:
            return "the default application"
        names = (name for name, number in self.numbers.items() if number == application_id)
        return next(names, f"application {application_id}, which is no more")

    def group(self, vid: Vid | None) -> Mapping[str, Any]:
        """Return what the daemon says of a VID, nothing where it does not."""
        return (self.told or {}).get("groups", {}).get(str(vid)) or {}

    def hop(self, vid: Vid | None, flow: Flow) -> Mapping[str, Any] | None:
        """Return where the daemon says that a VID's packets of the flow's family go, None where it does not."""
        return self.group(vid).get("hop" if flow.packet.source.version == 4 else "hop6")

    def steers(self, flow: Flow) -> bool:
        """Return whether the flow's family is steered here."""
        return flow.packet.source.version == 4 or twins(self.config) is not None


def application_id(expected: Expected, seen: Seen) -> int | None:
    """Return the application that the kernel takes the flow for: its entry's, where it has one, else the rules'."""
    if seen.connection is None or outdated(expected, seen):
        return expected.application_id
    return expected.config.marks.application_of(seen.connection.mark) or expected.application_id


def outdated(expected: Expected, seen: Seen) -> bool:
    """Return whether the flow was classified by other rules than those in use: its next packet is classified anew."""
    if seen.connection is None or seen.generation is None:
        return False
    return expected.config.marks.generation_of(seen.connection.mark) != seen.generation


def steered(flow: Flow, answer_kind: str) -> bool:
    """Return whether packets of the flow get a VID's mark here at all: not what is for this gateway or for many."""
    packet = flow.packet
    several = packet.destination.is_multicast or (packet.source.version == 6 and packet.destination.is_link_local)
    adverts = flow.entrance is Entrance.SELF and packet.protocol == _VRRP
    return flow.entrance.steers and not several and not adverts and answer_kind not in {"local", "broadcast"}


def bound(expected: Expected, seen: Seen, flow: Flow) -> Vid | None:
    """Return the VID that the flow is bound to because it came by its way and this packet answers; None for none."""
    found, marks = seen.connection, expected.config.marks
    if found is None or not found.reply or not found.mark & marks.inbound_bit or not steered(flow, seen.answer.kind):
        return None
    return marks.flow_of(found.mark) or None


def packet_mark(expected: Expected, seen: Seen, flow: Flow) -> int:
    """Return our bits of the mark that the kernel gives the flow's next packet; bound ones have the second table's."""
    guard = bound(expected, seen, flow) is not None
    number = vid(expected, seen, flow)
    return 0 if number is None else expected.config.marks.packet_mark(number, guard=guard)


def vid(expected: Expected, seen: Seen, flow: Flow) -> Vid | None:
    """Return the VID whose mark the kernel gives the flow's next packet, None for none."""
    if (back := bound(expected, seen, flow)) is not None:
        return back
    number = application_id(expected, seen)
    if number is None or seen.steering is None or not steered(flow, seen.answer.kind):
        return None
    last, wanted = last_vid(expected, seen, flow), _aimed(expected, seen, flow)
    return last if last is not None and stays(seen, number) else wanted


def _aimed(expected: Expected, seen: Seen, flow: Flow) -> Vid | None:
    """Return the VID that the map gives the flow: its application's, or its share of a balanced step."""
    number = application_id(expected, seen)
    to = None if seen.steering is None or number is None else seen.steering.get(number)
    return share(expected, seen, flow, to).vid if isinstance(to, Pool) else to


class Share(NamedTuple):
    """The VID that a balanced step gives a flow, None where none of it works; the slot, None where the flow stays."""

    vid: Vid | None
    slot: int | None


def share(expected: Expected, seen: Seen, flow: Flow, pool: Pool) -> Share:
    """Return what the kernel makes of a flow's next packet in a balanced step, by what it holds."""
    marks = expected.config.marks
    own = 0 if seen.connection is None else marks.flow_of(seen.connection.mark)
    if pool.sticky is Sticky.FLOW and own in seen.standing.intersection(pool.vids):
        return Share(own, None)
    packet = flow.packet.mirrored() if expected.config.role is Role.CONTROLLED else flow.packet
    slot = slot_of(packet, pool.sticky)
    return Share(owner(pool.step, slot, seen.standing), slot)


def last_vid(expected: Expected, seen: Seen, flow: Flow) -> Vid | None:
    """Return the VID that the flow took last, where that is another than the map gives it and still works."""
    if seen.connection is None:
        return None
    last, wanted = expected.config.marks.flow_of(seen.connection.mark), _aimed(expected, seen, flow)
    return last if wanted not in {None, last} and last in seen.standing else None


def stays(seen: Seen, number: int) -> bool:
    """Return whether flows of an application stay on the VID that they took last, while it works."""
    form = seen.forms.get(number, Form.MOVE)
    translated = seen.connection is not None and seen.connection.source_translated
    return form in {Form.KEEP, Form.HOLD} or (form is Form.MOVE and translated)
