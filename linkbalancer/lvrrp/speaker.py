"""What one end of a link says: datagrams composed, keyed and numbered."""

from collections import Counter

from linkbalancer.clock import Duration, Instant
from linkbalancer.links import GroupWord, Role
from linkbalancer.lvrrp import packet, tlv
from linkbalancer.lvrrp.events import Transmit
from linkbalancer.lvrrp.figures import Adjustment, LinkWeight
from linkbalancer.lvrrp.keys import INSECURE, Key, KeyChoice, Keyring
from linkbalancer.lvrrp.packet import Datagram, MessageType
from linkbalancer.lvrrp.session import Conversation, Sessions
from linkbalancer.lvrrp.settings import LinkSettings
from linkbalancer.weights.metrics import Metrics


class Speaker:
    """The outgoing half of one end: its keys, and the words it repeats in every query and state.

    Raises:
        ValueError: there is no key, and the link is not configured `insecure`.
    """

    def __init__(
        self, settings: LinkSettings, keys: tuple[Key, ...], sessions: Sessions, counters: Counter[str]
    ) -> None:
        self._words: tuple[GroupWord, ...] = ()
        self._digest = b""
        self._fault = ""
        self._written = (tlv.Body(), b"")
        self.metrics: Metrics | None = None
        """What was measured last: said, with all words, in every query and state."""
        self._settings = settings
        self._sessions = sessions
        self._counters = counters
        self.take_keys(keys)

    def take_keys(self, keys: tuple[Key, ...]) -> None:
        """Sign and verify with these keys from now on, the first of them preferred."""
        if not keys and not self._settings.insecure:
            raise ValueError(f"link {self._settings.name} has no key: give it one, or say `insecure: true`")
        self.keyring = Keyring(keys or (INSECURE,), self._settings.name, self._settings.role)
        self.key_choice = KeyChoice(self.keyring.ids)

    def learn(self, words: tuple[GroupWord, ...], digest: bytes, fault: str) -> bool:
        """Take what is to be said from now on; return whether that is anything new."""
        old = (self._words, self._digest, self._fault)
        self._words, self._digest, self._fault = words, digest, fault
        return old != (words, digest, fault)

    def tell(
        self, now: Instant, kind: MessageType, conversation: Conversation, *, detect: Duration, fault: str | None
    ) -> list[Transmit]:
        """Say all our words: the first of them in a datagram of this kind, the rest in notifications."""
        first, *rest = (
            tlv.Body(
                self._settings.node,
                self._settings.name,
                words,
                fault or self._fault,
                self._digest,
                metrics=None if place else self.metrics,
            )
            for place, words in enumerate(tlv.split(self._words))
        )
        return [
            self._speak(now, kind, conversation, detect, first),
            *(self._speak(now, MessageType.STATE, conversation, detect, body) for body in rest),
        ]

    def take_leave(
        self, now: Instant, conversation: Conversation, *, detect: Duration, hold: Duration | None
    ) -> Transmit:
        """Say good-bye, for good or (hold) for a restart."""
        body = tlv.Body(self._settings.node, self._settings.name, hold=hold)
        return self._speak(now, MessageType.BYE, conversation, detect, body)

    def adjust(
        self,
        now: Instant,
        kind: MessageType,
        conversation: Conversation,
        *,
        detect: Duration,
        weights: tuple[LinkWeight, ...],
        adjustments: tuple[Adjustment, ...],
    ) -> Transmit:
        """Tell weights, or want or acknowledge priorities: what one datagram holds of them."""
        body = tlv.Body(self._settings.node, self._settings.name, weights=weights, adjustments=adjustments)
        return self._speak(now, kind, conversation, detect, body)

    def _speak(
        self, now: Instant, kind: MessageType, conversation: Conversation, detect: Duration, body: tlv.Body
    ) -> Transmit:
        self._counters["sent"] += 1
        datagram = Datagram(
            kind=kind,
            key_id=self._key_id(conversation),
            session=conversation.own,
            echoed=conversation.peer,
            sequence=self._sessions.next_sequence(now, conversation),
            detect=detect,
            sent=packet.stamp(now),
            echo_sent=conversation.heard_stamp,
            echo_delay=now - conversation.heard_at if conversation.peer else 0,
            body=body,
        )
        return Transmit(packet.encode(datagram, self.keyring.tag, self._write))

    def _write(self, body: tlv.Body) -> bytes:
        """Write the elements of a datagram; most are those of the last one, and not written again."""
        if body != self._written[0]:
            self._written = (body, tlv.encode(body))
        return self._written[1]

    def _key_id(self, conversation: Conversation) -> int:
        """The controller chooses the key; the controlled end uses the one it was last spoken to with (design 4.2)."""
        chosen = self.key_choice.current
        if self._settings.role is Role.CONTROLLER or conversation.key_id not in self.keyring.ids:
            return chosen
        return conversation.key_id
