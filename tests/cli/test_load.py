"""The load table of `linkbalancer status`."""

from typing import Any

import pytest

from linkbalancer.cli.load import HEADER, bits, is_full, most_used, percent, sections
from linkbalancer.cli.screen import Screen
from linkbalancer.cli.status import draw
from tests.engine.statuses import link, metrics, status

UNKNOWN = dict.fromkeys(("rate_bps", "capacity_bps", "used", "backlog_bytes", "drops_per_s", "loss", "peak_bps"))


def cells(measured: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
    """Return the only line of the table: how bad, and its cells."""
    (section,) = sections(status(links={"l1": link(metrics=measured)}))
    assert section.header == HEADER
    return section.rows[0].badness, section.rows[0].cells


def test_a_link_at_ease() -> None:
    """Both directions, then what waits and what is dropped."""
    assert cells(metrics()) == (
        0,
        ("l1", "12.3M", "80M", "12%", "0%", "12.3M", "-", "12%", "0%", "1.51kB", "0"),
    )


def test_a_full_link_and_one_that_drops_come_first() -> None:
    """Full from nine tenths on; a packet dropped now and then is no trouble."""
    one = metrics()
    assert cells(metrics(out={**one["out"], "used": 0.95}))[0] == 1
    assert cells(metrics(out={**one["out"], "drops_per_s": 0.5}))[0] == 0
    assert cells(metrics(out={**one["out"], "drops_per_s": 120.4}))[1][-1] == "120"
    full = metrics(**{"in": {**one["in"], "used": 0.9}})
    assert is_full(full)
    (section,) = sections(status(links={"a": link(metrics=one), "b": link(metrics=full), "c": link()}))
    assert [row.cells[0] for row in section.rows] == ["b", "a"]


def test_nothing_measured_is_no_table() -> None:
    """An older daemon says nothing of it, and one that has just begun knows nothing."""
    assert sections(status()) == ()
    nothing = metrics(**{"out": UNKNOWN, "in": UNKNOWN})
    assert sections(status(links={"l1": link(metrics=nothing)})) == ()
    assert (most_used(nothing), is_full(nothing)) == (None, False)


@pytest.mark.parametrize(
    ("rate", "text"),
    [(None, "-"), (0, "0"), (7.4, "7"), (999, "999"), (1500, "1.5k"), (99_950_000, "100M"), (3e9, "3G"), (4e12, "4T")],
)
def test_bits(rate: float | None, text: str) -> None:
    """Short at every size."""
    assert bits(rate) == text


@pytest.mark.parametrize(
    ("share", "text"), [(None, "-"), (0.0, "0%"), (0.00123, "0.12%"), (0.0994, "9.9%"), (0.123, "12%"), (1.6, "160%")]
)
def test_percents(share: float | None, text: str) -> None:
    """Small ones with what matters of them."""
    assert percent(share) == text


def test_eight_links_fit_eighty_columns() -> None:
    """Whatever is known of them."""
    big = metrics()["out"] | {"rate_bps": 123_456_789_012, "peak_bps": 999_400_000_000, "used": 1.2345}
    big |= {"backlog_bytes": 123_456_789, "drops_per_s": 123_456.0, "loss": 0.0123}
    links = {f"l{number}": link(metrics=metrics(**{"out": big, "in": big})) for number in range(8)}
    lines = draw(status(links=links), Screen(80)).splitlines()
    table = lines[lines.index("") :]
    begin = next(number for number, line in enumerate(table) if line.startswith("  load"))
    assert [line.split()[0] for line in table[begin : begin + 9]] == ["load", *links]
    assert all(len(line) <= 80 and "…" not in line for line in table[begin : begin + 9])
