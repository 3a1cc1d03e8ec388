"""Tests of what a link's end makes of datagrams that are not signed with a key of its own."""

import random

from linkbalancer.clock import SECOND
from linkbalancer.links import Role
from linkbalancer.lvrrp.events import Carrier, Received, Start, Transmit
from linkbalancer.lvrrp.keys import Key
from linkbalancer.lvrrp.link import Link
from linkbalancer.lvrrp.miswiring import FAULT_MEMORY
from tests.lvrrp.pair import KEY, Pair, settings


def test_a_key_that_differs_is_doubted_while_it_is_heard() -> None:
    """The end that hears it says so as long as it is closed; an open link is not doubted, whatever arrives."""
    stranger = Link(settings(Role.CONTROLLER), (Key(1, b"another secret, of 28 bytes."),), random.Random(1), 0)
    stranger.handle(0, Start())
    (query,) = stranger.handle(0, Carrier(up=True))
    assert isinstance(query, Transmit)
    end = Link(settings(Role.CONTROLLED), (KEY,), random.Random(2), 0)
    end.handle(0, Start())
    assert end.doubt(0) is None

    end.handle(SECOND, Received(query.data))

    assert end.doubt(SECOND) == "what arrives is not signed with a key of ours: the key files of its two ends differ"
    assert end.doubt(SECOND + FAULT_MEMORY + 1) is None
    pair = Pair().start().run(SECOND)
    pair.far.handle(pair.now, Received(query.data))
    assert pair.far.doubt(pair.now) is None
