"""Trackers that are devices: whether one is up and has carrier."""

from collections.abc import Mapping

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.config.trackers import Tracker
from linkbalancer.daemon.checking.tracked import Believed, Changed
from linkbalancer.daemon.loop import Loop
from linkbalancer.host.carriers import Carriers
from linkbalancer.links import DeviceName

LOOK: Duration = 50 * MILLISECOND
"""How often devices are looked at without being told: the kernel may hold back a lost carrier for a second."""


class DeviceTracker(Believed):
    """One device."""

    def __init__(self, name: str, tracker: Tracker, changed: Changed) -> None:
        super().__init__("device", name, changed, tracker.delays)
        assert tracker.device is not None
        self.device: DeviceName = tracker.device

    def begin(self, now: Instant) -> None:
        """Watch nothing itself: `Devices` does."""

    def close(self) -> None:
        """Hold nothing."""


class Devices:
    """All devices that are tracked, and their watch."""

    def __init__(self, loop: Loop, trackers: Mapping[str, DeviceTracker]) -> None:
        """Watch; raises OSError."""
        self._trackers = trackers
        self._carriers = Carriers([one.device for one in trackers.values()])
        loop.add(self._carriers, self._read)
        loop.every(LOOK, self.begin)

    def begin(self, now: Instant) -> None:
        """See how they are; what the kernel does not tell now changes nothing."""
        try:
            found = self._carriers.look()
        except OSError:
            return
        for tracker in self._trackers.values():
            good = found[tracker.device]
            tracker.see(now, ok=good, text="has carrier" if good else "has no carrier")

    def _read(self, now: Instant) -> None:
        self._carriers.read()
        self.begin(now)
