"""How good the links are that applications ask a service level of, as `linkbalancer status` shows them."""

from collections.abc import Mapping
from typing import Any

from linkbalancer.cli.load import percent
from linkbalancer.cli.screen import Row, Section, worst_first

HEADER = ("service level of", "at", "lost", "RTT", "jitter", "breaks")


def sections(status: Mapping[str, Any]) -> tuple[Section, ...]:
    """Return a table of the links that are judged, where any are."""
    rows = [_link(one) for one in status.get("service_levels", ())]
    return (worst_first(HEADER, rows),) if rows else ()


def breaks(application: Mapping[str, Any]) -> bool:
    """Tell whether an application goes to a VID whose link breaks what it asks for."""
    return str(application["vid"]) in ((application.get("sla") or {}).get("breaks") or {})


def _link(one: Mapping[str, Any]) -> Row:
    broken = "; ".join(f"{level}: {what}" for level, what in one["breaks"].items())
    cells = (one["link"], one["of"] or "here", percent(one["loss"]), _ms(one["rtt_ms"]), _ms(one["jitter_ms"]))
    return Row(1 if broken else 0, (*cells, broken or "nothing"))


def _ms(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.3g} ms"
