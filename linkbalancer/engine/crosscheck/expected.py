"""What is expected of a flow: by the files (rules, configuration), and by what the running daemon says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from linkbalancer.config.model import Config
from linkbalancer.engine.crosscheck.observed import Entrance, Flow, Seen
from linkbalancer.links import Vid
from linkbalancer.routing.marks import DEFAULT_APPLICATION_ID

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


def application_id(expected: Expected, seen: Seen) -> int | None:
    """Return the application that the kernel takes the flow for: its entry's, where it has one, else the rules'."""
    found = 0 if seen.connection is None else expected.config.marks.application_of(seen.connection.mark)
    return found or expected.application_id


def steered(flow: Flow, answer_kind: str) -> bool:
    """Return whether packets of the flow get a VID's mark here at all: not what is for this gateway or for many."""
    packet = flow.packet
    several = packet.destination.is_multicast or (packet.source.version == 6 and packet.destination.is_link_local)
    adverts = flow.entrance is Entrance.SELF and packet.protocol == _VRRP
    return flow.entrance.steers and not several and not adverts and answer_kind not in {"local", "broadcast"}


def vid(expected: Expected, seen: Seen, flow: Flow) -> Vid | None:
    """Return the VID whose mark the kernel gives the flow's next packet, None for none."""
    number = application_id(expected, seen)
    if number is None or seen.steering is None or not steered(flow, seen.answer.kind):
        return None
    return seen.steering.get(number)
