"""LVrrp: a datagram as it comes from the other end of a link, with a good tag and with its own."""

from linkbalancer.lvrrp import packet, tlv
from tests.lvrrp.test_packet import FAR, NEAR, QUERY_BYTES, STATE

SEEDS = [QUERY_BYTES, packet.encode(STATE, NEAR.tag)]


def take(data: bytes) -> None:
    """Decode; an authentic one is decoded to its last element."""
    for verify in (FAR.verify, lambda _key, _signed, _tag: None):
        assert isinstance(packet.decode(data, verify), packet.Datagram | packet.Rejection)
    claimed = packet.claimed_link(data)
    assert claimed is None or claimed.isprintable()
    try:
        body = tlv.decode(data)
    except ValueError:
        return
    assert body.node.isprintable()
