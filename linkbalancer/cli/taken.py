"""What a packet that takes a VID meets: mark, table, another source, and over IPv6 perhaps a refusal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from linkbalancer.links import Vid
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.translation import Way

IPV6: Final = 6

REFUSED: Final = "IPv6 refused by this gateway's way"

SAME_VID: Final = (
    "takes the VID that IPv4 takes: where its way has no far end over IPv6 (peer6, gateway6) the packet is "
    "refused, and no later VID is tried"
)

_WORDS: Final = {None: None, True: "carried", False: "refused"}


class Gateway(NamedTuple):
    """What of a gateway's configuration such packets meet.

    `ipv6` says of each VID whether IPv6 packets get on by this gateway's own way: False is refused, None as the main
    table says; it is None where IPv6 is not steered at all.
    """

    marks: Marks = Marks()
    ways: Sequence[Way] = ()
    ipv6: Mapping[Vid, bool | None] | None = None

    def steers(self, packet: Packet) -> bool:
        """Return whether a packet of that family is steered here at all."""
        return packet.source.version != IPV6 or self.ipv6 is not None

    def refuses(self, vid: Vid, packet: Packet) -> bool:
        """Return whether a packet is refused where this gateway carries a VID."""
        return packet.source.version == IPV6 and self.ipv6 is not None and self.ipv6.get(vid) is False

    def taken(self, vid: Vid, packet: Packet) -> dict[str, Any]:
        """Return what is met, as JSON-able values."""
        source = self.becomes(vid, packet)
        known = {} if packet.source.version != IPV6 or self.ipv6 is None else {"ipv6": _WORDS[self.ipv6.get(vid)]}
        return self.table(vid) | ({"source": source} if source else {}) | known

    def becomes(self, vid: Vid, packet: Packet) -> str:
        """Return what becomes of the packet's source where it leaves by a VID's way; empty where nothing does."""
        translations = (way.translation for way in self.ways if vid in way.vids)
        return next((one.of(packet.source) for one in translations), "")

    def table(self, vid: Vid) -> dict[str, Any]:
        """Return the VID's numbers."""
        return {
            "vid": vid,
            "mark": f"{self.marks.packet_mark(vid):#010x}",
            "mask": f"{self.marks.packet_mask:#010x}",
            "rule_priority": self.marks.rule_priority(vid),
            "table": self.marks.table(vid),
        }

    def words(self, vid: Vid, packet: Packet) -> str:
        """Write what is met."""
        return ", ".join(filter(None, self._words(vid, packet)))

    def _words(self, vid: Vid, packet: Packet) -> Iterator[str]:
        numbers = self.table(vid)
        yield from (f"mark {numbers['mark']}", f"table {numbers['table']}")
        if self.refuses(vid, packet):
            yield REFUSED
        else:
            yield self.becomes(vid, packet)
