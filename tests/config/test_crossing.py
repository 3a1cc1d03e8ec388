"""What `check` says of a link that crosses other routers."""

from linkbalancer.config.crossing import crossing
from tests.config.texts import changed, loaded

KEY = "key_file: keys/l1.key"


def test_a_plain_link_asks_nothing_of_anybody() -> None:
    """There is nobody between its ends."""
    assert list(crossing(loaded().config)) == []


def test_the_routers_between_must_know_both_sides() -> None:
    """The LAN that this end's groups on the link are on, and the far one, by the ends of the link."""
    (said,) = crossing(loaded(changed((KEY, f"{KEY}, via: 10.1.0.254"))).config)

    assert said.startswith("link l1: every router from 10.1.0.254 on must route 192.168.1.0/24 to 10.1.0.1, and")
    assert "to 10.1.0.2; where they cannot, make the link a tunnel and leave out via" in said


def test_without_a_group_of_its_own_the_lans_have_no_number() -> None:
    """A link that nobody uses yet still says what it will need."""
    third = "  l3: {device: eth3, local: 10.3.0.1, peer: 10.9.0.1, via: 10.3.0.254, insecure: true}\ngroups:"
    (said,) = crossing(loaded(changed(("groups:", third))).config)

    assert "must route this side's LANs to 10.3.0.1" in said
