"""What one end of a link hears: datagrams read, verified, and placed in their conversation."""

from collections import Counter
from dataclasses import dataclass

from linkbalancer.clock import Instant
from linkbalancer.links import LinkName, Role
from linkbalancer.lvrrp import packet, tlv
from linkbalancer.lvrrp.arrivals import Arrivals
from linkbalancer.lvrrp.events import Alarm
from linkbalancer.lvrrp.miswiring import FAULT_MEMORY, Miswiring
from linkbalancer.lvrrp.packet import Datagram, MessageType, Rejection
from linkbalancer.lvrrp.session import Candidate, Heard, Refusal, Sessions
from linkbalancer.lvrrp.settings import LinkSettings
from linkbalancer.lvrrp.speaker import Speaker


@dataclass(frozen=True, slots=True)
class Incoming:
    """An authentic datagram of the peer, and what its session is worth."""

    datagram: Datagram
    heard: Heard


class Listener:
    """The incoming half of one end; what it refuses is counted by reason, what never came in `arrivals`."""

    def __init__(
        self, settings: LinkSettings, speaker: Speaker, sessions: Sessions, counters: Counter[str], miswiring: Miswiring
    ) -> None:
        self._settings = settings
        self._speaker = speaker
        self._sessions = sessions
        self._counters = counters
        self._miswiring = miswiring
        self.arrivals = Arrivals()
        self._last = (b"", tlv.Body())
        self._unproven_at: Instant | None = None
        """When something last came that is not signed with a key of ours, though it belongs to no other link."""

    def doubt(self, now: Instant) -> str | None:
        """Return what may keep the link closed, by what came lately; None when nothing says so."""
        if self._unproven_at is None or now - self._unproven_at > FAULT_MEMORY:
            return None
        return "what arrives is not signed with a key of ours: the key files of its two ends differ"

    def listen(self, now: Instant, data: bytes) -> Incoming | Alarm | None:
        """Return what was heard, an alarm when it belongs to another link, or None when there is nothing to do."""
        self._counters["received"] += 1
        useless = self._sessions.refuses(*packet.claimed_place(data))
        if useless is not None:
            self._count(useless)
            return None
        datagram = packet.decode(data, self._speaker.keyring.verify, self._read)
        if isinstance(datagram, Rejection):
            unproven = datagram in {Rejection.TAG, Rejection.KEY}
            claimed = packet.claimed_link(data) if unproven else None
            if claimed is not None and claimed != self._settings.name:
                return self._miswired(now, claimed)
            self._unproven_at = now if unproven else self._unproven_at
            self._count(datagram)
            return None
        if datagram.body.link not in ("", self._settings.name):
            return self._miswired(now, datagram.body.link)
        if datagram.kind is MessageType.QUERY and self._settings.role is Role.CONTROLLER:
            self._count("role")
            return None
        heard = self._sessions.hear(now, datagram)
        self.arrivals.note(datagram, heard)
        if isinstance(heard, Refusal):
            self._count(heard)
        elif isinstance(heard, Candidate):
            self._count("candidate")
        return Incoming(datagram, heard)

    def _read(self, elements: bytes) -> tlv.Body:
        """Read the elements of a datagram; most are those of the last one, and not read again."""
        if elements != self._last[0]:
            self._last = (elements, tlv.decode(elements))
        return self._last[1]

    def _miswired(self, now: Instant, claimed: LinkName) -> Alarm | None:
        self._count("miswired")
        alarm = self._miswiring.heard(now, claimed)
        return None if alarm is None else Alarm(alarm)

    def _count(self, what: str) -> None:
        self._counters[what] += 1
