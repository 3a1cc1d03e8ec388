"""Tests of what a configuration says of measuring."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config import measuring
from linkbalancer.config.findings import FieldError
from linkbalancer.config.load import ConfigErrors
from linkbalancer.weights.gauge import Capacity
from tests.config.texts import changed, loaded


@pytest.mark.parametrize(
    ("text", "rate"),
    [("100Mbit", 10**8), ("1.5 Gbit", 15 * 10**8), ("64kbit", 64_000), ("0.001kbit", 1), ("1000000Gbit", 10**15)],
)
def test_bit_rates(text: str, rate: int) -> None:
    """A number and a unit, exactly."""
    assert measuring.parse_bit_rate(text) == rate


@given(st.integers(1, measuring.BIT_RATE_MAX))
def test_bit_rates_are_written_as_they_are_read(rate: int) -> None:
    """Nothing is lost between text and value."""
    assert measuring.parse_bit_rate(measuring.write_bit_rate(rate)) == rate


def test_a_capacity_is_of_both_directions_or_of_each() -> None:
    """As written, and as a program has it."""
    assert measuring.parse_capacity("100Mbit") == Capacity(outward=10**8, inward=10**8)
    each = measuring.parse_capacity(["20Mbit", "100Mbit"])
    assert each == Capacity(outward=2 * 10**7, inward=10**8) == measuring.parse_capacity(each)
    assert measuring.write_capacity(each) == "[20Mbit, 100Mbit]"
    assert measuring.write_capacity(Capacity(outward=1500, inward=1500)) == "1.5kbit"


@pytest.mark.parametrize(
    ("parse", "raw", "error"),
    [
        (measuring.parse_bit_rate, "fast", "'fast' is no bit rate; write a number and kbit, Mbit or Gbit (a second)"),
        (measuring.parse_bit_rate, 100, "100 is no bit rate; write a number and kbit, Mbit or Gbit"),
        (measuring.parse_bit_rate, "100mbit", "'100mbit' is no bit rate"),
        (measuring.parse_bit_rate, "0Mbit", "0Mbit is what no link carries"),
        (measuring.parse_bit_rate, "1000001Gbit", "1000001Gbit is what no link carries"),
        (measuring.parse_capacity, ["1Mbit"], "1 bit rates, not two; write [out, in], such as [20Mbit, 100Mbit]"),
        (measuring.parse_capacity, ["1Mbit", "slow"], "'slow' is no bit rate"),
        (measuring.parse_metrics_every, "99ms", "99ms will not do; write 100ms to 60s"),
        (measuring.parse_metrics_every, "2min", "2min will not do; write 100ms to 60s"),
        (measuring.parse_metrics_every, 1, "1 has no unit"),
    ],
)
def test_wrong_values(parse: Callable[[object], object], raw: object, error: str) -> None:
    """What is wrong is said with what to write instead."""
    with pytest.raises(FieldError) as caught:
        parse(raw)
    assert f"{caught.value.what}; {caught.value.remedy}".startswith(error)


def test_a_link_says_how_it_is_measured() -> None:
    """Or nothing: then its hardware says what it carries, and it is measured every second."""
    plain = loaded().config.links["l1"]
    assert (plain.capacity, plain.metrics_every) == (None, SECOND)
    said = loaded(changed(("key_file: keys/l1.key", "capacity: [1Mbit, 2Mbit], metrics_every: 250ms, insecure: true")))
    link = said.config.links["l1"]
    assert (link.capacity, link.metrics_every) == (Capacity(outward=10**6, inward=2 * 10**6), 250 * MILLISECOND)
    assert link.model_dump(mode="json")["capacity"] == ["1Mbit", "2Mbit"]
    both = loaded(changed(("key_file: keys/l1.key", "capacity: 1Mbit, insecure: true"))).config.links["l1"]
    assert both.model_dump(mode="json")["capacity"] == "1Mbit"


def test_what_is_wrong_is_shown_where_it_is() -> None:
    """With its line, and what to write."""
    with pytest.raises(ConfigErrors) as caught:
        loaded(changed(("key_file: keys/l1.key", "capacity: lots, insecure: true")))
    assert "linkbalancer.yaml:6:65: 'lots' is no bit rate; write a number and kbit, Mbit" in str(caught.value)
