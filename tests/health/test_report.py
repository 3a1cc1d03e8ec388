"""Reports from process to process."""

import pytest

from linkbalancer.health.report import (
    LIMIT,
    TEXT_MAX,
    TRACKERS_MAX,
    Malformed,
    Part,
    Report,
    Reports,
    decode,
    encode,
)

EXAMPLE = Reports(
    {
        "uplink": Report("device", ok=True, since=5),
        "knob": Report("file", ok=False, since=6, text="it says 7", value=7),
    },
    {"3": Report("gateway", ok=None, since=0, parts=(Part("arp 203.0.113.1", ok=False, text="no answer"),))},
    {"link l1": Report("echo fe80::2", ok=False, since=7, text="not done within 150 ms")},
    whole=True,
)


def test_reports_arrive_as_they_were_told() -> None:
    """Every field."""
    assert decode(encode(EXAMPLE)) == EXAMPLE
    assert decode(encode(Reports())) == Reports()
    older = b'{"whole": true, "trackers": {}, "gateways": {}}'
    assert decode(older) == Reports(whole=True)


def test_all_trackers_that_a_gateway_may_have_fit_into_one_packet() -> None:
    """However long their last words are; those are cut."""
    text = "\u00e4" * 1000
    many = Reports(
        {f"{number:063}": Report("script", ok=True, since=10**18, text=text) for number in range(TRACKERS_MAX)}
    )
    arrived = decode(encode(many))
    assert isinstance(arrived, Reports)
    assert len(arrived.trackers) == TRACKERS_MAX
    assert {len(one.text) for one in arrived.trackers.values()} == {TEXT_MAX}


def test_too_much_is_refused_at_either_end() -> None:
    """A packet that the socket would not take is our own mistake."""
    many = Reports({f"{number:063}": Report("x" * 200, ok=True, since=1) for number in range(2000)})
    with pytest.raises(ValueError, match="longer than"):
        encode(many)
    assert decode(bytes(LIMIT + 1)) == Malformed(f"longer than {LIMIT} bytes")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"whole": true, "trackers": [], "gateways": {}}',
        b'{"whole": true, "trackers": {"a": 5}, "gateways": {}}',
        b'{"whole": true, "trackers": {"a": ["device", 3, 0, "", null, []]}, "gateways": {}}',
        b'{"whole": true, "trackers": {"a": ["device", true, 0, "", "x", []]}, "gateways": {}}',
        b'{"whole": true, "trackers": {"a": ["device", true, 0, "", null, [3]]}, "gateways": {}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_report_is_a_reason(data: bytes) -> None:
    """Never an exception."""
    assert isinstance(decode(data), Malformed)
