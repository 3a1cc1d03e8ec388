"""Keys and passwords stay out, and what they prove stays proven."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.engine.flight.veil import (
    FALSE,
    REFLECTED,
    TRUE,
    WRONG,
    Passwords,
    key_ids,
    stand_in_keys,
    tag_of,
    tagged,
    without_password,
)
from linkbalancer.links import GroupId, Role
from linkbalancer.lvrrp.keys import Key, Keyring
from linkbalancer.lvrrp.packet import Datagram, MessageType, Rejection, decode, encode
from linkbalancer.vrrp import packet as vrrp
from linkbalancer.vrrp.ip import wrap

SOURCE = IPv4Address("192.0.2.1")
PASSWORDS = {GroupId(1): b"rosebud", GroupId(2): b"rosebud", GroupId(3): b"longer than eight"}
KEYS = (Key(1, b"sixteen letters."), Key(7, b"sixteen numbers."))
STAND_INS = stand_in_keys({"l1": [1, 7]})["l1"]


def advert(vid: int = 1, password: bytes | None = b"rosebud", version: int = 2) -> bytes:
    """Return an advert as it arrives."""
    said = vrrp.Advertisement(vid, 100, 10**9, (IPv4Address("192.0.2.251"),), version)
    message = vrrp.encode(said, SOURCE, vrrp.MULTICAST, vrrp.ChecksumForm.RFC9568, password)
    return wrap(SOURCE, vrrp.MULTICAST, message)


def datagram(keyring: Keyring, key_id: int = 1) -> bytes:
    """Return a datagram tagged by one end."""
    said = Datagram(
        kind=MessageType.QUERY,
        key_id=key_id,
        session=5,
        echoed=6,
        sequence=7,
        detect=10**9,
        sent=1,
        echo_sent=2,
        echo_delay=3000,
    )
    return encode(said, keyring.tag)


def ends(keys: tuple[Key, ...]) -> tuple[Keyring, Keyring]:
    """Return this end's keyring and the peer's."""
    return Keyring(keys, "l1", Role.CONTROLLER), Keyring(keys, "l1", Role.CONTROLLED)


def test_a_tag_is_judged_again_as_it_was() -> None:
    """True, reflected, false, and of a key that nobody has: with other keys the same verdicts."""
    own, peer = ends(KEYS)
    other_own, other_peer = ends(STAND_INS)
    cases = {
        TRUE: datagram(peer, 7),
        REFLECTED: datagram(own),
        FALSE: datagram(peer)[:-1] + b"x",
    }
    stranger = Keyring((Key(9, b"another sixteen."),), "l1", Role.CONTROLLED)
    for tag, data in [*cases.items(), (FALSE, datagram(stranger, 9))]:
        again = tagged(other_own, other_peer, data[:-16], tag)

        assert tag_of(own, data) == tag
        assert again[:-16] == data[:-16]
        assert decode(again, other_own.verify) == decode(data, own.verify)
    assert decode(tagged(other_own, other_peer, datagram(stranger, 9)[:-16], TRUE), other_own.verify) == Rejection.KEY


def test_what_is_too_short_has_no_tag() -> None:
    """Nor has what belongs to no link."""
    assert tag_of(ends(KEYS)[0], bytes(40)) is None
    assert tag_of(None, bytes(400)) is None


def test_keys_are_told_by_their_numbers() -> None:
    """The numbers are on the wire; the stand-ins are everybody's."""
    assert key_ids({"l1": KEYS, "l2": ()}) == {"l1": [1, 7], "l2": []}
    assert [key.id for key in STAND_INS] == [1, 7]
    assert {key.secret for key in STAND_INS}.isdisjoint(key.secret for key in KEYS)


@pytest.mark.parametrize("password", [b"rosebud", b"longer than eight", b"a stranger's", b""])
def test_a_password_has_a_stand_in(password: bytes) -> None:
    """It is gone, the checksum is right, and only the right password is right."""
    veiled = Passwords(PASSWORDS).veiled(advert(password=password))
    found = vrrp.decode(veiled)

    assert isinstance(found, vrrp.Received)
    shown = found.advertisement.auth_data
    expected = {b"rosebud": b"stand000", b"longer than eight": b"stand001"}.get(password, WRONG)
    assert shown == expected
    assert password[:7] not in veiled or not password


def test_a_damaged_advert_stays_damaged() -> None:
    """A checksum that was wrong is as wrong as before."""
    packet = bytearray(advert())
    packet[26] ^= 1
    passwords = Passwords(PASSWORDS)

    assert vrrp.decode(passwords.veiled(bytes(packet))) == vrrp.decode(bytes(packet)) == vrrp.Rejection.CHECKSUM
    assert passwords.veiled(advert(version=3, password=None)) == advert(version=3, password=None)
    assert passwords.veiled(advert(password=None)) == advert(password=None)


@given(st.binary(max_size=60))
def test_any_packet_can_be_veiled(packet: bytes) -> None:
    """Its length stays, and it is refused or read as before."""
    veiled = Passwords(PASSWORDS).veiled(packet)

    assert len(veiled) == len(packet)


def test_an_odd_length_is_refused_as_before() -> None:
    """It has no words to sum."""
    packet = bytearray(advert() + b"x")
    packet[2:4] = len(packet).to_bytes(2)

    assert len(Passwords(PASSWORDS).veiled(bytes(packet))) == len(packet)


def test_what_an_agent_remembers_is_scrubbed() -> None:
    """A password itself, and packets that hold one."""
    passwords = Passwords(PASSWORDS)

    assert passwords.scrubbed(b"rosebud") == b"stand000"
    assert passwords.scrubbed(b"longer than eight") == b"stand001"
    assert passwords.scrubbed(b"..rosebud\0..") == b"..stand000.."
    assert passwords.stand_ins == {GroupId(1): b"stand000", GroupId(2): b"stand000", GroupId(3): b"stand001"}


def test_what_is_sent_is_digested_without_its_password() -> None:
    """Nor the checksum over it, from which it could be guessed."""
    message = advert()[20:]

    assert without_password(message) == without_password(advert(password=b"stand000")[20:])
    assert without_password(advert(version=3, password=None)[20:]) == advert(version=3, password=None)[20:]
    assert without_password(b"\x21") == b"\x21"
