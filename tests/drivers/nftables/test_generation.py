"""The number that nftables' transactions raise."""

import pytest

from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables.generation import generation
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


def test_every_change_is_another_generation() -> None:
    """Of any table, whoever made it; looking changes nothing."""
    with Namespace() as here, here.entered():
        netlink = NetlinkSocket(NETFILTER)
        seen = [generation(netlink), generation(netlink)]
        assert seen[0] == seen[1]
        for command in ("nft add table inet other", "nft add chain inet other one", "nft flush ruleset"):
            here(command)
            seen.append(generation(netlink))
        assert len(set(seen[1:])) == 4
        netlink.close()
