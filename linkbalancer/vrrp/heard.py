"""The last advertisement heard from another router of the group, and until when it counts."""

from dataclasses import dataclass

from linkbalancer.clock import Duration, Instant
from linkbalancer.links import Address
from linkbalancer.vrrp.timers import master_down_interval, skew_time


@dataclass(frozen=True, slots=True)
class LastHeard:
    """Who advertised last, what, and when (`at`); priority 0 says that a Master is leaving."""

    priority: int
    source: Address
    interval: Duration
    at: Instant
    version: int = 3

    def again(self, at: Instant) -> "LastHeard":
        """Return the same, heard once more."""
        return LastHeard(self.priority, self.source, self.interval, at, self.version)

    def gone_at(self) -> Instant:
        """Return when even the slowest Backup, that of priority 1, would hold this Master for gone."""
        wait = skew_time if self.priority == 0 else master_down_interval
        return self.at + wait(1, self.interval, self.version)

    def absence(self, own_priority: int) -> str:
        """Say why a Backup of `own_priority` took over after this was the last it heard."""
        if self.priority == 0:
            return f"{self.source} left"
        if self.priority < own_priority:
            return f"outranks {self.source} of priority {self.priority}"
        return f"{self.source} fell silent"
