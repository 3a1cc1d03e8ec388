"""What others do to our nftables table is told with the process that did it; what they do to theirs is no news."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import image
from linkbalancer.drivers.nftables.render import TABLE as OUR_TABLE
from linkbalancer.host.culprit import NOBODY, Culprit, behind
from linkbalancer.host.rulesetwatch import TABLE, RulesetWatch
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


@pytest.fixture
def here() -> Iterator[Namespace]:
    """Yield a namespace, entered."""
    with Namespace("here") as namespace, namespace.entered():
        yield namespace


def test_the_table_is_the_one_that_is_loaded() -> None:
    """Its name is written twice: who observes does not ask who changes."""
    assert TABLE.rstrip(b"\0").decode() == OUR_TABLE


def test_who_touches_our_table_is_told(here: Namespace) -> None:
    """Each transaction once, by its process; others' tables, also of our name but another family, are passed over."""
    with closing(RulesetWatch()) as watch:
        here("nft add table inet linkbalancer")
        (made,) = watch.read()
        assert made.by.name == "nft"
        assert made.by.pid > 0
        here("nft add table ip linkbalancer", "nft add table inet other", "nft add chain inet other some")
        assert watch.read() == []
        here("nft add chain inet linkbalancer some", "nft add rule inet linkbalancer some accept", "nft flush ruleset")
        told = watch.read()
        assert [one.by.name for one in told] == ["nft"] * 3
        assert len({one.by.pid for one in told}) == 3
        assert watch.read() == []


def test_our_own_transactions_are_ours(here: Namespace) -> None:
    """A process of the daemon is known by its name; this one is none."""
    here("nft add table inet linkbalancer")
    with closing(RulesetWatch()) as watch, closing(NetlinkSocket(NETFILTER)) as netlink:
        image.note(netlink, "0123456789ab")
        (touched,) = watch.read()
        assert not touched.by.is_ours
        assert Culprit(touched.by.pid, "lb:agent").is_ours


def test_too_much_at_once_may_have_been_anything(here: Namespace) -> None:
    """What the kernel could not tell counts as a touch by nobody known."""
    here("nft add table inet linkbalancer")
    with closing(RulesetWatch()) as watch:
        watch._socket.setsockopt(1, 33, 2048)  # SO_RCVBUFFORCE
        rules = "".join(f"add chain inet linkbalancer c{n}\n" for n in range(500))
        here("nft -f -", given=rules)
        assert NOBODY in {one.by for one in watch.read()}


@pytest.mark.parametrize("port", [0, -5, 4294963200])
def test_a_port_that_is_no_process_tells_nothing(port: int) -> None:
    """The kernel's own changes, and sockets that are not a process's first."""
    assert behind(port) == NOBODY


def test_a_process_that_has_ended_has_a_number_still() -> None:
    """Of those whose numbers are possible; one that lives has a name too."""
    assert behind(1).name
    assert str(behind(1)).endswith("(pid 1)")
    gone = Culprit(4242)
    assert str(gone) == "a process that has ended (pid 4242)"
    assert str(NOBODY) == "somebody else"
