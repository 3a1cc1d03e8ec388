"""Why a link has the weight that it has for a VID, in parts and in words, for whoever asks at night."""

from dataclasses import dataclass
from typing import Any

from linkbalancer.clock import Duration, in_words
from linkbalancer.links import GroupId
from linkbalancer.weights.spread import Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The parts of one weight.

    `reckoned` is the function's answer now (None: it cannot say), `because` what that is made of, `settled` the weight
    in force before spread and damping, `turns` how often of late it turned back, `held_for` how long a change is still
    put off, `suppressed_for` how long flaps keep the link down, `before` the VIDs before this one on the link. `weight`
    and `priority` are what the far end is told; None: it keeps its configured priority.
    """

    group: GroupId
    function: str
    reckoned: float | None
    because: tuple[str, ...]
    settled: float | None
    turns: int
    held_for: Duration | None
    suppressed_for: Duration | None
    penalty: float
    spread: Spread
    before: int
    weight: float | None
    priority: int | None

    def in_words(self) -> str:
        """Return all of it in a line: `weight 42.1 -> priority 108: latency 87.3 (rtt 31.2 ms), 1 VID before it`."""
        known = f"weight {self.weight:.3g} -> priority {self.priority}" if self.weight is not None else "no weight yet"
        return f"{known}: {', '.join(self._parts())}"

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "group": self.group.name,
            "function": self.function,
            "reckoned": self.reckoned,
            "because": list(self.because),
            "settled": self.settled,
            "turns": self.turns,
            "held_for_ms": _ms(self.held_for),
            "suppressed_for_ms": _ms(self.suppressed_for),
            "penalty": round(self.penalty, 3),
            "spread": self.spread.value,
            "before": self.before,
            "weight": self.weight,
            "priority": self.priority,
            "words": self.in_words(),
        }

    def _parts(self) -> list[str]:
        reckoned = "unknown" if self.reckoned is None else f"{self.reckoned:.3g}"
        reasons = f" ({', '.join(self.because)})" if self.because else ""
        parts = [f"{self.function} {reckoned}{reasons}"]
        if self.settled is not None and self.settled != self.reckoned:
            parts.append(f"{self.settled:.3g} stands{self._why_it_stands()}")
        if self.suppressed_for is not None:
            parts.append(f"suppressed for flapping, {in_words(self.suppressed_for)} more (penalty {self.penalty:.2g})")
        if self.spread is not Spread.NONE:
            parts.append(f"{self.before} VID{'' if self.before == 1 else 's'} before it here (spread {self.spread})")
        return parts

    def _why_it_stands(self) -> str:
        if self.reckoned is None:
            return ""
        turned = f" after {self.turns} turn{'' if self.turns == 1 else 's'} back" if self.turns else ""
        if self.held_for is None:
            return f": too little a change{turned}"
        return f" for {in_words(self.held_for)} more{turned}"


def _ms(duration: Duration | None) -> float | None:
    return None if duration is None else duration / 1_000_000
