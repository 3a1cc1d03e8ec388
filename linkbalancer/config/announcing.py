"""How a Master tells its LAN where the virtual IPs are, as it is configured (docs/vrrp.md)."""

from typing import Annotated, TypeAlias

from pydantic import Field

from linkbalancer.clock import SECOND, Duration
from linkbalancer.config.fields import Integer, Time
from linkbalancer.config.quantities import write_duration
from linkbalancer.config.section import Section
from linkbalancer.vrrp.group import Announcing

AnnounceRate: TypeAlias = Annotated[Integer, Field(ge=1, le=100_000)]
"""Announcements a second on each port."""


class Announce(Section):
    """How often each virtual IP of a group is announced: at once, once more, and from then on."""

    times: Annotated[Integer, Field(ge=1, le=20)] = 1
    again_after: Time = SECOND
    refresh: Time = 60 * SECOND

    def __str__(self) -> str:
        again, refresh = (write_duration(one) if one else "never" for one in (self.again_after, self.refresh))
        return f"{self.times} at once, again after {again}, refresh {refresh}"

    def vrrp(self, pace: Duration | None = None) -> Announcing:
        """Return it as the engine wants it.

        Args:
            pace: how often an advert would tell the switches, where only announcements do; None where adverts do.
        """
        slowest = self.refresh if pace is None else max(pace, SECOND)
        return Announcing(self.times, self.again_after, min(self.refresh, slowest))
