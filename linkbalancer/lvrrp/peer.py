"""What the peer has said: its last confirmed word on each VID, who and how it is, and what it has measured."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from linkbalancer.clock import Duration, Instant, earliest
from linkbalancer.links import Family, GroupId, GroupState, GroupWord, NodeName
from linkbalancer.lvrrp.figures import LinkWeight
from linkbalancer.lvrrp.tlv import Body
from linkbalancer.weights.metrics import Metrics


@dataclass(slots=True)
class Coming:
    """When some words came, together; most come again unchanged, and then this alone is another."""

    at: Instant


class Peer:
    """The peer of one link, as its confirmed datagrams show it."""

    def __init__(self) -> None:
        self.node: NodeName | None = None
        self.fault = ""
        self.digest = b""
        self._words: dict[GroupId, tuple[GroupWord, Coming]] = {}
        self._last: tuple[GroupWord, ...] = ()
        self._came = Coming(0)
        self._at_once = False
        self._measured: tuple[Metrics, Instant] | None = None
        self._weights: dict[GroupId, float] = {}

    @property
    def metrics(self) -> Metrics | None:
        """What the peer has measured of the link, and masters on it; None when it is not known, or too old."""
        if self._measured is None:
            return None
        masters = (group for group, (word, _) in self._words.items() if word.state is GroupState.MASTER)
        return replace(self._measured[0], masters=tuple(sorted(masters)))

    def weigh(self, weights: Iterable[LinkWeight]) -> None:
        """Keep the weights that the peer reckons."""
        for group, weight in weights:
            if weight is None:
                self._weights.pop(group, None)
            else:
                self._weights[group] = weight

    def weight(self, group: GroupId) -> float | None:
        """Return the weight of the link for a group as the peer reckons it, None when it is not known."""
        return self._weights.get(group)

    def spoke(self, now: Instant, body: Body) -> bool:
        """Keep what a confirmed datagram says; return whether a word is new. A group it does not state is no news."""
        self.node = body.node or self.node
        self.fault = body.fault
        self.digest = body.digest or self.digest
        if body.metrics is not None:
            self._measured = body.metrics, now
        if body.words and body.words == self._last:
            self._came.at = now
            return False
        before = {group: word for group, (word, _) in self._words.items()}
        self._last, self._came = body.words, Coming(now)
        for word in body.words:
            self._words[word.id] = (word, self._came)
        self._at_once = bool(body.words) and all(came is self._came for _, came in self._words.values())
        return any(before.get(word.id) != word for word in body.words)

    def word(self, group: GroupId) -> tuple[GroupWord, Instant] | None:
        """Return the last word on a group and when it came."""
        known = self._words.get(group)
        return None if known is None else (known[0], known[1].at)

    def words(self) -> tuple[GroupWord, ...]:
        """Return every word, in VID order."""
        return tuple(self._words[group][0] for group in sorted(self._words))

    def oldest_at(self) -> Instant | None:
        """Return when the oldest of words and measurements came."""
        measured = None if self._measured is None else self._measured[1]
        if self._at_once:
            return earliest(self._came.at, measured)
        return earliest(measured, *(came.at for _, came in self._words.values()))

    def expire(self, now: Instant, age: Duration) -> tuple[GroupWord, ...]:
        """Drop the words that reached an age, and what was measured; return one word of state UNKNOWN for each."""
        if self._measured is not None and now - self._measured[1] >= age:
            self._measured = None
        old = sorted(group for group, (_, came) in self._words.items() if now - came.at >= age)
        for group in old:
            del self._words[group]
        if old:
            self._repeat_nothing()
        return tuple(GroupWord(group.vid, GroupState.UNKNOWN, 0, 0, family=group.family) for group in old)

    def silence(self) -> None:
        """Drop every word, and what was measured: the link closed."""
        self._words.clear()
        self._measured = None
        self._repeat_nothing()

    def _repeat_nothing(self) -> None:
        self._last, self._at_once = (), False

    def snapshot(self) -> dict[str, Any]:
        """Return what a successor may believe for as long as it would be believed here."""
        words = [
            [word.vid, int(word.state), word.priority, word.generation, word.witnesses, came.at, *_family(word)]
            for word, came in self._words.values()
        ]
        weights = {str(group): weight for group, weight in sorted(self._weights.items())}
        return {"node": self.node, "words": words, "fault": self.fault, "digest": self.digest.hex(), "weights": weights}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take over a predecessor's knowledge.

        Raises:
            KeyError, TypeError, ValueError: the snapshot is not one of ours.
        """
        words = dict(map(_word, snapshot["words"]))
        digest = bytes.fromhex(snapshot.get("digest", ""))
        weights = {GroupId.read(group): float(weight) for group, weight in snapshot.get("weights", {}).items()}
        self.fault, self.digest = str(snapshot.get("fault", "")), digest
        self.node = snapshot["node"]
        self._words, self._weights = words, weights
        self._repeat_nothing()


def _family(word: GroupWord) -> list[int]:
    """Return what is written of a word's family: of IPv4 nothing, as before there was another."""
    return [] if word.family is Family.IPV4 else [int(word.family)]


def _word(fields: list[int]) -> tuple[GroupId, tuple[GroupWord, Coming]]:
    vid, state, priority, generation, witnesses, heard_at, *family = fields
    word = GroupWord(vid, GroupState(state), priority, generation, witnesses, *map(Family, family))
    return word.id, (word, Coming(int(heard_at)))
