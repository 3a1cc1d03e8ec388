"""What `scan` says of what it heard, beside what real routers send (tests/cli/test_scan.py)."""

from dataclasses import replace
from ipaddress import IPv4Address

from linkbalancer.cli.scanned import as_json, as_text
from linkbalancer.cli.screen import Screen
from linkbalancer.clock import SECOND
from linkbalancer.vrrp.census import Census
from linkbalancer.vrrp.ip import MULTICAST, wrap
from tests.engine.hears import DEVICE, GROUP, GROUP_2, MAC, OTHER, THIRD, message, packet

OURS = {GROUP.id: GROUP}


def heard(*packets: bytes, here: bool = False) -> Census:
    """Return a census of packets, in their order."""
    census = Census()
    for at, data in enumerate(packets, start=1):
        census.take(at * SECOND, data, MAC, here=here)
    return census


def text(census: Census) -> str:
    """Return what is said of it."""
    return as_text(census, DEVICE, 5 * SECOND, OURS, Screen())


def test_a_router_that_leaves_and_many_addresses() -> None:
    """Are said so; three addresses are named."""
    many = tuple(IPv4Address("192.0.2.100") + number for number in range(5))
    said = text(heard(packet(GROUP, priority=0, addresses=many)))
    assert "  leaving  3        0         1 s    -         rfc5798  " in said
    assert "192.0.2.100, 192.0.2.101, 192.0.2.102 and 2 more" in said
    assert "VID 1: of 192.0.2.2, it lacks 192.0.2.251, 192.0.2.252 and it has" in said


def test_passwords_are_told_of_and_never_shown() -> None:
    """Whether there is one, or a type that nobody uses any more."""
    secret = replace(GROUP_2, password=b"hidden")
    old = wrap(OTHER, MULTICAST, message(replace(GROUP_2, vid=7), OTHER, MULTICAST, auth_type=2, auth_data=b"\1" * 8))
    said = text(heard(packet(GROUP_2, THIRD), packet(secret), old))
    assert [word for word in said.split() if word in {"no", "yes", "type"}] == ["no", "yes", "type"]
    assert "hidden" not in said


def test_another_version_than_ours() -> None:
    """Is the one thing said of it: the rest cannot be compared."""
    said = text(heard(packet(replace(GROUP, version=2), interval=2 * SECOND)))
    (note,) = (line for line in said.splitlines() if line.startswith("VID"))
    assert note.startswith("VID 1: of 192.0.2.2, its version of VRRP is 2, ours is 3: ")


def test_what_this_gateway_sends_is_compared_with_nothing() -> None:
    """It may be the configuration before."""
    found = as_json(heard(packet(GROUP, interval=2 * SECOND), here=True), DEVICE, SECOND, OURS)
    (router,) = found["vrids"][0]["routers"]
    assert (router["this_computer"], router["differs"]) == (True, [])


def test_what_nobody_can_read_is_told_by_sender() -> None:
    """Three senders are named, the rest counted."""
    census = heard(b"", b"", *(packet(GROUP, OTHER + number, ttl=9) for number in range(4)))
    census.uncounted = 5
    said = text(census)
    assert "2 adverts of 02:00:00:00:00:02 could not be read: packet_length" in said
    assert "1 adverts of 192.0.2.2 (02:00:00:00:00:02) could not be read: ip_ttl" in said
    assert "7 more adverts were not told apart or could not be read" in said
    found = as_json(census, DEVICE, SECOND, OURS)
    assert [one["reason"] for one in found["unreadable"]] == ["packet_length", *["ip_ttl"] * 4]
    assert (found["uncounted"], found["unreadable"][0]["source"]) == (5, None)
