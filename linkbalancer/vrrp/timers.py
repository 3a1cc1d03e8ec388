"""The two formulas of VRRP's timers, exact in nanoseconds: multiplied first, divided last."""

from linkbalancer.clock import Duration


def skew_time(priority: int, interval: Duration) -> Duration:
    """Return Skew_Time: the head start of better priorities, (256 - priority) / 256 of the interval (RFC 9568 6.1)."""
    return (256 - priority) * interval // 256


def master_down_interval(priority: int, interval: Duration) -> Duration:
    """Return how long a Backup of this priority waits for a Master that advertises at `interval` (RFC 9568 6.1).

    RFC 9568 names it Active_Down_Interval.
    """
    return 3 * interval + skew_time(priority, interval)


def longest_handover(interval: Duration) -> Duration:
    """Return how long a leaving Master keeps its addresses: the slowest successor's skew, and an interval of grace."""
    return skew_time(1, interval) + interval
