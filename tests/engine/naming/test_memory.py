"""Tests of what is known of names, written down and read again."""

import json
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import SECOND
from linkbalancer.engine.naming.ledger import Ledger, Seen, Settings
from linkbalancer.engine.naming.memory import recalled, written
from linkbalancer.engine.naming.message import Answer, Question

FOUR, SIX = Question("a.example", 4), Question("a.example", 6)
ONE, TWO = int(ip_address("192.0.2.1")), int(ip_address("2001:db8::2"))


def ledger() -> Ledger:
    """Return a ledger that knows one address and does not know the other any more."""
    found = Ledger(["a.example"], Settings(1, (SECOND, 90 * SECOND), SECOND), 0, {SIX: {TWO: Seen(-SECOND, SECOND)}})
    asks = {ask.question: ask for ask in found.expire(0)}
    found.answered(0, asks[FOUR], Answer((ONE,), 60 * SECOND))
    (again,) = found.refused(0, asks[SIX], "server failure")
    found.refused(0, again, "server failure")
    return found


def test_what_is_written() -> None:
    """Times are the wall clock's; what fails says since when and why."""
    assert written(ledger(), 5 * SECOND, 1000.0) == {
        "schema": 1,
        "at": 1000.0,
        "names": {
            "a.example": {
                "4": {
                    "addresses": {"192.0.2.1": {"seen": 995.0, "ttl_s": 60.0}},
                    "answered": 995.0,
                    "expires": 1055.0,
                    "failing_since": None,
                    "why": "",
                    "missing": False,
                },
                "6": {
                    "addresses": {"2001:db8::2": {"seen": 994.0, "ttl_s": 1.0}},
                    "answered": None,
                    "expires": None,
                    "failing_since": 995.0,
                    "why": "server failure",
                    "missing": False,
                },
            }
        },
    }


def test_it_is_read_again_by_another_boots_clock() -> None:
    """An address is as old as it was; one of a time to come was seen just now."""
    text = json.dumps(written(ledger(), 5 * SECOND, 1000.0))

    assert recalled(json.loads(text), 7 * SECOND, 1100.0) == {
        FOUR: {ONE: Seen(-98 * SECOND, 60 * SECOND)},
        SIX: {TWO: Seen(-99 * SECOND, SECOND)},
    }
    assert recalled(json.loads(text), 7 * SECOND, 10.0)[FOUR] == {ONE: Seen(7 * SECOND, 60 * SECOND)}


def test_what_makes_no_sense_is_left_out() -> None:
    """Of addresses with a wrong time or none, of the wrong family, of this host; of everything that is no mapping."""
    good = {"seen": 1, "ttl_s": 2.5}
    addresses: dict[str, Any] = {
        "192.0.2.1": good,
        "192.0.2.2": {"seen": True, "ttl_s": 1},
        "192.0.2.3": {"seen": 1, "ttl_s": -1},
        "192.0.2.4": {"seen": float("nan"), "ttl_s": 1},
        "192.0.2.5": None,
        "127.0.0.1": good,
        "2001:db8::1": good,
        "x": good,
    }
    document = {"names": {"a.example": {"4": {"addresses": addresses}, "6": []}, "b": 7}}

    found = recalled(document, SECOND, 1.0)
    assert found[FOUR] == {ONE: Seen(SECOND, 5 * SECOND // 2)}
    assert not any(known for question, known in found.items() if question != FOUR)


@pytest.mark.thorough
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda one: (
            st.lists(one)
            | st.dictionaries(
                st.sampled_from(["names", "a.example", "4", "6", "addresses", "192.0.2.1", "seen", "ttl_s"]), one
            )
        ),
    )
)
def test_anything_can_be_read(document: object) -> None:
    """Whatever stands in the file, a start goes on."""
    assert isinstance(recalled(document, 0, 0.0), dict)
