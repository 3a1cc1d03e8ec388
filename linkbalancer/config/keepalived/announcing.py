"""How often Keepalived tells the LAN where the addresses are, and what `announce` says in its place."""

from dataclasses import dataclass, field, replace
from typing import Any, Final

from linkbalancer.clock import SECOND, Duration
from linkbalancer.config.keepalived import values
from linkbalancer.config.keepalived.statements import Ledger, Statement
from linkbalancer.config.quantities import write_duration

TIMES_MAX: Final = 20
RATE_MAX: Final = 100_000
AGAIN_MAX: Final[Duration] = 1000 * SECOND
REFRESH_MAX: Final[Duration] = 86400 * SECOND


@dataclass(slots=True)
class Announcing:
    """What a file says of it; what it does not say stays as ours is (once, again a second later, every minute)."""

    said: dict[str, int] = field(default_factory=dict)
    interval: Duration = 0

    def copy(self) -> "Announcing":
        """Return the same, to be changed by one instance."""
        return replace(self, said=dict(self.said))

    def take(self, ledger: Ledger, one: Statement, keyword: str) -> bool:
        """Take a statement (its keyword without `vrrp_`); whether it is known."""
        match keyword:
            case "garp_master_repeat":
                self._keep("times", values.integer(ledger, one, 1, TIMES_MAX))
            case "garp_master_delay":
                self._keep("again_after", values.seconds(ledger, one, 0, AGAIN_MAX))
            case "garp_master_refresh":
                self._keep("refresh", values.seconds(ledger, one, 0, REFRESH_MAX))
            case "garp_master_refresh_repeat":
                self._refreshes(ledger, one)
            case "garp_interval" | "gna_interval":
                self.interval = max(self.interval, values.seconds(ledger, one, 0, SECOND) or 0)
            case "min_garp":
                self.said |= {"times": 1, "again_after": 0} if values.switch(ledger, one) else {}
            case _:
                return False
        return True

    def written(self) -> dict[str, Any]:
        """Return what `announce` says."""
        return {
            key: value if key == "times" else write_duration(value)
            for key, value in sorted(self.said.items(), key=lambda item: -len(item[0]) if item[0] != "times" else -99)
        }

    def rate(self) -> int | None:
        """Return what `announce_rate` says, announcements a second; None where the file says nothing."""
        return min(max(1, SECOND // self.interval), RATE_MAX) if self.interval else None

    def _keep(self, key: str, value: int | None) -> None:
        if value is not None:
            self.said[key] = value

    @staticmethod
    def _refreshes(ledger: Ledger, one: Statement) -> None:
        number = values.integer(ledger, one, 1, TIMES_MAX)
        if number == 1:
            ledger.needless(one, f"{one.keyword} is always 1")
        elif number is not None:
            ledger.lost(one, f"{one.keyword} {number}: a refresh is one announcement", "nothing to do")
