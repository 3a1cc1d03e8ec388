"""Service levels as a rule file writes them."""

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.routing.servicelevel import ServiceLevel


def test_what_is_as_ever_is_left_out() -> None:
    """One level has one form of words."""
    every = ServiceLevel(loss=0.015, rtt=80 * MILLISECOND, jitter=1500_000, after=SECOND, back=60 * SECOND, margin=0.1)

    assert str(ServiceLevel(rtt=80 * MILLISECOND)) == "rtt<80ms"
    assert str(every) == "loss<1.5%,rtt<80ms,jitter<1500us,after:1s,back:60s,margin:10%"
    assert every.bounds == "loss<1.5%,rtt<80ms,jitter<1500us"
