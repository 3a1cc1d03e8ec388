"""Trackers that are devices: whether one is up and has carrier."""

from collections.abc import Mapping

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.config.trackers import Tracker
from linkbalancer.daemon.checking.tracked import Believed, Changed
from linkbalancer.daemon.loop import Loop
from linkbalancer.engine.events import DeviceChanged
from linkbalancer.host.devices import DeviceMonitor
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
        self._monitor = DeviceMonitor({one.device for one in trackers.values()}, ())
        loop.add(self._monitor, self._read)
        loop.every(LOOK, self._poll)

    def begin(self, now: Instant) -> None:
        """Tell how they are."""
        self._tell(now, self._monitor.current())

    def _read(self, now: Instant) -> None:
        self._tell(now, [one for one in self._monitor.read() if isinstance(one, DeviceChanged)])

    def _poll(self, now: Instant) -> None:
        self._tell(now, self._monitor.poll())

    def _tell(self, now: Instant, news: list[DeviceChanged]) -> None:
        for one in news:
            for tracker in self._trackers.values():
                if tracker.device == one.device:
                    tracker.see(now, ok=one.carrier, text="has carrier" if one.carrier else "has no carrier")
