"""What was counted, on the screen."""

import json
from typing import Any

import jsonschema

from linkbalancer.cli.counts import HEADER, rate, sections
from linkbalancer.cli.screen import Screen
from linkbalancer.cli.status import SCHEMA, draw
from tests.engine.statuses import status


def way(vid: int | None, direction: str, bits: float | None, octets: int, **changes: Any) -> dict[str, Any]:
    """Return what passed one way."""
    packets = {"packets": octets // 100, "bytes": octets, "flows": octets // 10_000}
    rates = {"packets_per_s": None if bits is None else bits / 800, "bits_per_s": bits, "idle_ms": 900}
    return {"vid": vid, "direction": direction, **packets, **rates} | changes


def counts(why: str | None = None, **applications: Any) -> dict[str, Any]:
    """Return what a status has of it."""
    return {"for_ms": 305_000, "interval_ms": 2000, "why": why, "applications": applications}


COUNTED = counts(
    web=[
        way(1, "out", 0.0, 20_100_000, idle_ms=11_520_000),
        way(1, "in", 0.0, 77_300_000, idle_ms=11_530_000),
        way(2, "out", 1_210_000.0, 1_530_000_000),
        way(2, "in", 9_870_000.0, 18_400_000_000),
    ],
    voice=[way(2, "out", 88_000.0, 402_000_000), way(None, "in", 0.0, 400, idle_ms=6000)],
)


def shown(counted: dict[str, Any]) -> list[tuple[int, tuple[str, ...]]]:
    """Return the rows of the last table."""
    return [(row.badness, row.cells) for section in sections(status(counts=counted)) for row in section.rows]


def test_the_busiest_comes_first() -> None:
    """A line for each application and VID; what is idle says for how long."""
    assert sections(status(counts=COUNTED))[0].header == HEADER
    assert shown(COUNTED) == [
        (0, ("web", "2", "l1", "1.21M", "9.87M", "1.53GB", "18.4GB", "199M", "1.99M", "-")),
        (0, ("voice", "2", "l1", "88k", "-", "402MB", "0B", "4.02M", "40.2k", "-")),
        (0, ("web", "1", "l1", "0", "0", "20.1MB", "77.3MB", "974k", "9.74k", "3 h 12 min")),
        (0, ("voice", "none", "-", "-", "0", "0B", "400B", "4", "0", "6 s")),
    ]


def test_nothing_is_said_where_nothing_is_counted() -> None:
    """Neither a header nor a line."""
    assert sections(status()) == ()


def test_what_is_not_known_is_said() -> None:
    """Nothing has passed yet, or it cannot be read: what was known stays."""
    assert shown(counts()) == [(0, ("none in the 5 min 05 s since it is counted",))]
    assert shown(counts(why="the program nft is missing")) == [(1, ("the program nft is missing",))]
    both = shown(counts(why="no answer", web=[way(1, "out", None, 100)]))
    assert both[0] == (1, ("no answer",))
    assert both[1][1][:5] == ("web", "1", "l1", "-", "-")


def test_a_static_group_goes_over_its_device() -> None:
    """And one whose Master is elsewhere over nothing of this gateway's."""
    groups = status()["groups"]
    groups["2"] = {**groups["1"], "mode": "static", "device": "eth7", "link": None, "next_hop": "10.0.0.1 over eth7"}
    (section,) = sections({**status(counts=COUNTED), "groups": groups})
    assert {row.cells[:3] for row in section.rows} >= {("web", "2", "eth7"), ("web", "1", "l1")}
    groups["1"] = {**groups["1"], "next_hop": "unreachable"}
    (section,) = sections({**status(counts=COUNTED), "groups": groups})
    assert ("web", "1", "-") in {row.cells[:3] for row in section.rows}


def test_rates_of_an_application() -> None:
    """In bytes, over all its VIDs; not known where one of them is not."""
    told = status(counts=COUNTED)
    assert rate(told, "web", "out") == 1_210_000 / 8
    assert rate(told, "rest", "out") is None
    assert rate(status(), "web", "out") is None
    assert rate(status(counts=counts(web=[way(1, "out", None, 1)])), "web", "out") is None


def test_it_fits_and_is_what_the_schema_says() -> None:
    """Within 80 columns with names of eight characters."""
    text = draw(status(counts=COUNTED), Screen(80))
    table = text[text.index("  traffic ") :].split("\n\n")[0]
    assert all(len(line) <= 80 for line in table.splitlines())
    assert "…" not in table
    schema = json.loads(SCHEMA.read_text())
    part = {"$defs": schema["$defs"], **schema["properties"]["counts"]}
    jsonschema.validate(COUNTED, part)
    jsonschema.validate(counts(why="no answer"), part)
