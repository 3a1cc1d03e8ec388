"""A gateway's own clock, its CLOCK_BOOTTIME: it begins anywhere, runs fast or slow, leaps ahead, or stands still.

It never goes back: Linux promises that much. A leap is what a host makes that was suspended, or a virtual machine whose
clock is put right; it stands still while a virtual machine is stopped.
"""

from dataclasses import dataclass

from linkbalancer.clock import Duration, Instant
from linkbalancer.sim.agenda import Agenda

MILLION = 10**6


@dataclass(slots=True)
class Clock:
    """What one gateway shows at which instant of virtual time.

    `shown` is what it showed at `since`; it runs at 1 + `ppm` / 1,000,000, and while it is `stopped` not at all.
    `boots` counts how often it began anew.
    """

    agenda: Agenda
    shown: Instant = 0
    since: Instant = 0
    ppm: int = 0
    stopped: bool = False
    boots: int = 0

    def now(self) -> Instant:
        """Return what it shows."""
        if self.stopped:
            return self.shown
        return self.shown + self._shows(self.agenda.now - self.since)

    def wait(self, at: Instant) -> Duration:
        """Return how long it takes until it shows at least an instant, if it goes on as it does."""
        left = at - self.now()
        if left <= 0:
            return 0
        wait = left * MILLION // (MILLION + self.ppm)
        passed = self.agenda.now - self.since
        until = left + self._shows(passed)
        while self._shows(passed + wait) < until:
            wait += 1  # what is rounded down here and there is little
        return wait

    def boot(self, shown: Instant) -> None:
        """Begin anew."""
        self.boots, self.stopped = self.boots + 1, False
        self._set(shown)

    def drift(self, ppm: int) -> None:
        """Run at another rate from now on."""
        self._set(self.now())
        self.ppm = ppm

    def leap(self, by: Duration) -> None:
        """Leap ahead."""
        self._set(self.now() + by)

    def stop(self) -> None:
        """Stand still."""
        self._set(self.now())
        self.stopped = True

    def go_on(self) -> None:
        """Run again, from where it stood."""
        self._set(self.shown)
        self.stopped = False

    def _shows(self, passed: Duration) -> Duration:
        """Return how far it goes while so much time passes; by small numbers, for this is reckoned at every event."""
        rate = MILLION + self.ppm
        return passed // MILLION * rate + passed % MILLION * rate // MILLION

    def _set(self, shown: Instant) -> None:
        self.shown, self.since = shown, self.agenda.now
