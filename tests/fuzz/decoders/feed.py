"""The feed between the agent and the applications' processes."""

from linkbalancer.feed.codec import Applied, Goodbye, Malformed, decode, encode
from tests.feed.test_codec import a_table

SEEDS = [encode(a_table({"web": 2})), encode(Applied("web", 1, 1, 1, "works")), encode(Goodbye("web"))]


def take(data: bytes) -> None:
    """Decode; what was understood is said again."""
    message = decode(data)
    if not isinstance(message, Malformed):
        assert decode(encode(message)) == message
