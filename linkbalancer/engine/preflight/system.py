"""The system: kernel, the program nft, connection tracking."""

import re
from collections.abc import Iterator
from typing import Final

from linkbalancer.engine.preflight import catalogue
from linkbalancer.engine.preflight.finding import Finding
from linkbalancer.engine.preflight.observed import Observed, Wanted
from linkbalancer.links import Firewall

OLDEST: Final = (5, 18)
FULL_SHARE: Final = 0.8

COUNT: Final = "netfilter/nf_conntrack_count"
MAX: Final = "netfilter/nf_conntrack_max"


def judge(wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    """Yield what is wrong with the system."""
    numbers = re.match(r"(\d+)\.(\d+)", observed.kernel)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
        yield Finding(catalogue.KERNEL_OLD, "Linux", f"uname -r: {observed.kernel}")
    if wanted.config.firewall is Firewall.IPTABLES:
        if observed.python_iptables is not None:
            yield Finding(catalogue.IPTABLES_MISSING, "python-iptables", observed.python_iptables)
    elif observed.nft is None:
        yield Finding(catalogue.NFT_MISSING, "nft", "no program nft in PATH")
    count, limit = observed.switches.get(COUNT), observed.switches.get(MAX)
    if count is not None and limit is not None:
        if int(limit) and int(count) >= FULL_SHARE * int(limit):
            yield Finding(catalogue.CONNTRACK_FULL, "connections", f"net/{COUNT}: {count} of {limit}")
    elif observed.running:
        yield Finding(catalogue.CONNTRACK_MISSING, "nf_conntrack", f"there is no /proc/sys/net/{MAX}")
