"""What a link's own datagrams show of it."""

from collections import Counter
from random import Random

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.links import Role
from linkbalancer.lvrrp.arrivals import Arrivals
from linkbalancer.lvrrp.detection import Detection
from linkbalancer.lvrrp.events import Measure
from linkbalancer.lvrrp.probing import Probing
from linkbalancer.lvrrp.quality import quality
from linkbalancer.weights.metrics import Lane, Metrics
from tests.lvrrp.pair import Pair, settings


def test_nothing_is_known_at_first() -> None:
    """Not even how much the time of round trips varies; who never queries never knows what is lost of them."""
    detection = Detection(600 * MILLISECOND, SECOND, 0)
    probing = Probing(settings(Role.CONTROLLER), Random(1), Counter())
    assert quality(detection, None, Arrivals()) == Metrics()
    assert quality(detection, probing, Arrivals()) == Metrics(loss=0.0)


def test_both_ends_measure() -> None:
    """The round-trip time at both, the loss of round trips where they begin, and each what comes in."""
    pair = Pair(latency=4 * MILLISECOND).start().run(20 * SECOND)
    near, far = pair.near.quality, pair.far.quality
    assert near.rtt is not None
    assert near.rtt // MILLISECOND == 8
    assert near.jitter is not None
    assert near.jitter < MILLISECOND
    assert (near.loss, far.loss) == (0, None)
    assert near.inward == far.inward == Lane(loss=0)


def test_what_is_measured_is_kept_for_the_peer() -> None:
    """It is no news to anybody here."""
    pair = Pair().start()
    metrics = Metrics(outward=Lane(rate=1e6))
    assert pair.do("near", Measure(metrics)) == []
    assert pair.near._speaker.metrics == metrics
