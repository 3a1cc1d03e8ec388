"""The netlink socket, against the running kernel."""

import errno
import socket
import struct

import pytest

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink import messages
from linkbalancer.drivers.netlink.codec import ACK, CREATE
from linkbalancer.drivers.netlink.transport import ROUTE, NetlinkSocket
from tests.drivers.conftest import Gateway

pytestmark = pytest.mark.lab


def test_a_refusal_brings_the_kernels_own_words(gateway: Gateway) -> None:
    """The extended acknowledgement's text is part of the error."""
    fields = {"family": socket.AF_INET, "table": 254, "type": 1}
    request = messages.request(
        messages.ROUTE, messages.NEW_ROUTE, ACK | CREATE, fields, [("RTA_GATEWAY", "203.0.113.1")]
    )
    with pytest.raises(DriverError, match=r"route there \(Nexthop has invalid gateway\)") as refusal:
        gateway.route.request(request, "route there")
    assert refusal.value.errno == errno.ENETUNREACH


def test_a_dump_of_many_datagrams_is_read_whole(gateway: Gateway) -> None:
    """Hundreds of addresses take several datagrams, and all of them arrive."""
    gateway.here("ip -batch -", given="".join(f"addr add 198.18.{n}.1/24 dev lan0\n" for n in range(200)))
    content = messages.payload(messages.ADDRESS, {"family": socket.AF_INET})
    assert len(gateway.route.dump(messages.GET_ADDRESS, content, "list")) == 203


def test_errors_of_a_dump_are_raised(gateway: Gateway) -> None:
    """A dump that the kernel refuses is an error, not an empty list."""
    content = messages.payload(messages.ADDRESS, {"family": socket.AF_INET, "index": 4711})
    with pytest.raises(DriverError) as refusal:
        gateway.route.dump(messages.GET_ADDRESS, content, "list")
    assert refusal.value.errno == errno.ENODEV


def test_an_answer_that_never_comes_is_an_error_worth_a_retry(gateway: Gateway) -> None:
    """A request that asks for no acknowledgement gets none; waiting for it ends."""
    fields = {"family": socket.AF_INET, "prefixlen": 32, "index": socket.if_nametoindex("lo")}
    request = messages.request(messages.ADDRESS, messages.NEW_ADDRESS, CREATE, fields, [("IFA_LOCAL", "127.0.0.9")])
    patience = struct.pack("@ll", 0, 10_000)
    gateway.route._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
    with pytest.raises(DriverError, match="forgotten") as refusal:
        gateway.route.request(request, "forgotten")
    assert refusal.value.retry


def test_a_closed_socket_refuses_without_a_traceback(gateway: Gateway) -> None:
    """Even our own mistake surfaces as a driver's error."""
    netlink = NetlinkSocket(ROUTE)
    netlink.close()
    with pytest.raises(DriverError):
        netlink.dump(messages.GET_RULE, messages.payload(messages.RULE, {"family": socket.AF_INET}), "list")
    assert gateway.route.port > 0
