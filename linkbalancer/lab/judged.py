"""What a verdict is passed on: a phase of a fault, and whatever of the rest of a report its verdict needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

FINEST_MS: Final = 5.0
"""The sending interval that the limits are made for."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A phase of a fault, and whatever of the rest its verdict needs."""

    report: Mapping[str, Any]
    fault: Mapping[str, Any]
    phase: Mapping[str, Any]
    healed: bool

    @property
    def bounds(self) -> Mapping[str, Any]:
        """What is expected of this fault beyond its kind."""
        bounds: Mapping[str, Any] = self.fault.get("bounds", {})
        return bounds

    @property
    def links_left(self) -> Mapping[str, list[str]]:
        """The links that each VID has in this phase."""
        left: Mapping[str, list[str]] = self.report["vids"] if self.healed else self.fault["links_left"]
        return left

    @property
    def grain_ms(self) -> float:
        """How much longer an outage may look than it is, because flows send less often than the limits are made for."""
        interval: float = self.report["interval_ms"]
        return interval if interval > FINEST_MS else 0.0

    def blur_ms(self, flow: Mapping[str, Any]) -> float:
        """Return the same for a flow: one that came from a bad link may have lost what it sent last there, too."""
        lossy = self.bounds.get("lossy")
        # What is lost often may cross no link for as long as one looks.
        bad = {None, *lossy} if lossy else ()
        return self.grain_ms * (2 if self.healed and flow["before"]["link"] in bad else 1)

    def works(self, vid: int | None) -> bool:
        """Whether a VID has a link left in this phase."""
        return bool(self.links_left.get(str(vid)))

    def steps(self, app: str) -> list[list[int]]:
        """Return the steps of the application that a flow belongs to in this phase."""
        rules = self.report if self.healed else {**self.report, **self.fault}
        name = app if self.healed else self.fault["becomes"].get(app, app)
        steps: list[list[int]] = rules["applications"][name]
        return steps

    def manner(self, app: str) -> Mapping[str, Any]:
        """Return what an application does with flows that run; empty where they just follow."""
        manner: Mapping[str, Any] = self.report.get("manners", {}).get(app, {})
        return manner

    def suffers(self, flow: Mapping[str, Any]) -> bool:
        """Whether a flow crosses a link that is bad in this phase."""
        return not self.healed and flow["before"]["link"] in self.bounds.get("lossy", ())
