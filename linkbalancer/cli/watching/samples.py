"""What is remembered of each link while it is watched: round-trip time, loss and rates, and their sparklines."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

MEMORY: Final = 240
"""Samples kept of a link: as many as a very wide terminal shows."""

_BARS: Final = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a link; what is not known is None. Rates are bytes per second."""

    rtt_ms: float | None = None
    loss: float | None = None
    received: float | None = None
    sent: float | None = None


@dataclass(frozen=True, slots=True)
class Octets:
    """A device's counters."""

    received: int
    sent: int


@dataclass(slots=True)
class Samples:
    """The samples of every link, the newest last."""

    links: dict[str, deque[Sample]] = field(default_factory=dict)
    _octets: dict[str, Octets] = field(default_factory=dict)
    _at_s: float | None = None

    def take(self, status: Mapping[str, Any], octets: Mapping[str, Octets], now_s: float) -> None:
        """Take in one status and the counters of the devices at the same time."""
        span = None if self._at_s is None else now_s - self._at_s
        for name in self.links.keys() - status["links"].keys():
            del self.links[name]
        for name, link in status["links"].items():
            received, sent = self._rates(link["device"], octets, span)
            is_open = link["open"]
            sample = Sample(
                link.get("rtt_ms") if is_open else None, link.get("loss") if is_open else None, received, sent
            )
            self.links.setdefault(name, deque(maxlen=MEMORY)).append(sample)
        self._octets, self._at_s = dict(octets), now_s

    def gap(self) -> None:
        """Note that nothing was known for one turn."""
        self._octets, self._at_s = {}, None
        for samples in self.links.values():
            samples.append(Sample())

    def _rates(
        self, device: str, octets: Mapping[str, Octets], span: float | None
    ) -> tuple[float, float] | tuple[None, None]:
        old, new = self._octets.get(device), octets.get(device)
        if old is None or new is None or not span or new.received < old.received or new.sent < old.sent:
            return None, None
        return (new.received - old.received) / span, (new.sent - old.sent) / span


def sparkline(values: Sequence[float | None], width: int, top: float | None = None) -> str:
    """Draw the newest values, from 0 to the greatest of them or `top`; a blank where none is known."""
    newest = list(values)[-width:]
    most = max([top or 0.0, *(value for value in newest if value is not None)])
    return "".join(_bar(value, most) for value in newest).rjust(width)


def _bar(value: float | None, most: float) -> str:
    if value is None:
        return " "
    if most <= 0 or value <= 0:
        return _BARS[0]
    return _BARS[min(int(value / most * len(_BARS)), len(_BARS) - 1)]


def rate(octets: float | None) -> str:
    """Write bytes per second as bits per second, in four characters or fewer, and the unit's letter."""
    if octets is None:
        return "-"
    bits = octets * 8
    for letter in ("", "k", "M", "G"):
        if bits < 999.5:
            return f"{bits:.0f}{letter}" if bits >= 99.5 or not letter else f"{bits:.3g}{letter}"
        bits /= 1000
    return f"{bits:.3g}T"


def device_octets(pid: int | None) -> dict[str, Octets]:
    """Return the counters of the devices that a process sees, for it may live in another network namespace."""
    try:
        lines = Path(f"/proc/{pid or 'self'}/net/dev").read_text().splitlines()
    except OSError:
        return {}
    return dict(_counters(lines[2:]))


def _counters(lines: Iterable[str]) -> Iterable[tuple[str, Octets]]:
    for line in lines:
        device, _, rest = line.partition(":")
        numbers = rest.split()
        if len(numbers) >= 9:
            yield device.strip(), Octets(int(numbers[0]), int(numbers[8]))
