"""What one end of a link shows of itself and of its peer, for whoever decides by it and for whoever looks."""

from collections import Counter
from typing import Any

from linkbalancer.clock import Duration, Instant
from linkbalancer.links import GroupId, GroupWord
from linkbalancer.lvrrp.detection import Detection
from linkbalancer.lvrrp.listener import Listener
from linkbalancer.lvrrp.miswiring import Miswiring
from linkbalancer.lvrrp.peer import Peer
from linkbalancer.lvrrp.probing import Probing
from linkbalancer.lvrrp.quality import quality
from linkbalancer.lvrrp.session import Sessions
from linkbalancer.lvrrp.settings import LinkSettings
from linkbalancer.lvrrp.steering import Steering
from linkbalancer.weights.metrics import Metrics


class LinkView:
    """The readable side of a `Link`, which fills it.

    `counters` counts what was sent, received and refused; `peer` has what the peer told of itself.
    """

    settings: LinkSettings
    counters: Counter[str]
    peer: Peer
    _detection: Detection
    _miswiring: Miswiring
    _listener: Listener
    _probing: Probing | None
    _sessions: Sessions
    _steering: Steering

    @property
    def is_open(self) -> bool:
        """Whether round trips are proven at this end."""
        return self._detection.is_open

    @property
    def since(self) -> Instant:
        """When the link last opened or closed."""
        return self._detection.state.since

    @property
    def reason(self) -> str:
        """Why it is open or closed."""
        return self._detection.state.reason

    @property
    def rtt(self) -> Duration | None:
        """The smoothed round-trip time, or None before the first."""
        return self._detection.rtt

    @property
    def quality(self) -> Metrics:
        """What the datagrams of both ends show: RTT, jitter, and what is lost."""
        return quality(self._detection, self._probing, self._listener.arrivals)

    @property
    def proof_at(self) -> Instant | None:
        """When the latest datagram of ours was sent that the peer has echoed."""
        return self._detection.proof_at

    @property
    def detect(self) -> Duration:
        """The detect time in force: the larger of both ends', grown with loss and round-trip time."""
        return self._detection.detect

    @property
    def opens_at(self) -> Instant | None:
        """When it opens if all answers go on; None while it is open, or nothing proves it."""
        return self._detection.opens_at()

    @property
    def has_met(self) -> bool:
        """Whether the peer has spoken to this process: until then all that is known of it was a predecessor's."""
        return self._sessions.pair is not None

    @property
    def fault(self) -> str | None:
        """What is wrong with the wiring, if anything."""
        return self._miswiring.fault

    def doubt(self, now: Instant) -> str | None:
        """Return what may keep it closed, beyond `reason`; said to people alone, for what is heard is not authentic."""
        return None if self.is_open else self._listener.doubt(now)

    def word(self, group: GroupId, now: Instant) -> GroupWord | None:
        """Return the peer's word on a group; None when it is unknown or too old, or the link is closed."""
        known = self.peer.word(group)
        if known is None or not self.is_open:
            return None
        word, heard_at = known
        return word if self._detection.is_frozen or now - heard_at < self.detect else None

    def adjusted(self, group: GroupId) -> int | None:
        """Return the priority that the controller has adjusted a group to, None where it has not: at a controlled end.

        Whether the link is open does not matter: what was said last stands until something else is.
        """
        return self._steering.adjusted(group)

    def wants(self) -> dict[str, Any]:
        """Return what a controller wants of the peer's groups, and whether it is acknowledged; JSON-able."""
        return self._steering.describe()
