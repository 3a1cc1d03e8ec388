"""The part of one end that has to do with adjusted priorities: the controller adjusts, the controlled end obeys.

Everything is said in the confirmed pair alone. A want is said on a closed link too: its peer may open it sooner, and
should not take part for longer than a round trip with another priority than it is to have.
"""

from collections import Counter
from typing import Any

from linkbalancer.clock import Instant, earliest, is_due
from linkbalancer.links import GroupId, Role
from linkbalancer.lvrrp.adjusting import Adjusting
from linkbalancer.lvrrp.detection import Detection
from linkbalancer.lvrrp.events import Adjusted, Effect, Transmit
from linkbalancer.lvrrp.figures import PAGE, Adjustment, LinkWeight
from linkbalancer.lvrrp.obeying import Obeying
from linkbalancer.lvrrp.packet import MessageType
from linkbalancer.lvrrp.peer import Peer
from linkbalancer.lvrrp.session import Sessions
from linkbalancer.lvrrp.speaker import Speaker
from linkbalancer.lvrrp.tlv import Body


class Steering:
    """The wants of a controller, or what a controlled end does of them; one of the two is None."""

    def __init__(
        self,
        role: Role,
        counters: Counter[str],
        *,
        detection: Detection,
        sessions: Sessions,
        speaker: Speaker,
        peer: Peer,
    ) -> None:
        controls = role is Role.CONTROLLER
        self._counters, self._detection, self._sessions, self._speaker = counters, detection, sessions, speaker
        self._peer = peer
        self._adjusting = Adjusting(counters) if controls else None
        self._obeying = None if controls else Obeying(counters)

    def adjusted(self, group: GroupId) -> int | None:
        """Return the priority that the controller has adjusted a group to."""
        return None if self._obeying is None else self._obeying.priority(group)

    def describe(self) -> dict[str, Any]:
        """Return what is wanted of the peer's groups."""
        return {} if self._adjusting is None else self._adjusting.describe()

    def want(self, now: Instant, wanted: tuple[tuple[GroupId, int, float], ...]) -> list[Effect]:
        """Want this of the peer's priorities; a controlled end wants nothing, and counts who asks it to."""
        if self._adjusting is None:
            self._counters["adjust_role"] += 1
            return []
        self._adjusting.want(wanted)
        return self.press(now)

    def begin_anew(self, now: Instant) -> None:
        """Count on nothing that was said in the former pair."""
        if self._adjusting is not None:
            self._adjusting.begin_anew()
        if self._obeying is not None:
            self._obeying.begin_anew(now)

    def opened(self, now: Instant) -> None:
        """Say at once what is not acknowledged, or wait from now on for a confirmation."""
        if self._adjusting is not None:
            self._adjusting.hurry(now)
        if self._obeying is not None:
            self._obeying.doubt(now)

    def press(self, now: Instant) -> list[Effect]:
        """Say what the peer has not acknowledged, if it is time."""
        if self._adjusting is None or not is_due(now, self._press_at()):
            return []
        return [self._say(now, MessageType.ADJUST, *page) for page in self._adjusting.press(now)]

    def weigh(self, now: Instant) -> list[Effect]:
        """Tell the weights, if it is time: beside an answer, when no query is under way that they could overtake."""
        if self._adjusting is None or not self._detection.is_open:
            return []
        return [self._say(now, MessageType.WEIGHT, (), weights) for weights in self._adjusting.weigh(now)]

    def hear(self, now: Instant, kind: MessageType, body: Body) -> list[Effect]:
        """Take a WEIGHT, or an ADJUST: the controlled end obeys and answers, the controller hears the answer."""
        self._peer.weigh(body.weights)
        if kind is MessageType.WEIGHT:
            return []
        if self._obeying is None:
            assert self._adjusting is not None
            self._adjusting.acknowledge(body.adjustments)
            return []
        changes, answers = self._obeying.obey(body.adjustments, self._peer.weight)
        pages = [tuple(answers[start : start + PAGE]) for start in range(0, len(answers), PAGE)]
        effects: list[Effect] = [Adjusted(tuple(changes))] if changes else []
        return effects + [self._say(now, MessageType.ADJUST, page) for page in pages]

    def tick(self, now: Instant) -> list[Effect]:
        """Do what time brings."""
        if self._obeying is not None and is_due(now, self._disbelief_at()):
            return [Adjusted(tuple(self._obeying.expire()))]
        return self.press(now)

    def deadline(self) -> Instant | None:
        """Return when there is something to say again, or to believe no more."""
        return earliest(self._press_at(), self._disbelief_at())

    def snapshot(self) -> dict[str, Any]:
        """Return what a successor goes on to want, or to obey; JSON-able."""
        wanted = {} if self._adjusting is None else {"wanted": self._adjusting.snapshot()}
        return wanted if self._obeying is None else {"adjusted": self._obeying.snapshot()}

    def restore(self, now: Instant, found: dict[str, Any]) -> None:
        """Go on from a predecessor's snapshot."""
        if self._adjusting is not None:
            self._adjusting.restore(found.get("wanted", []))
        if self._obeying is not None:
            self._obeying.restore(now, found.get("adjusted", []))

    def _press_at(self) -> Instant | None:
        if self._adjusting is None or self._sessions.pair is None or not self._detection.carrier:
            return None
        return self._adjusting.due(self._detection.rtt)

    def _disbelief_at(self) -> Instant | None:
        return self._obeying.expiry_at() if self._obeying is not None and self._detection.is_open else None

    def _say(
        self,
        now: Instant,
        kind: MessageType,
        adjustments: tuple[Adjustment, ...],
        weights: tuple[LinkWeight, ...] = (),
    ) -> Transmit:
        return self._speaker.adjust(
            now, kind, self._sessions.speaking, detect=self._detection.stated, weights=weights, adjustments=adjustments
        )
