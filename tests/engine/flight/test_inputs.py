"""Inputs are written short, and read as they were."""

import json
from ipaddress import IPv4Address

import pytest

from linkbalancer.engine.drain import Drained
from linkbalancer.engine.effects import Effect, Record, SendAdvert
from linkbalancer.engine.events import (
    AdvertReceived,
    DatagramReceived,
    DeviceChanged,
    Event,
    LegHeard,
    Started,
    Tick,
)
from linkbalancer.engine.flight.inputs import KNOWN_MAX, Decoder, Encoder, Input, RecordingError
from linkbalancer.engine.flight.veil import FALSE, TRUE, Passwords
from linkbalancer.engine.tracking import Checked
from linkbalancer.health.report import Report, Reports
from linkbalancer.links import LinkName, Role
from linkbalancer.lvrrp.keys import Key, Keyring
from linkbalancer.vrrp.ip import MULTICAST, wrap
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, encode

SOURCE = IPv4Address("192.0.2.1")
MAC = b"\x02\0\0\0\0\1"
NOW = 10**12
KEYRING = Keyring((Key(1, b"sixteen letters."),), "l1", Role.CONTROLLER)


def advert(identification: int = 0, priority: int = 100) -> AdvertReceived:
    """Return an advert; the identification and the header's checksum balance."""
    said = Advertisement(1, priority, 10**9, (IPv4Address("192.0.2.251"),))
    packet = bytearray(wrap(SOURCE, MULTICAST, encode(said, SOURCE, MULTICAST, ChecksumForm.RFC9568)))
    checksum = int.from_bytes(packet[10:12]) + int.from_bytes(packet[4:6]) - identification
    packet[4:6], packet[10:12] = identification.to_bytes(2), (checksum % 0xFFFF).to_bytes(2)
    return AdvertReceived("eth0", bytes(packet), MAC)


def encoder() -> Encoder:
    """Return one for a gateway of one link."""
    return Encoder(NOW, {"l1": KEYRING}, Passwords({}))


def untag(link: LinkName, signed: bytes, tag: int) -> bytes:
    """Return a datagram that says what its tag was."""
    return signed + f"{link}{tag}".encode()


def read(lines: list[str]) -> list[Input]:
    """Return the inputs of lines."""
    decoder = Decoder(NOW, untag)
    return [one for line in lines for one in decoder.read(json.loads(line))]


def test_an_advert_again_is_a_number() -> None:
    """Adverts that say the same, with another identification or without, and timers: some bytes each."""
    one = encoder()
    one.add(NOW + 5, advert(), [])
    one.add(NOW + 5, LegHeard("eth0", alive=True), [])
    for turn in range(3):
        one.add(NOW + 10 * turn + 10, advert(turn), [])
        one.add(NOW + 10 * turn + 10, LegHeard("eth0", alive=True), [])
        one.add(NOW + 10 * turn + 10, Tick(), [])
    lines = one.take()
    found = read(lines)

    assert lines[1:] == ["[5,1,2,0]", "[10,1,2,0]", "[10,1,2,0]"]
    assert [one.now - NOW for one in found] == [5, 5, 10, 10, 10, 20, 20, 20, 30, 30, 30]
    assert [one.event for one in found[2:5]] == [advert(), LegHeard("eth0", alive=True), Tick()]


def test_what_is_new_is_the_same_text() -> None:
    """Piece by piece: together with the last line's end it is what is taken in the end."""
    one, other = encoder(), encoder()
    text = ""
    for turn in range(6):
        for now in (NOW + 10 * turn, NOW + 10 * turn, NOW + 10 * turn + 5):
            for each in (one, other):
                each.add(now, advert(turn), [])
                each.add(now, Started(), [SendAdvert("eth0", SOURCE, bytes(20), MULTICAST)] if turn % 2 else [])
            if turn != 2:
                text += one.fresh()
        if turn == 4:
            whole = "\n".join(one.take()) + "\n"
            assert text + "]\n" == whole
            assert "\n".join(other.take()) + "\n" == whole
            assert one.fresh() == text[:0]
            text = ""
    assert text + "]\n" == "\n".join(one.take()) + "\n" == "\n".join(other.take()) + "\n"


