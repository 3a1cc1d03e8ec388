"""Other programs of this host that manage what we manage."""

from collections.abc import Iterator
from typing import Final

from linkbalancer.engine.preflight import catalogue
from linkbalancer.engine.preflight.finding import Finding, RunCommand, WriteFile
from linkbalancer.engine.preflight.observed import Observed, Process, Wanted
from linkbalancer.links import GroupId

NETWORKD_FILE: Final = "/etc/systemd/networkd.conf.d/linkbalancer.conf"
NETWORKD_KEYS: Final = ("ManageForeignRoutingPolicyRules", "ManageForeignRoutes")
_NO: Final = {"no", "false", "0", "off", "n", "f"}


def judge(wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    """Yield what other programs do."""
    yield from _networkd(observed)
    yield from _networkmanager(wanted, observed)
    yield from _dhcp(wanted, observed)
    yield from _keepalived(wanted, observed)
    firewalld = observed.process("firewalld")
    if firewalld is not None:
        yield Finding(catalogue.FIREWALLD_RUNS, "firewalld", _running(firewalld))
    ufw = observed.services.ufw
    if ufw.get("ENABLED", "").lower() == "yes" and ufw.get("DEFAULT_FORWARD_POLICY", "DROP") != "ACCEPT":
        policy = ufw.get("DEFAULT_FORWARD_POLICY", "DROP")
        yield Finding(catalogue.UFW_FORWARD, "ufw", f"/etc/ufw/ufw.conf: ENABLED=yes, forward policy {policy}")
    file = observed.services.nftables_file
    if file is not None:
        yield Finding(catalogue.NFTABLES_FLUSH, file, "`flush ruleset` in it, and nftables.service is enabled")


def _running(process: Process) -> str:
    return f"process {process.pid} is {process.name}"


def _networkd(observed: Observed) -> Iterator[Finding]:
    process = observed.process("systemd-networkd", "systemd-network")  # the kernel keeps 15 characters of a name
    if process is None:
        return
    wrong = []
    for key in NETWORKD_KEYS:
        value, file = observed.services.networkd.get(key, ("yes", "the default"))
        if value.lower() not in _NO:
            wrong.append(f"{key}={value} ({file})")
    if observed.services.networkd_changed:
        wrong.append("its configuration was changed after it was started, and is read at its start alone")
    if wrong:
        text = "".join(f"{line}\n" for line in ("[Network]", *(f"{key}=no" for key in NETWORKD_KEYS)))
        steps = (WriteFile(NETWORKD_FILE, text), RunCommand(("systemctl", "restart", "systemd-networkd.service")))
        seen = f"{_running(process)}; {', '.join(wrong)}"
        yield Finding(catalogue.NETWORKD_REMOVES, "systemd-networkd", seen, steps)


def _networkmanager(wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    for device in wanted.devices:
        state = observed.services.managed.get(device, "unmanaged")
        if state != "unmanaged":
            yield Finding(catalogue.NETWORKMANAGER_MANAGES, device, f"nmcli device: {device} is {state}")


def _dhcp(wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    services = observed.services
    dhcpcd, dhclient = observed.process("dhcpcd"), observed.process("dhclient")
    for device in wanted.devices:
        allowed = services.dhcpcd_allowed is None or device in services.dhcpcd_allowed
        if dhcpcd is not None and allowed and device not in services.dhcpcd_denied:
            seen = f"{_running(dhcpcd)}; {device} is not in denyinterfaces of /etc/dhcpcd.conf"
            yield Finding(catalogue.DHCP_CLIENT, device, seen)
        if dhclient is not None and device in dhclient.words:
            yield Finding(catalogue.DHCP_CLIENT, device, f"process {dhclient.pid}: {' '.join(dhclient.words)}")


def _keepalived(wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    process = observed.process("keepalived")
    if process is None:
        return
    clashes = 0
    for instance in observed.services.keepalived:
        group = wanted.config.groups.get(GroupId(instance.vrid or 0))
        if group is not None and group.mode == "member" and instance.device in {None, group.device}:
            clashes += 1
            seen = f"{_running(process)}; vrrp_instance {instance.name}: virtual_router_id {instance.vrid}"
            yield Finding(catalogue.KEEPALIVED_VRID, f"VID {instance.vrid} on {group.device}", seen)
    if not clashes:
        yield Finding(catalogue.KEEPALIVED_RUNS, "keepalived", _running(process))
