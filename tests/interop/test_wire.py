"""The judge's own reading of frames, by packets that were written down by hand from the fact sheet."""

from ipaddress import ip_address

from linkbalancer.clock import MILLISECOND, SECOND
from tests.interop.wire import Advert, Answer, Claim, read

MAC = bytes.fromhex("020000000001")
ETHERNET = "01005e000012020000000001"
OLD = "45c0002c00000000ff70 0000 c0000201e0000012"
"""An IPv4 header of 44 bytes in all, from 192.0.2.1 to the group."""
NEW = "45c0002000000000ff70 0000 c0000201e0000012"


def frame(kind: str, *parts: str) -> bytes:
    """Return a frame."""
    return bytes.fromhex(ETHERNET + kind + "".join(parts).replace(" ", ""))


def test_version_2_with_a_password() -> None:
    """Seconds, two addresses, eight bytes at the end; the Ethernet padding is nobody's."""
    body = "21 33 96 02 01 01 0000 c00002fb c00002fc 73656372 65740000"
    seen = read(7, "ours", frame("0800", OLD, body, "000000"))
    assert isinstance(seen, Advert)
    assert (seen.version, seen.vid, seen.priority, seen.interval) == (2, 51, 150, SECOND)
    assert [str(one) for one in seen.addresses] == ["192.0.2.251", "192.0.2.252"]
    assert (seen.password, seen.ttl, seen.mac, seen.at) == (b"secret", 255, bytes.fromhex("020000000001"), 7)
    assert seen.forms == frozenset()


def test_version_3_and_its_two_checksums() -> None:
    """Centiseconds without the reserved bits; the message's checksum and the pseudo-header's are told apart."""
    alone = read(0, "ours", frame("0800", NEW, "31 33 64 01 f00a b7c4 c00002fb"))
    assert isinstance(alone, Advert)
    assert (alone.interval, alone.forms) == (100 * MILLISECOND, frozenset({"message"}))


def test_version_3_of_ipv6() -> None:
    """The list has addresses of sixteen bytes, the source is link-local."""
    header = "6c000000 0018 70 ff fe80" + "00" * 13 + "01 ff02" + "00" * 13 + "12"
    seen = read(0, "theirs", frame("86dd", header, "31 33 ff 01 0064 0000 fe80" + "00" * 13 + "51"))
    assert isinstance(seen, Advert)
    assert (seen.source, seen.addresses) == (ip_address("fe80::1"), (ip_address("fe80::51"),))
    assert (seen.priority, seen.interval) == (255, SECOND)


def test_echo_replies_and_the_rest() -> None:
    """An echo reply says who answered; requests and other protocols are nothing."""
    header = "4500001c00000000 4001 0000 c00002fb c0000264"
    assert read(3, "ours", frame("0800", header, "0000 0000 0001 0102")) == Answer(
        3, "ours", ip_address("192.0.2.251"), 0x0102
    )
    assert read(3, "ours", frame("0800", header, "0800 0000 0001 0102")) is None
    assert read(3, "ours", frame("0806", "00" * 20)) is None


def test_claims() -> None:
    """ARP of any kind tells where its sender's address is, a neighbour advertisement where its target is."""
    arp = "0001 0800 06 04 0001 020000000001 c00002fb ffffffffffff c00002fb"
    assert read(3, "ours", frame("0806", arp)) == Claim(3, "ours", ip_address("192.0.2.251"), MAC)
    header = "60000000 0020 3a ff fe80" + "00" * 13 + "51 ff02" + "00" * 13 + "01"
    body = "88 00 0000 a0000000 fe80" + "00" * 13 + "51 02 01 020000000001"
    assert read(3, "ours", frame("86dd", header, body)) == Claim(3, "ours", ip_address("fe80::51"), MAC)
