"""What a gateway has of its host: marks, tables, sockets, a history, and a place to be measured at."""

from typing import Annotated, Final

from pydantic import Field

from linkbalancer.config.counting import OFF, Count
from linkbalancer.config.fields import Integer, Keep, Listen, Size, UserGroup
from linkbalancer.config.quantities import DAY
from linkbalancer.config.section import Section
from linkbalancer.feed.codec import APPLICATIONS_MAX
from linkbalancer.routing.marks import Marks

Mask = Annotated[Integer, Field(ge=1, le=0xFFFFFFFF)]


Processes = Annotated[Integer, Field(ge=1, le=APPLICATIONS_MAX)]
"""How many processes share the applications; None in its place: one for each."""


class MarkBits(Section):
    """Which bits of the kernel's marks are ours."""

    connection: Mask = Marks().connection_mask
    flow: Mask = Marks().flow_mask
    generation: Mask = Marks().generation_mask
    packet: Mask = Marks().packet_mask
    guard: Mask = Marks().guard_bit
    inbound: Mask = Marks().inbound_bit


class Tables(Section):
    """Which routing tables and rule priorities are ours."""

    base: Annotated[Integer, Field(ge=256, le=4_000_000_000)] = Marks().table_base
    rules: Annotated[Integer, Field(ge=1, le=32000)] = Marks().rule_base


class Api(Section):
    """Who may use the daemon's sockets beside root: groups of this host; one that does not exist lets nobody in."""

    readers: UserGroup = "linkbalancer-read"
    operators: UserGroup = "linkbalancer-operate"


class History(Section):
    """How much of what happened is remembered."""

    keep: Keep = 90 * DAY
    size: Size = 64 << 20


RECORDINGS: Final = 24
"""How many recordings are kept where nobody says."""


class FlightRecording(Section):
    """How many recordings of all that the agent hears and decides are kept, to run it again (docs/replay.md).

    `keep` None: 24 where the gateway has links; none where it has not, for adverts are all that it hears.
    """

    keep: Annotated[Integer, Field(ge=0, le=1000)] | None = None
    size: Size = 8 << 20

    def at(self, *, linked: bool) -> "FlightRecording":
        """Return the same with `keep` said: at a gateway with links, or without."""
        return self if self.keep is not None else self.model_copy(update={"keep": RECORDINGS * linked})


class Metrics(Section):
    """Where Prometheus finds the metrics (docs/metrics.md), and which applications are counted (docs/counting.md)."""

    listen: Listen = "unix"
    count: Count = OFF