def test_what_was_decided_and_drawn_is_told() -> None:
    """A digest, the draws, and words where there is news."""
    one = encoder()
    sent: list[Effect] = [SendAdvert("eth0", SOURCE, bytes(20), MULTICAST)]
    one.add(NOW, Tick(), sent)
    one.add(NOW, Tick(), sent, (7, 8))
    one.add(NOW, Tick(), [], (9,))
    one.add(NOW, Started(), [*sent, Record("vid", "VID 1", "master")])
    one.add(NOW, Started(), sent)
    found = read(one.take())

    assert [(one.draws, one.words) for one in found] == [
        ((), ()),
        ((7, 8), ()),
        ((9,), ()),
        ((), ("vid VID 1: master",)),
        ((), ()),
    ]
    assert [bool(one.digest) for one in found] == [True, True, False, True, True]
    assert found[0].digest == found[1].digest == found[4].digest != found[3].digest
    assert [one.event for one in found] == [Tick(), Tick(), Tick(), Started(), Started()]


def test_a_datagram_is_told_without_its_tag() -> None:
    """But with whether it was true; one that has none is told whole, and so is one of a link that is not ours."""
    one = encoder()
    true = bytes(4) + b"\1" + bytes(60)
    peer = Keyring((Key(1, b"sixteen letters."),), "l1", Role.CONTROLLED)
    events: list[Event] = [
        DatagramReceived("l1", true + peer.tag(1, true)),
        DatagramReceived("l1", true + bytes(16)),
        DatagramReceived("l1", b"short"),
        DatagramReceived("l9", bytes(80)),
    ]
    for event in events * 2:
        one.add(NOW, event, [])
    lines = one.take()

    assert peer.tag(1, true).hex() not in "".join(lines)
    expected = [
        DatagramReceived("l1", true + f"l1{TRUE}".encode()),
        DatagramReceived("l1", true + f"l1{FALSE}".encode()),
        *events[2:],
    ]
    assert [one.event for one in read(lines)] == expected * 2


def test_whatever_comes_is_told() -> None:
    """Every kind of event, also one that cannot be known by itself."""
    device = DeviceChanged("eth0", carrier=True, primary=SOURCE, addresses=frozenset({SOURCE}))
    checked = Checked(Reports(trackers={"a": Report("file", ok=True, since=NOW)}))
    events: list[Event] = [device, Started(), Drained(), checked, advert(), device]
    one = encoder()
    for event in events * 2:
        one.add(NOW, event, [])

    assert [one.event for one in read(one.take())] == events * 2


def test_numbers_are_forgotten_together() -> None:
    """Both sides forget all when there are too many, and at the same place."""
    one, events = encoder(), [LegHeard(f"eth{number}", alive=True) for number in range(KNOWN_MAX + 50)]
    for event in [*events, *events[-60:]]:
        one.add(NOW, event, [])

    assert [one.event for one in read(one.take())] == [*events, *events[-60:]]


@pytest.mark.parametrize(
    "line",
    [
        None,
        [],
        ["1"],
        [True],
        [1, 7],
        [1, -1],
        [1, []],
        [1, [0, 0, [], [], 1]],
        [1, [0, "x"]],
        [1, [0, 0, ["x"]]],
        [1, [["nothing"]]],
        [1, [["advert", "eth0", "xx", ""]]],
        [1, [["advert", 7, "", ""]]],
        [1, [["datagram", "l1", "=", 0]]],
        [1, [["other", {"root": 7, "nodes": []}]]],
        [1, [["other", {"root": [0], "nodes": [["object", "linkbalancer.engine.effects:Left", {}]]}]]],
    ],
)
def test_what_makes_no_sense_is_refused(line: object) -> None:
    """With a sentence, and never otherwise."""
    with pytest.raises(RecordingError):
        list(Decoder(NOW, untag).read(line))
