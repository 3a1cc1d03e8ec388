"""The kernel's switches: what they are, and what will set them again."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from linkbalancer.engine.preflight import catalogue
from linkbalancer.engine.preflight.finding import Finding, SetSwitch, WriteFile
from linkbalancer.engine.preflight.observed import Observed, SwitchLine, Wanted

OUR_FILE: Final = "/etc/sysctl.d/zz-linkbalancer.conf"

BREAKS: Final = {
    "ip_forward": "Nothing is forwarded.",
    "forwarding": "Nothing of IPv6 is forwarded.",
    "rp_filter": "Packets whose answers would go another way are dropped without a word, and with VIDs many do "
    "(src_valid_mark does not help: the mark is not set yet).",
    "send_redirects": "Hosts are told of shorter ways: they bypass the virtual IP, and stay there when it moves.",
    "accept_redirects": "This gateway lets others change its routes.",
    "promote_secondaries": "When a virtual IP goes, other addresses of its network can go with it.",
    "nf_conntrack_tcp_be_liberal": "TCP of which this gateway sees one direction only is called invalid.",
    "nf_conntrack_tcp_loose": "TCP that was under way before is not picked up after a failover.",
    "nf_conntrack_tcp_timeout_syn_sent": "TCP whose answers go another way is nobody's at first, for "
    "two minutes by default: neither a handover nor a balanced step keeps it on its VID.",
}
"""What a wrong value breaks, by the switch's name."""

_SILENT: Final = 8


def judge(wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    """Yield what is wrong with switches."""
    yield from _values(wanted, observed)
    for device in wanted.devices:
        forwarding = f"ipv4/conf/{device}/forwarding"
        if observed.switches.get(forwarding) == "0" and observed.switches.get("ipv4/ip_forward") == "1":
            step = SetSwitch(forwarding, "1")
            yield Finding(catalogue.FORWARDING_OFF, device, f"net/{forwarding}: 0", (step,))
    for device in wanted.lan_devices:
        yield from _silent(device, observed)
    yield from _files(wanted, observed)


def _values(wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    """Yield switches that are wrong: each by itself beside a running daemon, all in one note before it."""
    found = ((path, value, observed.switches.get(path)) for path, value in wanted.switches)
    wrong = [(path, value, now) for path, value, now in found if now not in {None, value}]
    if not observed.running and wrong:
        seen = ", ".join(f"net/{path}: {now}" for path, _value, now in wrong)
        yield Finding(catalogue.SWITCH_BEFORE_START, f"{len(wrong)} switches", seen)
    for path, value, now in wrong if observed.running else ():
        words = f"{catalogue.SWITCH_WRONG.breaks} {BREAKS.get(path.rpartition('/')[2], '')}".rstrip()
        seen = f"net/{path}: {now}, wanted {value}"
        yield Finding(catalogue.SWITCH_WRONG, path, seen, (SetSwitch(path, value),), {"breaks": words})


def _silent(device: str, observed: Observed) -> Iterator[Finding]:
    paths = [f"ipv4/conf/{one}/arp_ignore" for one in ("all", device)]
    values = {path: observed.switches.get(path) for path in paths}
    wrong = [path for path, value in values.items() if value is not None and int(value) >= _SILENT]
    if wrong:
        seen = ", ".join(f"net/{path}: {values[path]}" for path in wrong)
        yield Finding(catalogue.ARP_SILENT, device, seen, tuple(SetSwitch(path, "0") for path in wrong))


def _files(wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    """Yield, by file, the switches that its lines set otherwise."""
    found: dict[str, list[str]] = {}
    for path, value in wanted.switches:
        line = setting(f"net/{path}", observed.switch_lines)
        if line is not None and line.value != value:
            found.setdefault(line.file, []).append(f"net/{path} = {line.value}")
    text = "# What linkbalancer needs of the kernel, for whoever applies sysctl files (linkbalancer doctor).\n"
    text += "".join(f"net/{path} = {value}\n" for path, value in wanted.switches)
    for file, lines in found.items():
        yield Finding(catalogue.SWITCH_FILE, file, "; ".join(lines), (WriteFile(OUR_FILE, text),))


def setting(key: str, lines: tuple[SwitchLine, ...]) -> SwitchLine | None:
    """Return the line that sets a key in the end (sysctl.d(5)): the last that names it, else the last that matches.

    A line without a value takes the key out of the patterns.
    """
    exact = [line for line in lines if line.key == key]
    if exact:
        return exact[-1] if exact[-1].value is not None else None
    matching = [line for line in lines if line.value is not None and fnmatchcase(key, line.key)]
    return matching[-1] if matching else None
