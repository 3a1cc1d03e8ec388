"""A selector: which packets a rule means, as ranges of integers."""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

PROTOCOLS_WITH_PORTS: Final = (6, 17, 33, 132, 136)
"""TCP, UDP, DCCP, SCTP, UDP-Lite: what a rule with ports and protocol `*` means (mission A2)."""

LAST_PORT: Final = 65535


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """All integers from `first` to `last`, both included."""

    first: int
    last: int

    def holds(self, other: "Interval") -> bool:
        """Return whether all of another interval is in this one."""
        return self.first <= other.first and other.last <= self.last

    def __str__(self) -> str:
        """Write `a-b`, or `a` alone."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """The box of packets that one rule means; a field that is None takes everything.

    `family` is 4 or 6 when an address says so, else None: both. Addresses are intervals of the addresses' integers.
    `dscp` is the TOS byte without its two ECN bits (0..63). `protocols` is never empty, and where a port is given it
    holds only protocols that have ports.
    """

    family: Literal[4, 6] | None = None
    source: Interval | None = None
    destination: Interval | None = None
    dscp: int | None = None
    source_port: Interval | None = None
    destination_port: Interval | None = None
    protocols: tuple[int, ...] | None = None

    def mirrored(self) -> "Selector":
        """Return the selector of the answers: source and destination swapped, and their ports."""
        return Selector(
            family=self.family,
            source=self.destination,
            destination=self.source,
            dscp=self.dscp,
            source_port=self.destination_port,
            destination_port=self.source_port,
            protocols=self.protocols,
        )

    def covers(self, other: "Selector") -> bool:
        """Return whether every packet that another selector means is meant by this one too."""
        intervals = (
            (self.source, other.source),
            (self.destination, other.destination),
            (self.source_port, other.source_port),
            (self.destination_port, other.destination_port),
        )
        return (
            self.family in {None, other.family}
            and self.dscp in {None, other.dscp}
            and (self.protocols is None or (other.protocols is not None and {*self.protocols} >= {*other.protocols}))
            and all(mine is None or (its is not None and mine.holds(its)) for mine, its in intervals)
        )

    def canonical(self) -> str:
        """Write the selector so that two of them read the same exactly when they mean the same fields."""
        protocols = None if self.protocols is None else ",".join(map(str, sorted(self.protocols)))
        fields = (
            self.family,
            self.source,
            self.destination,
            self.dscp,
            self.source_port,
            self.destination_port,
            protocols,
        )
        return " ".join("*" if field is None else str(field) for field in fields)

    def application_name(self) -> str:
        """Name the application of an unnamed line by what it selects, never by where it stands."""
        return f"app-{hashlib.sha256(self.canonical().encode()).hexdigest()[:12]}"
