"""Metrics of one end and of both."""

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import GroupId
from linkbalancer.weights.metrics import Lane, Metrics

amounts = st.none() | st.floats(0, 1e12)
lanes = st.builds(Lane, rate=amounts, capacity=amounts, loss=amounts, backlog=amounts, drops=amounts)
several = st.builds(
    Metrics,
    outward=lanes,
    inward=lanes,
    loss=amounts,
    rtt=st.none() | st.integers(0),
    jitter=st.none() | st.integers(0),
)


def test_the_worse_of_two_answers_counts() -> None:
    """What the sender and the receiver of one direction know is joined; the smaller capacity is the worse."""
    mine = Metrics(
        outward=Lane(rate=10, capacity=1000), inward=Lane(loss=0.1), rtt=MILLISECOND, masters=(GroupId(1),), loss=0.2
    )
    theirs = Metrics(
        outward=Lane(rate=7, backlog=3, loss=0.05), inward=Lane(rate=9, capacity=100, drops=2), loss=0.3, jitter=5
    )

    assert mine.joined(theirs) == Metrics(
        outward=Lane(rate=10, capacity=100, drops=2),
        inward=Lane(rate=7, loss=0.1, backlog=3),
        loss=0.3,
        rtt=MILLISECOND,
        jitter=5,
        masters=(GroupId(1),),
    )


@given(several)
def test_a_silent_peer_adds_nothing(mine: Metrics) -> None:
    """Joining with an end that knows nothing changes nothing."""
    assert mine.joined(Metrics()) == mine


@given(lanes, lanes)
def test_joining_knows_no_order(one: Lane, other: Lane) -> None:
    """Of one direction, it does not matter which end is asked first."""
    assert one.joined(other) == other.joined(one)
