"""The map of the VIDs on which flows may stay, in a real kernel."""

from contextlib import closing

import pytest

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import load
from linkbalancer.drivers.nftables.standing import StandingWriter
from linkbalancer.routing.marks import Marks
from tests.drivers.nftables.rules import LAYOUT
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


def test_vids_come_and_go_in_one_transaction() -> None:
    """What is right already is not written; a VID without chains refuses all."""
    with Namespace() as here, here.entered(), closing(NetlinkSocket(NETFILTER)) as netlink:
        load.prepare(LAYOUT, netlink)
        writer = StandingWriter(Marks(), netlink)
        assert writer.read() == frozenset()
        assert writer.write({1, 2})
        assert not writer.write({2, 1})
        assert "0x00010000 : goto stay_1, 0x00020000 : goto stay_2" in here("nft list map inet linkbalancer standing")
        assert writer.write({2})
        with pytest.raises(DriverError):
            writer.write({1, 99})
        assert writer.read() == {2}
