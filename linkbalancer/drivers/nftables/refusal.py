"""The chains that refuse what is for a virtual IP where `accept` is off (Accept_Mode, RFC 9568 6.1).

What passes through is none of their business: forwarded packets meet neither chain. Neither does ARP. What IPv6 needs
to find, and to keep, a neighbour is let through: solicitations and advertisements of neighbours and routers (RFC 9568
6.1 exempts the former, 8.2.3 has a Master send the latter from there), and the reports without which a switch that
watches MLD passes no solicitation on.
"""

from collections.abc import Collection
from ipaddress import IPv6Address
from typing import Final, NamedTuple

from linkbalancer.links import Address, DeviceName

INPUT: Final = "refuse_input"
OUTPUT: Final = "refuse_output"

_EXEMPT: Final = (
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert,"
    " mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } return"
)


class Refused(NamedTuple):
    """A virtual IP at which this gateway accepts nothing, and the device that it stands on."""

    device: DeviceName
    address: Address


def chains(table: str, refused: Collection[Refused]) -> list[str]:
    """Return the lines that make both chains refuse these addresses alone; no address, no chains."""
    lines: list[str] = []
    for name, hook, device, address in ((INPUT, "input", "iifname", "daddr"), (OUTPUT, "output", "oifname", "saddr")):
        lines.append(f"add chain inet {table} {name} {{ type filter hook {hook} priority filter - 1; policy accept; }}")
        lines.append(f"flush chain inet {table} {name}")
        if refused:
            lines += [f"add rule inet {table} {name} {rule}" for rule in _rules(refused, device, address)]
        else:
            lines.append(f"delete chain inet {table} {name}")
    return lines


def _rules(refused: Collection[Refused], device: str, address: str) -> list[str]:
    """Return one chain's rules; a link-local address may stand on several devices, and be refused on one."""
    local = sorted({f'"{one.device}" . {one.address}' for one in refused if _is_local(one.address)})
    rules = [_EXEMPT]
    for header, version in (("ip", 4), ("ip6", 6)):
        wide = {one.address for one in refused if one.address.version == version and not _is_local(one.address)}
        if wide:
            rules.append(f"{header} {address} {{ {', '.join(map(str, sorted(wide, key=int)))} }} drop")
    if local:
        rules.append(f"{device} . ip6 {address} {{ {', '.join(local)} }} drop")
    return rules


def _is_local(address: Address) -> bool:
    return isinstance(address, IPv6Address) and address.is_link_local
