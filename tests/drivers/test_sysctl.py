"""The kernel's switches."""

import errno
from pathlib import Path

import pytest

from linkbalancer.drivers import sysctl
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.sysctl import Change
from tests.drivers.conftest import Gateway

pytestmark = pytest.mark.lab


def _value(path: str) -> str:
    return (Path("/proc/sys/net") / path).read_text().strip()


def test_only_what_differs_is_written_and_told(gateway: Gateway) -> None:
    """The first time tells every change, the second time there is none."""
    switches = [("ipv4/ip_forward", "1"), ("ipv4/conf/lan0/rp_filter", "0"), ("ipv4/conf/lan0/send_redirects", "0")]
    gateway.here("sysctl -qw net.ipv4.conf.lan0.rp_filter=0")
    changes, refused = sysctl.apply(switches)
    assert [str(change) for change in changes] == [
        "net/ipv4/ip_forward: 0 -> 1",
        "net/ipv4/conf/lan0/send_redirects: 1 -> 0",
    ]
    assert refused == []
    assert sysctl.apply(switches) == ([], [])
    assert [_value(path) for path, _value_wanted in switches] == ["1", "0", "0"]


def test_one_refusal_does_not_stop_the_others(gateway: Gateway) -> None:
    """A device that is missing is reported, the rest is set all the same."""
    changes, refused = sysctl.apply([("ipv4/conf/gone0/rp_filter", "0"), ("ipv4/ip_forward", "1")])
    assert changes == [Change("ipv4/ip_forward", "0", "1")]
    assert [(str(error), error.errno) for error in refused] == [
        ("set net/ipv4/conf/gone0/rp_filter to 0: No such file or directory", errno.ENOENT)
    ]
    assert gateway.here("sysctl -n net.ipv4.ip_forward").strip() == "1"


def test_a_value_that_the_kernel_refuses_is_an_error(gateway: Gateway) -> None:
    """The error says which switch and which value."""
    with pytest.raises(DriverError, match="set net/ipv4/conf/lan0/rp_filter to many"):
        sysctl.write("ipv4/conf/lan0/rp_filter", "many")
    assert gateway.here("sysctl -n net.ipv4.conf.lan0.rp_filter").strip() in {"0", "1", "2"}


def test_both_directions_may_cross_different_gateways() -> None:
    """Source checks and redirects are off for all, for later devices and for each of ours."""
    switches = dict(sysctl.wanted(["lan0"], ["link0"]))
    for device in ("all", "default", "lan0", "link0"):
        for name in ("rp_filter", "send_redirects", "accept_redirects"):
            assert switches[f"ipv4/conf/{device}/{name}"] == "0"
    assert switches["ipv4/conf/lan0/promote_secondaries"] == "1"
    assert "ipv4/conf/link0/promote_secondaries" not in switches


def test_who_is_none_of_ours_keeps_what_it_had_by_the_value_for_all(gateway: Gateway) -> None:
    """The kernel takes the larger of both: lowered for all, each other device has it for itself."""
    gateway.here("ip link add other0 type bridge", "ip link add strict0 type bridge")
    gateway.here(*(f"sysctl -qw net.ipv4.conf.{name}.rp_filter=0" for name in ("other0", "lan0", "link0", "default")))
    gateway.here("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.strict0.rp_filter=2")
    assert sysctl.apply(sysctl.wanted(["lan0"], ["link0"]))[1] == []
    wanted = {"all": "0", "default": "0", "lan0": "0", "link0": "0", "other0": "1", "strict0": "2"}
    assert {name: _value(f"ipv4/conf/{name}/rp_filter") for name in wanted} == wanted
