"""Who is Master of a group in which this gateway takes no part: adverts are heard, never sent (mode `observe`)."""

from typing import assert_never

from linkbalancer.clock import Instant
from linkbalancer.links import Address
from linkbalancer.vrrp.effects import Changed
from linkbalancer.vrrp.events import Heard, Tick
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.heard import LastHeard

NOBODY = "none"


class Observer:
    """A machine that follows the Master of one group; its `Changed` name the Masters' addresses, or `none`.

    While two routers advertise, the one that wins by RFC 9568 6.4.3 is followed, whatever the order of their adverts,
    until it has been silent for two of its intervals or says that it leaves.

    Attributes:
        group: The configuration.
        heard: The last advert of the Master, of priority 0 once it leaves; None when there is none.
    """

    def __init__(self, group: Group) -> None:
        self.group = group
        self._heard: LastHeard | None = None
        self._again_at: Instant | None = None
        self._followed: Heard | None = None

    @property
    def heard(self) -> LastHeard | None:
        """See the class."""
        if self._again_at is not None and self._heard is not None:
            self._heard, self._again_at = self._heard.again(self._again_at), None
        return self._heard

    @heard.setter
    def heard(self, heard: LastHeard | None) -> None:
        self._heard, self._again_at, self._followed = heard, None, None

    def share(self, heard: LastHeard | None, event: Heard) -> None:
        """Take in what a router that follows the same Master made of its advert."""
        self.heard, self._followed = heard, event

    def is_repeated_by(self, event: Heard) -> bool:
        """Tell whether this very event was the last one, and from whom is followed."""
        return event is self._followed

    def repeat(self, now: Instant) -> None:
        """Hear once more what the last event was."""
        self._again_at = now

    def deadline(self) -> Instant | None:
        """Return when the Master counts as gone if nothing more is heard."""
        return self.heard.gone_at() if self.heard else None

    def handle(self, now: Instant, event: Heard | Tick) -> list[Changed]:
        """Take one event; return the change of the Master, if it is one."""
        match event:
            case Tick():
                return self._lose(now)
            case Heard(priority=0, source=source):
                if self.heard and self.heard.source == source:
                    self.heard = LastHeard(0, source, event.interval, now, self.group.version)
                return []
            case Heard():
                return self._follow(now, event)
            case _:
                assert_never(event)

    def forget(self) -> None:
        """Take in that this gateway is Master, or ends to be: whoever was followed is not, unless heard again."""
        self.heard = None

    def _follow(self, now: Instant, event: Heard) -> list[Changed]:
        """Follow the sender, unless it is the loser of two."""
        if self.heard and not _supersedes(now, self.heard, event):
            return []
        before = self.heard.source if self.heard else None
        self.heard = LastHeard(event.priority, event.source, event.interval, now, self.group.version)
        if before == event.source:
            return []
        return [_changed(before, event.source, f"it advertises priority {event.priority}")]

    def _lose(self, now: Instant) -> list[Changed]:
        """Forget a Master that left, or that even the slowest Backup would hold for gone."""
        if self.heard is None or now < self.heard.gone_at():
            return []
        gone, self.heard = self.heard, None
        return [_changed(gone.source, None, "it left" if gone.priority == 0 else "it fell silent")]


def _supersedes(now: Instant, heard: LastHeard, event: Heard) -> bool:
    """Tell whether an advert comes from whoever is Master now: the same, a better one, or a successor."""
    better = (event.priority, int(event.source)) > (heard.priority, int(heard.source))
    return event.source == heard.source or better or now - heard.at > 2 * heard.interval


def _changed(old: Address | None, new: Address | None, reason: str) -> Changed:
    """Name the Masters of before and after."""
    return Changed(str(old or NOBODY), str(new or NOBODY), reason)
