"""The states of a link's end, found by doing to it everything that can happen, in every state that it gets into."""

import copy
import random
from collections.abc import Callable, Iterator

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.links import Role
from linkbalancer.lvrrp import tlv
from linkbalancer.lvrrp.detection import Open
from linkbalancer.lvrrp.events import Carrier, Received, Start, Tick
from linkbalancer.lvrrp.keys import Keyring
from linkbalancer.lvrrp.link import Link
from linkbalancer.lvrrp.packet import Datagram, MessageType, encode, stamp
from tests.lvrrp.pair import BOOT, KEY, settings

SHORT, LONG = 300 * MILLISECOND, 5 * SECOND
"""Holds that end before, and after, the proof is older than the detect time."""

LONGEST = 12 * SECOND
"""How long time alone is given to change something: longer than any wait after one closing."""


class Subject:
    """One end of a link, and a peer whose every word is put into its mouth."""

    def __init__(self, role: Role) -> None:
        self.now = BOOT
        self.link = Link(settings(role), (KEY,), random.Random(1), BOOT)
        self.hold: Duration = 0
        self._role = role
        self._tag = Keyring((KEY,), "l1", role.opposite).tag
        self._session, self._sequence = 0, 0
        self.link.handle(self.now, Start())

    @property
    def state(self) -> str:
        """What a person would call the state."""
        detection = self.link._detection
        match detection.state:
            case Open(frozen_until=until):
                return "open" if until is None else "frozen"
            case closed if closed.proven_since is not None:
                return "proving"
            case _:
                return "closed" if detection.carrier else "dark"

    @property
    def guard(self) -> str:
        """What else decides where an event leads from this state."""
        if self.state == "closed":
            return "penalty" if self.link._detection.penalty else "no penalty"
        if self.state == "frozen":
            return "proof too old" if self.hold == LONG else "proof still good"
        return ""

    @property
    def place(self) -> tuple[str, str, bool]:
        """What tells apart the ends that must be tried: state, guard, and whether there is a peer to say BYE."""
        return self.state, self.guard, self.link._sessions.pair is not None

    def carrier(self, *, up: bool) -> None:
        """The device has carrier, or has lost it."""
        self.link.handle(self.now, Carrier(up))

    def prove(self) -> None:
        """The peer echoes what was sent a millisecond ago, having greeted first where it must."""
        kind = MessageType.STATE if self._role is Role.CONTROLLER else MessageType.QUERY
        sessions = self.link._sessions
        if sessions.pair is None or sessions.pair.peer != self._session:
            self._session, self._sequence = self._session + 1, 0
            if self._role is Role.CONTROLLED:
                self._say(kind, echoed=0)
        fresh = sessions._candidates[-1] if sessions._candidates else sessions.speaking
        sent = stamp(self.now)
        self.now += MILLISECOND
        self._say(kind, echoed=fresh.own, echo_sent=sent)

    def leave(self, hold: Duration | None) -> None:
        """The peer says BYE."""
        self.hold = hold or 0
        pair = self.link._sessions.pair
        assert pair is not None
        self._say(MessageType.BYE, echoed=pair.own, body=tlv.Body(hold=hold))

    def wait(self, *, proving: bool) -> None:
        """Let time pass until the state changes, proofs going on meanwhile or not."""
        before, until = self.state, self.now + LONGEST
        prove_at = self.now if proving else until
        while self.state == before and self.now < until:
            self.now = min(prove_at, self.link.deadline() or until)
            self.link.handle(self.now, Tick())
            if proving and self.now >= prove_at:
                self.prove()
                prove_at = self.now + 50 * MILLISECOND

    def _say(self, kind: MessageType, *, echoed: int, echo_sent: int = 0, body: tlv.Body | None = None) -> None:
        self._sequence += 1
        datagram = Datagram(
            kind=kind, key_id=1, session=self._session, echoed=echoed, sequence=self._sequence, detect=0, sent=0,
            echo_sent=echo_sent, echo_delay=0, body=body or tlv.Body("f1", "l1"),
        )  # fmt: skip
        self.link.handle(self.now, Received(encode(datagram, self._tag)))


def happenings(subject: Subject) -> Iterator[tuple[str, Callable[[Subject], None]]]:
    """Return everything that can happen to an end as it stands, by name."""
    if subject.state == "dark":
        yield "carrier", lambda one: one.carrier(up=True)
        return
    yield "carrier lost", lambda one: one.carrier(up=False)
    if subject.state == "proving":
        yield "wait over", lambda one: one.wait(proving=True)
    else:
        yield "proof", Subject.prove
    if subject.state != "closed":
        yield ("hold over" if subject.state == "frozen" else "silence"), lambda one: one.wait(proving=False)
    if subject.link._sessions.pair is not None:
        yield "BYE", lambda one: one.leave(None)
        yield "BYE with HOLD", lambda one: one.leave(SHORT)
        yield "BYE with HOLD", lambda one: one.leave(LONG)


def steps(role: Role) -> set[tuple[str, str, str, str]]:
    """Return every change of state that was found: from, by what, under which condition, to."""
    first = Subject(role)
    waiting, known, found = [first], {first.place}, set()
    while waiting:
        subject = waiting.pop()
        for name, happen in happenings(subject):
            after = copy.deepcopy(subject)
            happen(after)
            if after.state != subject.state:
                found.add((subject.state, name, subject.guard, after.state))
            if after.place not in known:
                known.add(after.place)
                waiting.append(after)
    return found


def draw(role: Role) -> list[str]:
    """Return the diagram; a condition is named only where it makes a difference."""
    found = steps(role)
    lines = {"[*] --> dark"}
    for start, name, guard, end in found:
        decides = guard and len({other[3] for other in found if other[:2] == (start, name)}) > 1
        lines.add(f"{start} --> {end}: {name}{f', {guard}' if decides else ''}")
    return ["```mermaid", "stateDiagram-v2", *(f"    {line}" for line in sorted(lines)), "```"]
