"""The VRRP router machine: one gateway's part in one group (RFC 9568 6.4, RFC 3768 6.4), Master named Master.

Beyond the RFCs' table it can *hold* its addresses through an orderly handover (`states`), *claim* a mastership without
waiting for the master-down timer, *resign* one while staying in the group, *resume* one after a restart, and move only
together with its sync group (`synchronised`). Every state has a file of its own, with a case for every event.
"""

from typing import assert_never

from linkbalancer.clock import Instant, earliest
from linkbalancer.vrrp.backup import in_backup
from linkbalancer.vrrp.effects import Effect
from linkbalancer.vrrp.events import Event, Heard, Tick
from linkbalancer.vrrp.heard import LastHeard
from linkbalancer.vrrp.initialize import in_initialize
from linkbalancer.vrrp.master import in_master
from linkbalancer.vrrp.member import Member
from linkbalancer.vrrp.states import Backup, Initialize, Master


class Router(Member):
    """A machine for one group on one device; what it knows is `Member`'s."""

    _followed: Heard | None = None
    """The last event, where it was an advert of the Master that is followed, and nothing else is under way."""

    def is_repeated_by(self, event: Heard) -> bool:
        """Tell whether `repeat` does all that handling this very event would do."""
        return event is self._followed

    def repeat(self, now: Instant) -> None:
        """Hear once more what the last event was."""
        self._again_at = now

    def deadline(self) -> Instant | None:
        """Return when to hand in the next `Tick`, None to wait for other events alone."""
        return earliest(self.state.deadline(), self.heard.gone_at() if self.heard else None)

    def handle(self, now: Instant, event: Event) -> list[Effect]:
        """Take one event; return what must be done about it, in order."""
        self._followed = None
        if isinstance(event, Heard):
            if self.is_own(event.source):
                return []  # our own advert, looped back: answering it would make a storm (VRRP fact sheet 5.3)
            if self.owner and not self.group.owner_yields:
                return []  # by the letter of RFC 9568 7.1 an owner hears nobody
            self.heard = LastHeard(event.priority, event.source, event.interval, now, self.group.version)
        effects = self._handle(now, event)
        if isinstance(event, Tick) and self.heard and now >= self.heard.gone_at():
            self.heard = None
        if isinstance(event, Heard) and event.priority > 0 and self.is_following:
            self._followed = event
        return effects

    def _handle(self, now: Instant, event: Event) -> list[Effect]:
        match self.state:
            case Initialize() as state:
                return in_initialize(self, now, state, event)
            case Backup() as state:
                return in_backup(self, now, state, event)
            case Master() as state:
                return in_master(self, now, state, event)
            case _:
                assert_never(self.state)
