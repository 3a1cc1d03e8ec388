"""What the process beside Keepalived and the agent tell each other."""

from linkbalancer.daemon.keepalivedline import Told, decode, encode
from linkbalancer.links import GroupId

SEEDS = [encode(Told()), b'{"asked":{"1":200},"said":{"1":[6,100],"2/ipv6":[5,null]}}']


def take(data: bytes) -> None:
    """Read it; what was understood is said again."""
    told = decode(data)
    if told is not None:
        assert all(isinstance(group, GroupId) for group in told.said)
        assert decode(encode(told)) == told
