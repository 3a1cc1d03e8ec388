"""What becomes of the addresses of what leaves this gateway, and of what is too large for the way, as values."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final, Literal, TypeAlias

from linkbalancer.links import DeviceName, Vid

Clamp: TypeAlias = Literal["auto"] | int | None
"""The largest TCP segment that both ends are told of: as the route has room for, or so many bytes; None: untouched."""

HEADERS: Final = {4: 40, 6: 60}
"""What the headers of IP and TCP take of a packet, by family."""


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Two prefixes of one length that stand for each other, host by host (NPTv6)."""

    inside: IPv6Network
    outside: IPv6Network

    def __str__(self) -> str:
        return f"{self.inside} as {self.outside}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """How sources are translated: of IPv4 to the device's address or to this one, of IPv6 from prefix to prefix."""

    masquerade: bool = False
    snat: IPv4Address | None = None
    nptv6: Prefixes | None = None

    @property
    def of_ipv4(self) -> str:
        """What becomes of IPv4, in words; empty where nothing does."""
        if self.snat is not None:
            return f"SNAT to {self.snat}"
        return "masquerade" if self.masquerade else ""

    def of(self, source: IPv4Address | IPv6Address) -> str:
        """What becomes of a source, in words; empty where nothing does."""
        if isinstance(source, IPv4Address):
            return self.of_ipv4
        pair = self.nptv6
        return f"NPTv6, {pair}" if pair is not None and source in pair.inside else ""

    def __str__(self) -> str:
        ipv6 = "" if self.nptv6 is None else f"NPTv6, {self.nptv6}"
        return "; ".join(filter(None, (self.of_ipv4, ipv6))) or "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way out of this gateway: a link with the VIDs on it, or the plain gateway of one VID.

    `gateway` is None for a link. `shared`: others leave by the device too, so that only the VID's mark tells which way
    a packet takes. `others`: there are other ways, so that this gateway's own packets may bear another one's address.
    """

    device: DeviceName
    vids: tuple[Vid, ...]
    gateway: IPv4Address | None = None
    translation: Translation = Translation()
    clamp: Clamp = None
    mtu: int | None = None
    shared: bool = False
    others: bool = False

    @property
    def name(self) -> str:
        """What an operator calls it."""
        return f"the link on {self.device}" if self.gateway is None else f"{self.gateway} over {self.device}"

    def segment(self, family: int) -> int | None:
        """Return how large TCP segments of a family may be at most; None where only the route knows."""
        fits = None if self.mtu is None else self.mtu - HEADERS[family]
        if isinstance(self.clamp, int):
            return self.clamp if fits is None else min(self.clamp, fits)
        return fits
