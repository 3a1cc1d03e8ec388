"""Our chains by name, and nobody else's."""

import subprocess
from collections.abc import Iterator

import pytest

from linkbalancer.drivers.netlink.codec import text
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import listing
from tests.namespaces import Namespace


@pytest.fixture
def netlink() -> Iterator[NetlinkSocket]:
    """Yield a socket into an empty namespace, which the test runs in."""
    with Namespace() as here, here.entered():
        opened = NetlinkSocket(NETFILTER)
        yield opened
        opened.close()


@pytest.mark.lab
def test_the_chains_of_our_table_alone(netlink: NetlinkSocket) -> None:
    """Not those of a table whose name begins like ours, nor of one of ours in another family."""
    assert listing.chains(netlink) == []
    assert not listing.has(netlink, "tree_7")
    names = [f"tree_{number}" for number in range(2000)]
    tables = {"inet linkbalancer_counts": ["counts"], "inet linkbalance": ["a"], "ip linkbalancer": ["b"]}
    lines = [f"add table inet linkbalancer\nadd chain inet linkbalancer {name}" for name in names]
    lines += [f"add table {one}\nadd chain {one} {name}" for one, some in tables.items() for name in some]
    subprocess.run(["nft", "-f", "-"], input="\n".join(lines), text=True, check=True)
    assert sorted(listing.chains(netlink)) == sorted(names)
    assert [listing.has(netlink, name) for name in ("tree_7", "tree_1999", "tree", "counts", "a", "b")] == [
        *[True] * 2,
        *[False] * 4,
    ]


def test_a_kernel_that_writes_otherwise() -> None:
    """The handle between table and name, or the name before the table."""
    handle = b"\x0c\x00\x02\x00" + bytes(8)
    ours, name = text(1, "linkbalancer"), text(3, "tree_1")
    for parts in (ours + name + handle, ours + handle + name, name + ours):
        assert listing._chain(b"\1\0\0\7" + parts, 4) == "tree_1"
    assert listing._chain(b"\1\0\0\7" + text(1, "other") + name, 4) is None
