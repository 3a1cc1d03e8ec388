"""What becomes of what leaves, in words and in numbers."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest

from linkbalancer.routing.translation import Clamp, Prefixes, Translation, Way

PREFIXES = Prefixes(IPv6Network("fd00:1::/48"), IPv6Network("2001:db8:1::/48"))


@pytest.mark.parametrize(
    ("translation", "words", "ipv4"),
    [
        (Translation(), "none", ""),
        (Translation(masquerade=True), "masquerade", "masquerade"),
        (Translation(snat=IPv4Address("192.0.2.9")), "SNAT to 192.0.2.9", "SNAT to 192.0.2.9"),
        (Translation(nptv6=PREFIXES), "NPTv6, fd00:1::/48 as 2001:db8:1::/48", ""),
        (
            Translation(masquerade=True, nptv6=PREFIXES),
            "masquerade; NPTv6, fd00:1::/48 as 2001:db8:1::/48",
            "masquerade",
        ),
    ],
)
def test_a_translation_says_what_it_does(translation: Translation, words: str, ipv4: str) -> None:
    """Both families in one line."""
    assert (str(translation), translation.of_ipv4) == (words, ipv4)


@pytest.mark.parametrize(
    ("clamp", "mtu", "sizes"),
    [
        (None, None, (None, None)),
        ("auto", None, (None, None)),
        ("auto", 1400, (1360, 1340)),
        (1300, None, (1300, 1300)),
        (1350, 1400, (1350, 1340)),
        (1380, 1400, (1360, 1340)),
    ],
)
def test_segments_fit_into_the_way(clamp: Clamp, mtu: int | None, sizes: tuple[int | None, int | None]) -> None:
    """The smaller of what is asked for and what the MTU leaves, for either family's headers."""
    way = Way(device="eth1", vids=(1,), clamp=clamp, mtu=mtu)
    assert (way.segment(4), way.segment(6)) == sizes


def test_a_way_has_a_name() -> None:
    """By its device, and by its gateway where it has one."""
    assert Way(device="eth1", vids=(1,)).name == "the link on eth1"
    assert Way(device="eth1", vids=(1,), gateway=IPv4Address("192.0.2.1")).name == "192.0.2.1 over eth1"


def test_what_becomes_of_one_source() -> None:
    """Of IPv6, of those within the prefix alone."""
    pair = Prefixes(IPv6Network("fd00:1::/48"), IPv6Network("2001:db8:1::/48"))
    both = Translation(masquerade=True, nptv6=pair)
    assert both.of(IPv4Address("192.0.2.1")) == "masquerade"
    assert both.of(IPv6Address("fd00:1::9")) == "NPTv6, fd00:1::/48 as 2001:db8:1::/48"
    assert both.of(IPv6Address("fd00:2::9")) == Translation(masquerade=True).of(IPv6Address("fd00:1::9")) == ""
