"""The feed between the agent and the applications' processes."""

from linkbalancer.feed.codec import Applied, Goodbye, Malformed, Place, decode, encode
from tests.feed.test_codec import a_table

SEEDS = [encode(a_table({"web": 2})), encode(Applied((Place("web", 1, "works"),), 1, 1)), encode(Goodbye())]


def take(data: bytes) -> None:
    """Decode; what was understood is said again."""
    message = decode(data)
    if not isinstance(message, Malformed):
        assert decode(encode(message)) == message
