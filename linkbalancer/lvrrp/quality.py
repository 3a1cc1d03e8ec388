"""What one end knows of its link by LVrrp's own datagrams: no device is asked for it."""

from linkbalancer.lvrrp.arrivals import Arrivals
from linkbalancer.lvrrp.detection import Detection
from linkbalancer.lvrrp.probing import Probing
from linkbalancer.weights.metrics import Lane, Metrics


def quality(detection: Detection, probing: Probing | None, arrivals: Arrivals) -> Metrics:
    """Return RTT, jitter and losses; of round trips only who queries knows what is lost."""
    return Metrics(
        inward=Lane(loss=arrivals.loss),
        loss=None if probing is None else probing.loss,
        rtt=detection.rtt,
        jitter=None if detection.rtt is None else detection.jitter,
    )
