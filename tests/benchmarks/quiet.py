"""How often a Backup takes over from a living Master at short intervals: nothing happens, and somebody watches."""

import time

from linkbalancer.clock import SECOND
from tests.benchmarks.crossing import Crossing
from tests.benchmarks.outages import BACKUP

WINDOW_S = 2.0


def false_masters(crossing: Crossing, samples: int) -> list[float]:
    """Return, by windows of time, how often the Backup began to advertise beside the Master."""
    counts = []
    quiet = 10 * crossing.interval
    last = 0
    for _ in range(samples):
        count, end = 0, time.monotonic_ns() + round(WINDOW_S * SECOND)
        while time.monotonic_ns() < end:
            for port, at, priority in crossing.ear.listen(crossing.interval / SECOND):
                if port.startswith(BACKUP) and priority > 0:
                    count += at - last > quiet
                    last = at
        counts.append(float(count))
    return counts
