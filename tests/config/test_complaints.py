"""Tests of what is said about keys and values of the wrong kind."""

from ipaddress import IPv4Network

import pytest
from pydantic import BaseModel

from linkbalancer.config.load import ConfigErrors, load_as
from tests.config.texts import CONFIG, changed, refusals

L1 = "device: eth1"
G1 = "priority: 150"


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("node:", "nod:", "1:1: the key nod is not known; did you mean node?"),
        (L1, "devise: eth1", "6:8: the key devise is not known; did you mean device?"),
        (L1, L1 + ", probe: {miss: 3}", "6:30: the key miss is not known; did you mean misses?"),
        (G1, "zzzz: 1", "8:64: the key zzzz is not known; use one of: mode, device, link, virtual_ips"),
        ("{members: [192.168.1.2]}", "{member: []}", "4:10: the key member is not known; did you mean members?"),
        ("role: controller", "marks: {guards: 1}", "2:9: the key guards is not known; did you mean guard?"),
        ("node: b1\n", "", "1:1: the key node is missing; add node"),
        (L1 + ", ", "", "6:3: the key device is missing; add device"),
        ("node: b1", "node: b 1", "1:7: the name 'b 1' will not do"),
        ("role: controller", "role: controler", "2:7: 'controler' is no role; did you mean controller?"),
        ("role: controller", "role: 7", "2:7: 7 is no role; write one of: controller, controlled"),
        ("mode: observe", "mode: watch", "9:27: 'watch' is no mode; write one of: member, observe"),
        ("{members: [192.168.1.2]}", "7", "4:9: 7 is no mapping; write keys and values"),
        ("[192.168.1.2]", "192.168.1.2", "4:19: '192.168.1.2' is no list; write ['192.168.1.2']"),
        ("[192.168.1.2]", "[192.168.1.x]", "4:20: '192.168.1.x' is no IPv4 address; write such as 192.0.2.1"),
        (G1, "preempt: 1", "8:73: 1 is neither true nor false; write true or false"),
        (G1, "priority: '150'", "8:74: '150' is no whole number; write a whole number without quotes"),
        (G1, "priority: 0", "8:74: 0 is too small; use 1 or more"),
        (G1, "priority: 256", "8:74: 256 is too large; use 255 or less"),
        ("  2: {", "  256: {", "9:3: 256 is too large; use 255 or less"),
        ("  2: {", "  two: {", "9:3: 'two' is no VID; write such as 1 (IPv4), without quotes, or 1/ipv6"),
        ("  2: {", "  0/ipv6: {", "9:3: '0/ipv6' is no VID"),
        ("  2: {", "  256/ipv6: {", "9:3: 256 is too large; use 255 or less"),
        ("  2: {", "  0: {", "9:3: 0 is too small; use 1 or more"),
        ("  l1: {", "  l 1: {", "6:3: the name 'l 1' will not do"),
        ("virtual_ips: [192.168.1.252/24]", "version: 3", "9:3: the key virtual_ips is missing; add virtual_ips"),
        ("[192.168.1.252/24]", "[]", "9:49: virtual_ips is empty; give at least one"),
        ("[192.168.1.252/24]", "[192.168.1.252]", "9:50: the virtual IP 192.168.1.252 has no prefix length"),
    ],
)
def test_wrong_keys_and_values(old: str, new: str, error: str) -> None:
    """Each fault alone: its place, what it is, what to do."""
    found = [one for one in refusals(changed((old, new))) if one.startswith(f"linkbalancer.yaml:{error}")]

    assert len(found) == 1


def test_a_group_has_no_more_addresses_than_an_advertisement_holds() -> None:
    """255, by the wire."""
    many = ", ".join(f"10.0.{number // 250}.{number % 250 + 1}/16" for number in range(256))

    assert refusals(changed(("192.168.1.252/24", many))) == [
        "linkbalancer.yaml:9:49: virtual_ips has 256 entries; use 255 at most"
    ]


def test_one_error_hides_no_other() -> None:
    """Several in one group, and what it has to do with others as well."""
    text = changed(("link: l1", "link: l9"), ("[192.168.1.251/24]", "[192.168.1.252/24]"), (G1, "priority: 999"))
    places = [found.split(": ")[0].removeprefix("linkbalancer.yaml:") for found in refusals(text)]

    assert places == ["8:27", "8:74", "9:50"]
    assert refusals(CONFIG) == []


def test_kinds_of_other_documents_have_words_too() -> None:
    """What this product's own configuration never meets is said in pydantic's words."""

    class Net(BaseModel):
        """A document with a kind of value that the configuration has not."""

        net: IPv4Network

    with pytest.raises(ConfigErrors, match=r"^f:1:6: 'x' will not do; input is not a valid IPv4 network$"):
        load_as(Net, "f", lambda _: "net: x\n")
