"""An end of a release that is not written yet: this one must understand what it can, and stumble over nothing."""

import struct

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.links import GroupId, GroupState, GroupWord
from linkbalancer.lvrrp import packet, tlv
from linkbalancer.lvrrp.events import Received, Words
from tests.lvrrp.pair import FAR, NEAR, Pair

MS = MILLISECOND
HEAD, TAG = packet.HEADER_LENGTH, packet.TAG_LENGTH
MASTER = GroupWord(1, GroupState.MASTER, 150, 1, 2)
LATER_KIND = 200


def element(kind: int, value: bytes) -> bytes:
    """Return one element."""
    return struct.pack("!BH", kind, len(value)) + value


NEWS = (
    element(LATER_KIND, b"a kind that nobody knows"),
    element(tlv.Kind.METRICS, bytes(52) + b"and more"),
    element(tlv.Kind.WEIGHT, bytes([1, 4, 0, 0, 0, 0, 0, 0, 0, 9, 99])),
    element(tlv.Kind.ADJUST, bytes([1, 4, 200, 0, 0, 0, 9, 99])),
    element(tlv.Kind.HOLD, bytes([0, 0, 0, 9, 99])),
    element(tlv.Kind.WORD, bytes([2, 4, 99, 100, 0, 0, 0, 1, 0])),  # a state that nobody knows
    element(tlv.Kind.WORD, bytes([3, 17, 6, 100, 0, 0, 0, 1, 0])),  # a family that nobody knows
)


class LaterRelease(Pair):
    """The far end is of a later release: it has more to say, before and after what this one knows, and sets flags.

    With each of its datagrams it sends the same as version 2, whatever that may be, and as a type 6.
    """

    def deliver(self, name: str, data: bytes, delay: Duration = 0) -> None:
        """Put the later release's datagrams on the wire to the near end."""
        if name == FAR:
            super().deliver(name, data, delay)
            return
        body = data[HEAD:-TAG]
        middle = len(element(tlv.Kind.NODE, b"f1"))
        richer = NEWS[0] + body[:middle] + b"".join(NEWS[1:]) + body[middle:] + NEWS[0]
        super().deliver(name, self.signed(data, richer, kind=6), delay)
        super().deliver(name, self.signed(data, richer), delay)
        super().deliver(name, self.signed(data, richer, version=2), delay)

    def signed(self, data: bytes, body: bytes, *, version: int = 1, kind: int | None = None) -> bytes:
        """Return a datagram of the far end with another body, flags, version or type, and a true tag."""
        key_id, flags, length = data[4], 0xFF, HEAD + len(body) + TAG
        head = struct.pack("!2sBBBBH", b"LV", version, data[3] if kind is None else kind, key_id, flags, length)
        said = head + data[8:HEAD] + body
        return said + self.far._speaker.keyring.tag(key_id, said)


def test_a_later_release_is_understood_as_far_as_this_one_goes() -> None:
    """The link opens and stays open, words come through, and what is not understood is counted by name."""
    pair = LaterRelease()
    pair.do(FAR, Words((MASTER,)))
    pair.start().run(5 * SECOND)

    assert pair.changes_of(NEAR) == [(2, "opened")]
    assert pair.changes_of(FAR) == [(3, "opened")]
    assert pair.near.word(GroupId(1), pair.now) == MASTER
    strange = pair.near.word(GroupId(2), pair.now)
    assert strange is not None
    assert strange.state is GroupState.UNKNOWN
    assert pair.near.peer.node == "f1"
    told = pair.near.counters
    sent = sum(sender == FAR for sender, _ in pair.sent)
    assert (told["version"], told["type"]) == (sent, sent)
    assert pair.near.peer.metrics is not None
    assert pair.near.peer.weight(GroupId(1)) is None, "a STATE tells no weights"
    assert told["element"] == told["tag"] == 0


def test_every_number_that_is_not_given_yet_is_skipped() -> None:
    """Whatever kind a later release chooses, this one reads past it; whatever type, it drops the datagram alone."""
    pair = LaterRelease().start().run(500 * MS)
    given = {int(kind) for kind in tlv.Kind}
    for kind in sorted(set(range(256)) - given):
        known = tlv.decode(element(kind, b"value") + element(tlv.Kind.NODE, b"f1"))
        assert known == tlv.Body(node="f1")
    last = next(data for sender, data in reversed(pair.sent) if sender == FAR)
    for kind in (0, *range(6, 256)):
        assert pair.do(NEAR, Received(pair.signed(last, b"", kind=kind))) == []

    assert pair.run(SECOND).both_open


def test_a_peer_of_another_version_alone_is_counted_and_nothing_else() -> None:
    """Two releases that share no version do not talk, and the counter says why."""
    pair = Pair()
    pair.fate = lambda _sender, _now: []
    pair.start()
    for _ in range(3):
        pair.run(300 * MS)
        data = pair.sent[-1][1]
        assert pair.do(FAR, Received(data[:2] + b"\x02" + data[3:])) == []

    assert (pair.far.is_open, pair.far.counters["version"], pair.far.counters["sent"]) == (False, 3, 0)
