"""How busy the links are, as `linkbalancer status` shows it: a line for each link, both ends' knowledge."""

from collections.abc import Mapping
from typing import Any, Final

from linkbalancer.cli.screen import Row, Section, worst_first

HEADER: Final = ("load", "out", "peak", "used", "lost", "in", "peak", "used", "lost", "queue", "drops")

FULL: Final = 0.9
"""From this share of its capacity on a link counts as full: what comes on top will wait."""


def sections(status: Mapping[str, Any]) -> tuple[Section, ...]:
    """Return the table, where any link was measured."""
    rows = [_link(name, link["metrics"]) for name, link in status["links"].items() if _is_measured(link)]
    return (worst_first(HEADER, rows),) if rows else ()


def _is_measured(link: Mapping[str, Any]) -> bool:
    metrics = link.get("metrics")
    return metrics is not None and any(metrics[way][key] is not None for way in ("out", "in") for key in metrics[way])


def _link(name: str, metrics: Mapping[str, Any]) -> Row:
    out, into = metrics["out"], metrics["in"]
    badness = int(is_full(metrics) or (out["drops_per_s"] or 0) >= 1)
    return Row(badness, (name, *_way(out), *_way(into), octets(out["backlog_bytes"]), _number(out["drops_per_s"])))


def _way(lane: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return bits(lane["rate_bps"]), bits(lane["peak_bps"]), percent(lane["used"]), percent(lane["loss"])


def is_full(metrics: Mapping[str, Any]) -> bool:
    """Whether a link has little room left in either direction."""
    return (most_used(metrics) or 0) >= FULL


def most_used(metrics: Mapping[str, Any]) -> float | None:
    """Return the share of its capacity that the busier direction uses; None where it is not known."""
    return max((used for way in ("out", "in") if (used := metrics[way]["used"]) is not None), default=None)


def bits(rate: float | None) -> str:
    """Write bits per second in four characters or fewer and the unit's letter."""
    return _scaled(rate, ("", "k", "M", "G"), "T")


def octets(count: float | None) -> str:
    """Write bytes in units of 1000, as rates are."""
    return _scaled(count, ("B", "kB", "MB"), "GB")


def _scaled(value: float | None, units: tuple[str, ...], last: str) -> str:
    if value is None:
        return "-"
    for unit in units:
        if value < 999.5:
            return f"{value:.0f}{unit}" if value >= 99.5 or unit == units[0] else f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g}{last}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}" if value < 10 else f"{value:.0f}"


def percent(share: float | None) -> str:
    """Write a share of 0 to 1, in whole percents from 10 on."""
    if share is None:
        return "-"
    return f"{share * 100:.0f}%" if share >= 0.0995 else f"{share * 100:.2g}%"
