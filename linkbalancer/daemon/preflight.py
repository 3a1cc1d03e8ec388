"""The preflight as a whole: look at the host, judge, say it; used by `linkbalancer doctor` and by the api's process."""

import platform
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from linkbalancer.config.model import Config
from linkbalancer.drivers import addresses, sysctl
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.iptables import committing
from linkbalancer.drivers.iptables.table import Mangle
from linkbalancer.drivers.netlink.transport import ROUTE, NetlinkSocket
from linkbalancer.engine.preflight import devices as judged_devices
from linkbalancer.engine.preflight import system
from linkbalancer.engine.preflight.finding import Finding, Severity
from linkbalancer.engine.preflight.judgement import judge
from linkbalancer.engine.preflight.observed import Address, Observed, Process, Services, Unseen, Wanted
from linkbalancer.host.preflight import devices, files, networkmanager, processes, routes, rules, ruleset, switches
from linkbalancer.host.preflight.program import UnseenError, find
from linkbalancer.host.process import started_at
from linkbalancer.links import Family, Firewall

T = TypeVar("T")

AGENT_SOCKET = "agent.sock"

_GRANULARITY_S = 1.0
"""The kernel tells the boot, and so every process's start, in whole seconds."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the preflight found, and what it could not see."""

    findings: tuple[Finding, ...]
    unseen: tuple[Unseen, ...]

    @property
    def clean(self) -> bool:
        """Whether there is nothing but notes."""
        return all(one.kind.severity is Severity.NOTE for one in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {
            "schema": 1,
            "clean": self.clean,
            "findings": [finding.to_json() for finding in self.findings],
            "unseen": [{"what": one.what, "why": one.why} for one in self.unseen],
        }


def examine(config: Config, *, running: bool) -> Report:
    """Look and judge; takes up to some seconds where a program does not answer."""
    wanted = wishes(config)
    observed = observe(wanted, running=running)
    return Report(judge(wanted, observed), observed.unseen)


def wishes(config: Config) -> Wanted:
    """Return what a configuration needs of its host."""
    wanted = Wanted(config, ())
    links = tuple(link.device for link in config.links.values())
    return Wanted(config, tuple(sysctl.wanted(wanted.lan_devices, links, ipv6=wanted.steers_ipv6)))


def observe(wanted: Wanted, *, running: bool) -> Observed:
    """Look at the host."""
    look = _Look()
    seen = look.at("processes", processes.read)
    managed: Mapping[str, str] | None = None
    if any(one.name == "NetworkManager" for one in seen or ()):
        managed = look.at("NetworkManager's devices", networkmanager.read)
    denied, allowed = files.dhcpcd()
    chains = wanted.config.firewall is Firewall.IPTABLES
    return Observed(
        running=running,
        kernel=platform.release(),
        nft=find("nft"),
        switches=switches.read(_switches(wanted)),
        switch_lines=switches.lines(),
        devices=look.at("devices", devices.read),
        addresses=look.at("addresses", lambda: _addresses(wanted)),
        rules=look.at("routing rules", rules.read),
        routes=look.at("routes", routes.read),
        rules6=look.at("routing rules of IPv6", lambda: rules.read(Family.IPV6)) if wanted.steers_ipv6 else None,
        routes6=look.at("routes of IPv6", lambda: routes.read(Family.IPV6)) if wanted.steers_ipv6 else None,
        ruleset=look.at("nftables rules", ruleset.saved if chains and find("nft") is None else ruleset.read),
        legacy=ruleset.legacy(),
        chains=look.at("the table mangle of iptables", lambda: bool(Mangle(4).read().hooked)) if chains else None,
        python_iptables=committing.unusable() if chains else None,
        processes=seen,
        services=Services(
            networkd=files.networkd(),
            networkd_changed=_networkd_changed(seen or ()),
            keepalived=files.keepalived(),
            managed=managed or {},
            dhcpcd_denied=denied,
            dhcpcd_allowed=allowed,
            ufw=files.ufw(),
            nftables_file=files.nftables(),
        ),
        unseen=tuple(look.unseen),
    )


def answers(run_dir: Path) -> bool:
    """Return whether an agent listens in this run directory."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        try:
            sock.connect(str(run_dir / AGENT_SOCKET))
        except PermissionError:
            return True
        except OSError:
            return False
    return True


class _Look:
    """Collects what cannot be seen."""

    def __init__(self) -> None:
        self.unseen: list[Unseen] = []

    def at(self, what: str, read: Callable[[], T]) -> T | None:
        """Return what is seen, None when it cannot be."""
        try:
            return read()
        except UnseenError as error:
            why = str(error)
        except (OSError, DriverError, KeyError, TypeError, ValueError) as error:
            why = f"{type(error).__name__}: {error}"
        self.unseen.append(Unseen(what, why))
        return None


def _networkd_changed(processes: Iterable[Process]) -> bool:
    """Return whether networkd runs by an older configuration than its files."""
    pid = next((one.pid for one in processes if one.name == "systemd-network"), None)
    started = None if pid is None else started_at(pid)
    return started is not None and files.networkd_changed(started + _GRANULARITY_S)


def _switches(wanted: Wanted) -> list[str]:
    paths = [path for path, _value in wanted.switches]
    paths += [system.COUNT, system.MAX, judged_devices.BRIDGE_SWITCH, "ipv4/conf/all/arp_ignore"]
    for device in wanted.devices:
        paths += [f"ipv4/conf/{device}/{name}" for name in ("forwarding", "arp_ignore")]
    return paths


def _addresses(wanted: Wanted) -> dict[str, tuple[Address, ...]]:
    with closing(NetlinkSocket(ROUTE)) as netlink:
        return {
            device: tuple(Address(one.interface, one.ours) for one in addresses.read(netlink, device))
            for device in wanted.devices
        }
