"""The formulas of VRRP's timers, exact in nanoseconds: multiplied first, divided last.

Version 3 scales the skew by the interval, version 2 knows one of a second alone (VRRP fact sheet 5.1). `interval` is
that of the Master last accepted in version 3, one's own in version 2.
"""

from linkbalancer.clock import MILLISECOND, SECOND, Duration

LATE_MIN: Duration = 10 * MILLISECOND
"""No timer counts as late for less: schedulers are that coarse."""


def skew_time(priority: int, interval: Duration, version: int = 3) -> Duration:
    """Return Skew_Time: the head start of better priorities, (256 - priority) / 256 of the interval (RFC 9568 6.1).

    Of a second in version 2, whatever the interval (RFC 3768 6.1).
    """
    return (256 - priority) * (interval if version == 3 else SECOND) // 256


def master_down_interval(priority: int, interval: Duration, version: int = 3) -> Duration:
    """Return how long a Backup of this priority waits for a Master that advertises at `interval` (RFC 9568 6.1).

    RFC 9568 names it Active_Down_Interval.
    """
    return 3 * interval + skew_time(priority, interval, version)


def longest_handover(interval: Duration, version: int = 3) -> Duration:
    """Return how long a leaving Master keeps its addresses: the slowest successor's skew, and an interval of grace."""
    return skew_time(1, interval, version) + interval


def proof_of_life(interval: Duration) -> Duration:
    """Return within what time a living Master of this interval is heard, with an eighth to spare for the network."""
    return interval + interval // 8


def is_late(lateness: Duration, interval: Duration) -> bool:
    """Whether a timer fired so late that this host stood still, and may not have heard what was said meanwhile."""
    return lateness > max(interval // 4, LATE_MIN)
