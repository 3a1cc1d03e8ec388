"""Connections that a translated way meets in their middle: real packets, real hosts, and tracking as the kernel has it.

The far end knows such a connection by another address, or by none. It must end, or begin anew, and nothing may leave
with an address of the LAN.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from linkbalancer.drivers import translations
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import strays
from linkbalancer.drivers.nftables.aims import AimWriter
from linkbalancer.drivers.nftables.standing import StandingWriter
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.marks import Marks
from tests.drivers.edge import FIRST, HOST, MASQUERADE, OUTSIDE, SECOND, WEB, WEB_ID, Edge, edge, way

pytestmark = pytest.mark.lab

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
PORT = 40072
_SHORT_S = 0.3
_LEAKED = f"""
table ip leaked {{
    chain forward {{
        type filter hook forward priority -300; policy accept;
        iifname eth0 ip saddr {HOST} counter
    }}
}}
"""


@pytest.fixture
def site() -> Iterator[Edge]:
    """Yield a gateway with two providers; the second one counts what comes to it untranslated."""
    with edge() as built:
        built.p2("nft -f -", given=_LEAKED)
        yield built


class Gateway:
    """The gateway's connection tracking and steering, as processes have them."""

    def __init__(self, site: Edge, netlink: NetlinkSocket) -> None:
        """Take the sockets of one who is in its namespace."""
        self._site, self._netlink = site, netlink
        self._aims = AimWriter(Marks(), netlink)

    def steer(self, vid: int, left: int | None = None) -> None:
        """Point the application at a VID; translated flows of the one that it leaves are deleted."""
        self._aims.steer({WEB_ID: Aim(vid)})
        if left is not None:
            translations.sweep(self._netlink, Marks(), {left: frozenset({WEB_ID})})

    def end_strays(self) -> bool:
        """Delete what stands in the way of a translation."""
        return strays.end(self._netlink, Marks())

    def forget(self) -> None:
        """Forget every connection, as by a reboot."""
        command = [sys.executable, "-m", "linkbalancer.lab.conntrack"]
        subprocess.run(["ip", "netns", "exec", self._site.gw.name, *command], check=True)


@contextmanager
def steered(site: Edge, *, first: bool = True) -> Iterator[Gateway]:
    """Have the gateway steer by VID 1; the second provider's way masquerades, and the first one's too if wanted."""
    ways = way(1, translation=MASQUERADE) if first else way(1), way(2, translation=MASQUERADE)
    with site.steering(*ways, web=1), site.gw.entered(), closing(NetlinkSocket(NETFILTER)) as netlink:
        StandingWriter(Marks(), netlink).write({1, 2})
        yield Gateway(site, netlink)


def connection(site: Edge, listener: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection that the host makes from its fixed port."""
    client = site.socket("inside", TCP)
    client.bind((HOST, PORT))
    client.connect((OUTSIDE, WEB))
    return client, listener.accept()[0]


def listening(site: Edge) -> socket.socket:
    """Return where the host outside waits for connections."""
    listener = site.socket("outside", TCP)
    listener.bind((OUTSIDE, WEB))
    listener.listen()
    return listener


def leaked(site: Edge) -> bool:
    """Return whether the second provider was given anything with the host's own address."""
    return "packets 0 " not in site.p2("nft list table ip leaked")


def is_told(client: socket.socket) -> bool:
    """Say a word; return whether the host hears that the connection is none, and does so at once."""
    client.settimeout(_SHORT_S)
    try:
        client.send(b"word")
        client.recv(100)
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return False


def test_a_connection_from_the_port_of_an_older_one_is_told_to_end(site: Edge) -> None:
    """The far end knows the older one still, and answers the newer one's segments as that one's: it says no reset."""
    with steered(site) as gateway, listening(site) as listener:
        first, first_accepted = connection(site, listener)
        gateway.steer(2, left=1)
        assert is_told(first)
        first.close()
        second, second_accepted = connection(site, listener)
        assert first_accepted.getpeername() == (FIRST, PORT)
        assert second_accepted.getpeername() == (SECOND, PORT)
        gateway.steer(1, left=2)

        assert is_told(second)

        second.close()
        third, third_accepted = connection(site, listener)
        third.send(b"word")
        assert third_accepted.recv(100) == b"word"
        for end in (first_accepted, second_accepted, third, third_accepted):
            end.close()


def test_a_connection_that_was_never_elsewhere_outlives_its_memory(site: Edge) -> None:
    """The gateway has been rebooted: its next packet is given the same address and port, and the far end goes on."""
    with steered(site) as gateway, listening(site) as listener:
        client, accepted = connection(site, listener)
        with client, accepted:
            gateway.forget()
            client.send(b"word")
            assert accepted.recv(100) == b"word"
            accepted.send(b"answer")
            assert client.recv(100) == b"answer"


def test_tcp_that_was_not_translated_is_told_to_end(site: Edge) -> None:
    """It began by a way that does not translate, or over another gateway of the LAN that does."""
    with steered(site, first=False) as gateway, listening(site) as listener:
        client, accepted = connection(site, listener)
        assert accepted.getpeername() == (HOST, PORT)
        gateway.steer(2)

        assert is_told(client)

        client.close()
        assert gateway.end_strays()
        assert not gateway.end_strays()
        again, its = connection(site, listener)
        assert its.getpeername()[0] == SECOND
        for end in (accepted, again, its):
            end.close()
    assert not leaked(site)


def test_datagrams_that_were_not_translated_begin_anew(site: Edge) -> None:
    """What tracking has of them is deleted; without that they would be held back for as long as they come."""
    with (
        steered(site, first=False) as gateway,
        site.socket("outside", UDP) as server,
        site.socket("inside", UDP) as near,
    ):
        server.bind((OUTSIDE, WEB))
        near.bind((HOST, PORT))
        near.connect((OUTSIDE, WEB))
        near.send(b"first")
        assert server.recvfrom(100) == (b"first", (HOST, PORT))
        server.sendto(b"answer", (HOST, PORT))
        assert near.recv(100) == b"answer"
        gateway.steer(2)
        near.send(b"held back")
        assert gateway.end_strays()
        near.send(b"second")
        word, (peer, port) = server.recvfrom(100)
        assert (word, peer) == (b"second", SECOND)
        server.sendto(b"answer", (peer, port))
        assert near.recv(100) == b"answer"
        assert not gateway.end_strays()
    assert not leaked(site)
