"""Figures: samples of both, their median, p90 and maximum, and the ratio of the medians."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

PEER = "Keepalived 2.2.7"


def p90(samples: Sequence[float]) -> float:
    """Return the smallest sample that nine in ten do not exceed."""
    return sorted(samples)[ceil(0.9 * len(samples)) - 1]


@dataclass(frozen=True, slots=True)
class Goal:
    """What our median is to be: at most a multiple of the peer's, above it by at most a margin, or within a limit."""

    ratio: float | None = None
    margin: float | None = None
    limit: float | None = None

    def __str__(self) -> str:
        if self.limit is not None:
            return f"<= {self.limit:.0f}"
        return f"<= {self.ratio:g}" if self.ratio is not None else f"<= +{self.margin:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    What is below `resolution` cannot be told from nothing: the ratio counts it as just that. `terms` are what a limit
    is made of.
    """

    name: str
    unit: str
    ours: tuple[float, ...]
    peer: tuple[float, ...]
    """Empty where the peer has nothing of the kind."""
    resolution: float
    goal: Goal | None = None
    terms: Mapping[str, float] = field(default_factory=dict)
    beside: str = PEER
    """What the peer is."""

    @property
    def ratio(self) -> float | None:
        """Our median by the peer's, None without any."""
        if not self.peer:
            return None
        return max(median(self.ours), self.resolution) / max(median(self.peer), self.resolution)

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached, None if there is none."""
        if self.goal is None:
            return None
        if self.goal.limit is not None:
            return median(self.ours) <= self.goal.limit
        if self.goal.ratio is not None:
            return self.ratio is not None and self.ratio <= self.goal.ratio
        return median(self.ours) <= median(self.peer) + (self.goal.margin or 0.0)

    def document(self) -> dict[str, Any]:
        """Return the figure as the report has it."""
        beside: dict[str, Any] = {}
        if self.ratio is not None:
            beside = {"peer": {"name": self.beside, **summary(self.peer)}, "ratio": round(self.ratio, 3)}
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": summary(self.ours),
            **beside,
            **({"terms": dict(self.terms)} if self.terms else {}),
        }


def summary(samples: Sequence[float]) -> dict[str, float]:
    """Return what a report says of samples."""
    rounded = (round(value, 6) for value in (median(samples), p90(samples), max(samples)))
    return dict(zip(("median", "p90", "max"), rounded, strict=True)) | {"n": len(samples)}


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write the report; the figures of an earlier one that were not taken anew are kept."""
    taken = {figure.name: figure.document() for figure in figures}
    before = {entry["name"]: entry for entry in json.loads(path.read_text())} if path.exists() else {}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(list((before | taken).values()), indent=1) + "\n")
