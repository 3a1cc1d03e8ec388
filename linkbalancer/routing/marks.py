"""The numbers by which packets, rules and tables know each other: bits of marks, `ip rule` priorities, table numbers.

The application id lives in the connection mark (once a flow), beside the VID that the flow took last and the generation
of the classifier that classified it; the VID in the packet mark (once a packet). Each has its own mask; a bit outside
of them belongs to somebody else and is never touched (design 5).
"""

from dataclasses import dataclass
from typing import Final

from linkbalancer.links import Vid

DEFAULT_APPLICATION_ID: Final = 1
"""The id of packets that no rule means; 0 is a flow that is not classified yet."""

FIRST_APPLICATION_ID: Final = 2
"""The first id that an application of the rule file can have."""

OWN: Final[Vid] = 0
"""Stands in place of a VID for this gateway's own traffic, which has a table too."""

OWN_TRAFFIC_PRIORITY: Final = 32768
"""Priority of the `ip rule` for this gateway's own packets: after the kernel's rules for main and default."""

LAST_VID: Final = 255

FINAL: Final = 128
"""In place of a VID, while a packet is classified: it tries the trees for the second time, to find its candidate."""

RANKS: Final = FINAL - 1
"""The greatest rank that a candidate can have: it stands where the packet's VID will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Masks, table numbers and rule priorities that are ours.

    `connection_mask`, `flow_mask` and `generation_mask` are runs of bits of connections' marks, and `inbound_bit` is a
    bit of them, which says that a flow must take the VID that it came by; `packet_mask` is a run of bits of packets'
    marks and `guard_bit` one bit; none overlaps another of its kind, nor `connection_mask` any. Tables are
    `table_base` for what this gateway itself sends, + VID, and + 256 + VID for packets that the loop guard has marked.
    Rule priorities are `rule_base` (the main table first), + 10 + VID, and + 290 + VID for the loop guard.
    """

    connection_mask: int = 0x0000FFFF
    flow_mask: int = 0x00FF0000
    generation_mask: int = 0x0F000000
    packet_mask: int = 0x00FF0000
    guard_bit: int = 0x01000000
    inbound_bit: int = 0x10000000
    table_base: int = 20000
    rule_base: int = 10

    @property
    def rule_mask(self) -> int:
        """The bits of a packet's mark that the rules look at: VID and guard."""
        return self.packet_mask | self.guard_bit

    @property
    def connection_bits(self) -> int:
        """All bits of a connection's mark that are ours."""
        return self.connection_mask | self.flow_mask | self.generation_mask | self.inbound_bit

    @property
    def generation_limit(self) -> int:
        """The largest number of a classifier's generation."""
        return self.generation_mask >> _shift(self.generation_mask)

    @property
    def application_limit(self) -> int:
        """The largest application id that the connection mask can hold."""
        return self.connection_mask >> _shift(self.connection_mask)

    @property
    def application_shift(self) -> int:
        """How many places higher a packet's VID stands than a connection's application id; negative: lower."""
        return _shift(self.packet_mask) - _shift(self.connection_mask)

    @property
    def main_priority(self) -> int:
        """Priority of the rule that tries the main table's own routes before any VID's."""
        return self.rule_base

    def connection_mark(self, application_id: int) -> int:
        """Return the connection mark's bits for an application id (0..`application_limit`)."""
        return application_id << _shift(self.connection_mask)

    def application_of(self, connection_mark: int) -> int:
        """Return the application id in a connection mark."""
        return (connection_mark & self.connection_mask) >> _shift(self.connection_mask)

    def flow_mark(self, vid: Vid) -> int:
        """Return the connection mark's bits for the VID that a flow took last."""
        return vid << _shift(self.flow_mask)

    def flow_of(self, connection_mark: int) -> Vid:
        """Return the VID that a flow took last, 0 when it took none."""
        return (connection_mark & self.flow_mask) >> _shift(self.flow_mask)

    def generation_mark(self, generation: int) -> int:
        """Return the connection mark's bits for a generation (0..`generation_limit`; 0: none)."""
        return generation << _shift(self.generation_mask)

    def generation_of(self, connection_mark: int) -> int:
        """Return the generation in a connection mark."""
        return (connection_mark & self.generation_mask) >> _shift(self.generation_mask)

    def packet_mark(self, vid: Vid, *, guard: bool = False) -> int:
        """Return the packet mark's bits for a VID, with the guard bit where asked."""
        return vid << _shift(self.packet_mask) | (self.guard_bit if guard else 0)

    def vid_of(self, packet_mark: int) -> Vid:
        """Return the VID in a packet mark, 0 when there is none."""
        return (packet_mark & self.packet_mask) >> _shift(self.packet_mask)

    def table(self, vid: Vid, *, guard: bool = False) -> int:
        """Return the number of the routing table of a VID, or of `OWN`."""
        return self.table_base + vid + (256 if guard else 0)

    def rule_priority(self, vid: Vid, *, guard: bool = False) -> int:
        """Return the priority of the rule that sends a VID's marked packets to its table."""
        return self.rule_base + vid + (290 if guard else 10)


def _shift(mask: int) -> int:
    """Return the position of a mask's lowest bit."""
    return (mask & -mask).bit_length() - 1
