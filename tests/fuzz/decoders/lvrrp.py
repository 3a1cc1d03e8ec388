"""LVrrp: a datagram as it comes from the other end of a link, with a good tag and with its own."""

from collections import Counter

from linkbalancer.links import GroupId
from linkbalancer.lvrrp import packet, tlv
from linkbalancer.lvrrp.figures import PRIORITY_MAX, PRIORITY_MIN, Adjustment, LinkWeight
from linkbalancer.lvrrp.obeying import Obeying
from tests.lvrrp.drawn.exchange import METRICS, conversation
from tests.lvrrp.test_packet import FAR, NEAR, QUERY_BYTES, STATE

ONE = GroupId(1)
FIGURES = tlv.Body(metrics=METRICS, weights=(LinkWeight(ONE, 1.5),), adjustments=(Adjustment(ONE, 2, 3),))
SEEDS = [QUERY_BYTES, packet.encode(STATE, NEAR.tag), *conversation().values(), tlv.encode(FIGURES)]


def take(data: bytes) -> None:
    """Decode; an authentic one is decoded to its last element."""
    for verify in (FAR.verify, lambda _key, _signed, _tag: None):
        assert isinstance(packet.decode(data, verify), packet.Datagram | packet.Rejection)
    claimed = packet.claimed_link(data)
    assert claimed is None or claimed.isprintable()
    assert len(packet.claimed_place(data)) == 3
    try:
        body = tlv.decode(data)
    except ValueError:
        return
    assert body.node.isprintable()
    again = tlv.decode(tlv.encode(body))
    assert (again.metrics, again.adjustments) == (body.metrics, body.adjustments)
    changes, answers = Obeying(Counter()).obey(body.adjustments, dict(body.weights).get)
    assert len(answers) == len(body.adjustments)
    assert all(change.after is None or PRIORITY_MIN <= change.after <= PRIORITY_MAX for change in changes)
