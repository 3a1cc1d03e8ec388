"""The option `sla=` is read, written back, and refused with a remedy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND
from linkbalancer.config.findings import FieldError
from linkbalancer.config.servicelevels import service_level
from linkbalancer.routing.servicelevel import ServiceLevel

TIMES = st.none() | st.integers(100, 10_000_000).map(lambda time: time * MICROSECOND)
LEVELS = st.builds(
    ServiceLevel,
    loss=st.none() | st.integers(1000, 990_000).map(lambda share: share / 10**6),
    rtt=TIMES,
    jitter=TIMES,
    after=st.integers(0, 3600).map(lambda time: time * SECOND),
    back=st.integers(1, 3600).map(lambda time: time * SECOND),
    margin=st.integers(0, 90).map(lambda share: share / 100),
).filter(lambda level: level.bounds != "")


@given(LEVELS)
def test_what_is_written_is_read(level: ServiceLevel) -> None:
    """Every level that can be said."""
    assert service_level(str(level)) == level


def test_all_of_it() -> None:
    """In any order."""
    assert service_level("back:1min,jitter<10ms,after:0s,loss<0.5%,margin:10%,rtt<1.5s") == ServiceLevel(
        loss=0.005, rtt=1500 * MILLISECOND, jitter=10 * MILLISECOND, after=0, back=60 * SECOND, margin=0.1
    )


EXAMPLE = "write such as sla=loss<1%,rtt<80ms,jitter<10ms"


@pytest.mark.parametrize(
    ("word", "what", "remedy"),
    [
        ("", "'' is no bound", EXAMPLE),
        ("rtt<80ms,", "'' is no bound", EXAMPLE),
        ("rtt>80ms", "'rtt>80ms' is no bound", EXAMPLE),
        ("rtt:80ms", "'rtt:80ms' has the wrong sign", "write rtt<80ms"),
        ("back<80s", "'back<80s' has the wrong sign", "write back:80s"),
        ("after:3s", "the service level names no bound", EXAMPLE),
        ("rtt<80ms,rtt<90ms", "rtt is given twice", "give it once"),
        ("los<1%", "'los' is nothing that a service level has", "did you mean loss?"),
        ("loss<1", "'1' is no percentage", "write 0.1% to 99%, with at most four decimals"),
        ("loss<0.01%", "0.01% is out of range", "write 0.1% to 99%"),
        ("rtt<80", "'80' is no duration", "write a number and us, ms, s or min, such as 200ms or 1s"),
        ("rtt<11s", "11s is out of range", "write 100us to 10s"),
        ("rtt<100.5us", "100.5us is out of range", "write 100us to 10s"),
        ("rtt<80ms,back:0s", "0s is out of range", "write 1s to 3600s"),
        ("rtt<80ms,margin:95%", "95% is out of range", "write 0% to 90%"),
    ],
)
def test_what_is_wrong_is_said(word: str, what: str, remedy: str) -> None:
    """With what to do."""
    with pytest.raises(FieldError) as refused:
        service_level(word)
    assert (refused.value.what, refused.value.remedy) == (what, remedy)
