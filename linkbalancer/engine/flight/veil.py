"""What keeps secrets out of a recording, and lets it run again without them.

A recording holds no key, no password, and nothing that was computed from one. Of a datagram it holds everything but
the tag, and whether that was true; who replays has keys of his own making, and tags it so that it is found the same.
A password of version 2 has a stand-in in its place, in packets and in what the agent remembers of them; a wrong one
(perhaps the right one of another place) has one that is wrong as well.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from linkbalancer.config.load import Loaded
from linkbalancer.links import GroupId, LinkName, Role
from linkbalancer.lvrrp.keys import INSECURE, Key, Keyring
from linkbalancer.lvrrp.packet import HEADER_LENGTH, TAG_LENGTH, Rejection
from linkbalancer.vrrp.packet import PASSWORD_LENGTH

TRUE, REFLECTED, FALSE = 0, 1, 2
"""What a tag was found to be: the peer's, this end's own come back, neither."""

WRONG: Final = b"no words"
"""In place of a password that is none of ours."""

_SECRET: Final = b"a recording holds no keys"
_KEY_ID: Final = 4
_CHECKSUM: Final = slice(6, 8)


def keyrings(loaded: Loaded, keys: Mapping[LinkName, tuple[Key, ...]], role: Role) -> dict[LinkName, Keyring]:
    """Return the keyring of every link's end of a role."""
    return {name: Keyring(keys.get(name) or (INSECURE,), name, role) for name in loaded.config.links}


def key_ids(keys: Mapping[LinkName, tuple[Key, ...]]) -> dict[LinkName, list[int]]:
    """Return the numbers of every link's keys, which every datagram says too."""
    return {name: [key.id for key in some] for name, some in keys.items()}


def stand_in_keys(ids: Mapping[LinkName, Iterable[int]]) -> dict[LinkName, tuple[Key, ...]]:
    """Return keys of these numbers that everybody knows."""
    return {name: tuple(Key(one, _SECRET) for one in some) for name, some in ids.items()}


def tag_of(keyring: Keyring | None, data: bytes) -> int | None:
    """Say what a datagram's tag is, None where there is none."""
    if keyring is None or len(data) < HEADER_LENGTH + TAG_LENGTH:
        return None
    match keyring.verify(data[_KEY_ID], data[:-TAG_LENGTH], data[-TAG_LENGTH:]):
        case None:
            return TRUE
        case Rejection.REFLECTED:
            return REFLECTED
        case _:
            return FALSE


def tagged(own: Keyring, peer: Keyring, signed: bytes, tag: int) -> bytes:
    """Return a datagram with a tag that is what its own was; `own` and `peer` are the two ends' keyrings."""
    key_id = signed[_KEY_ID]
    if tag == FALSE or key_id not in own.ids:
        return signed + bytes(TAG_LENGTH)
    return signed + (peer if tag == TRUE else own).tag(key_id, signed)


class Passwords:
    """The passwords of version 2, each with its stand-in; groups that share one share the other."""

    def __init__(self, passwords: Mapping[GroupId, bytes]) -> None:
        padded = {group: one[:PASSWORD_LENGTH].ljust(PASSWORD_LENGTH, b"\0") for group, one in passwords.items()}
        self._of = {one: f"stand{number:03}".encode() for number, one in enumerate(dict.fromkeys(padded.values()))}
        self._plain = {one: self._of[padded[group]] for group, one in passwords.items()}
        self.stand_ins = {group: self._of[one] for group, one in padded.items()}

    def scrubbed(self, data: bytes) -> bytes:
        """Return bytes that an agent remembers, with every password in them made its stand-in."""
        if data in self._plain:
            return self._plain[data]
        for password, stand_in in self._of.items():
            data = data.replace(password, stand_in)
        return data

    def veiled(self, packet: bytes) -> bytes:
        """Return an advert as it was received, its password made a stand-in, its checksum as right or wrong as before.

        Whoever sends in version 2 may send a password, also where none is configured here.
        """
        found = _authentication(packet)
        if found is None:
            return packet
        begin, end = found
        password = packet[end - PASSWORD_LENGTH : end]
        message = bytearray(packet[begin:end])
        message[-PASSWORD_LENGTH:] = self._of.get(password, WRONG)
        _adjust(message, packet[begin:end])
        return packet[:begin] + bytes(message) + packet[end:]


def without_password(message: bytes) -> bytes:
    """Return a VRRP message that is sent, without what tells its password."""
    if len(message) < 8 + PASSWORD_LENGTH or message[0] >> 4 != 2 or message[4] == 0:
        return message
    return message[:6] + message[8:-PASSWORD_LENGTH]


def _authentication(packet: bytes) -> tuple[int, int] | None:
    """Return where the VRRP message of an IPv4 packet begins and ends, None where it has no authentication data."""
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return None
    begin, end = (packet[0] & 15) * 4, min(int.from_bytes(packet[2:4]), len(packet))
    if end - begin < 8 + PASSWORD_LENGTH or packet[begin] >> 4 != 2 or packet[begin + 4] == 0:
        return None
    return begin, end


def _adjust(message: bytearray, before: bytes) -> None:
    """Correct a checksum by what the sum of the words has changed by, so that it is as far off as it was."""
    if len(message) % 2:
        return  # refused for its length
    change = (int.from_bytes(before) - int.from_bytes(message)) % 0xFFFF
    checksum = (int.from_bytes(message[_CHECKSUM]) + change) % 0xFFFF
    message[_CHECKSUM] = checksum.to_bytes(2)
