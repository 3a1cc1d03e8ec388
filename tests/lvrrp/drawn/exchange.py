"""The conversation of docs/protocol.md's test vectors, held by two real ends whose clocks and chance are given."""

from collections.abc import Iterator

from linkbalancer.clock import MICROSECOND, MILLISECOND, Instant
from linkbalancer.links import Family, GroupId, GroupState, GroupWord, Role
from linkbalancer.lvrrp.events import Adjust, Bye, Carrier, Effect, Event, Measure, Received, Start, Transmit, Words
from linkbalancer.lvrrp.keys import Key
from linkbalancer.lvrrp.link import Link
from linkbalancer.weights.metrics import Lane, Metrics
from tests.lvrrp.pair import settings

KEY = Key(1, bytes(range(16)))
NEAR_SESSION, FAR_SESSION = 0x1122334455667788, 0x99AABBCCDDEEFF00
UNUSED = 0x0F0F0F0F0F0F0F0F
"""The hello of an end that never speaks first."""

MASTER, BACKUP = GroupWord(1, GroupState.MASTER, 150, 3, 2), GroupWord(2, GroupState.BACKUP, 100, 4, 2)
FAULT = GroupWord(2, GroupState.FAULT, 0, 5, 0)
SIXTH = GroupWord(1, GroupState.BACKUP, 90, 1, 0, Family.IPV6)

WANTED = ((GroupId(1), 120, 37.5), (GroupId(2), 90, 12.25))
DIGEST = bytes.fromhex("c0ffee")
METRICS = Metrics(
    outward=Lane(rate=42e6, capacity=100e6, loss=0.01, backlog=3000, drops=0.5),
    inward=Lane(rate=7e6, capacity=100e6, loss=0.002),
    loss=0.012,
    rtt=2_345 * MICROSECOND,
    jitter=120 * MICROSECOND,
)
"""As on the wire: backlog and drops of the incoming direction are not known."""


class Given:
    """Chance that was decided before: the sessions in order, and the shortest interval each time."""

    def __init__(self, *sessions: int) -> None:
        self._sessions: Iterator[int] = iter(sessions)

    def getrandbits(self, bits: int, /) -> int:
        """Return the next session."""
        return next(self._sessions) & ((1 << bits) - 1)

    def randrange(self, start: int, stop: int, /) -> int:
        """Return the least."""
        assert start < stop
        return start


def end(role: Role, *sessions: int, keys: tuple[Key, ...] = (KEY,)) -> Link:
    """Return an end that draws these sessions, started, with carrier, and silent so far."""
    link = Link(settings(role, insecure=not keys), keys, Given(*sessions), 0)
    link.handle(0, Carrier(up=True))
    return link


def sent(link: Link, microseconds: int, event: Event) -> bytes:
    """Hand an end an event at an instant of its own clock; return the one datagram that it sends."""
    now: Instant = microseconds * MICROSECOND
    effects: list[Effect] = link.handle(now, event)
    (transmit,) = [effect for effect in effects if isinstance(effect, Transmit)]
    return transmit.data


def conversation() -> dict[str, bytes]:
    """Return each datagram of the conversation by its label in the document."""
    near, far = end(Role.CONTROLLER, NEAR_SESSION, UNUSED), end(Role.CONTROLLED, UNUSED, FAR_SESSION, UNUSED)
    far.handle(0, Words((MASTER, BACKUP)))
    far.handle(0, Start())
    said = {"controller greeting": sent(near, 1_000_000, Start())}
    said["controlled answer"] = sent(far, 77, Received(said["controller greeting"]))
    said["controller confirmation"] = sent(near, 1_002_000, Received(said["controlled answer"]))
    said["controlled state"] = sent(far, 1_077, Received(said["controller confirmation"]))
    near.handle(1_003_000 * MICROSECOND, Received(said["controlled state"]))
    said["controller adjust"] = sent(near, 1_040_000, Adjust(WANTED))
    said["controlled acknowledgement"] = sent(far, 38_077, Received(said["controller adjust"]))
    near.handle(1_041_000 * MICROSECOND, Received(said["controlled acknowledgement"]))
    said["controlled push"] = sent(far, 51_077, Words((MASTER, FAULT, SIXTH), DIGEST, "eth0 has no carrier"))
    said["controller weight"] = sent(near, 1_053_000, Received(said["controlled push"]))
    far.handle(54_077 * MICROSECOND, Received(said["controller weight"]))
    near.handle(1_053_000 * MICROSECOND, Measure(METRICS))
    said["controller measured"] = sent(near, 1_100_000, Words((), DIGEST))
    far.handle(101_077 * MICROSECOND, Received(said["controller measured"]))
    said["controller restart"] = sent(near, 1_200_000, Bye(3000 * MILLISECOND))
    far.handle(198_077 * MICROSECOND, Received(said["controller restart"]))
    said["controlled leave"] = sent(far, 300_000, Bye(None))
    insecure = end(Role.CONTROLLER, NEAR_SESSION, keys=())
    said["controller insecure"] = sent(insecure, 1_000_000, Start())
    return said
