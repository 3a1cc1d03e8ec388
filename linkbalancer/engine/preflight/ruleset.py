"""The firewall's rules of others: what writes our marks, drops what we forward, or passes by us."""

from collections.abc import Iterator

from linkbalancer.engine.preflight import catalogue
from linkbalancer.engine.preflight.finding import Finding
from linkbalancer.engine.preflight.observed import Observed, Ruleset, Wanted
from linkbalancer.links import Firewall


def judge(wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    """Yield what is wrong with the rule set."""
    chains = wanted.config.firewall is Firewall.IPTABLES
    if chains and observed.running and observed.chains is False:
        yield Finding(catalogue.CHAINS_MISSING, "iptables mangle", "no rule of PREROUTING leads to LB-PREROUTING")
    if observed.legacy and not chains:
        seen = f"/proc/net/ip_tables_names: {', '.join(observed.legacy)}"
        yield Finding(catalogue.LEGACY_IPTABLES, "iptables", seen)
    if observed.ruleset is not None:
        if observed.running and not chains and not observed.ruleset.ours:
            yield Finding(catalogue.RULESET_MISSING, "inet linkbalancer", "nft list tables: it is not there")
        yield from _marks(wanted, observed.ruleset)
        yield from _chains(wanted, observed.ruleset)


def _marks(wanted: Wanted, ruleset: Ruleset) -> Iterator[Finding]:
    marks = wanted.config.marks
    for write in ruleset.writes:
        bits = write.bits & (marks.connection_bits if write.connection else marks.rule_mask)
        if bits:
            which = "connection" if write.connection else "packet"
            seen = f"{write.text}; it writes our bits {bits:#010x} of the {which} mark"
            yield Finding(catalogue.MARK_OVERWRITTEN, write.place, seen)


def _chains(wanted: Wanted, ruleset: Ruleset) -> Iterator[Finding]:
    ports = {link.port for link in wanted.config.links.values()}
    for chain in ruleset.chains:
        seen = f"nft list ruleset: hook {chain.hook}, {chain.by}"
        if chain.drops and chain.hook == "forward":
            yield Finding(catalogue.FORWARD_DROPPED, chain.place, seen)
        elif chain.drops and chain.hook == "input" and ports - chain.ports:
            missing = ", ".join(str(port) for port in sorted(ports - chain.ports))
            yield Finding(catalogue.INPUT_DROPPED, chain.place, f"{seen}, and no rule for UDP port {missing}")
    for kind, rules in ((catalogue.REVERSE_PATH_RULE, ruleset.reverse), (catalogue.UNTRACKED, ruleset.untracked)):
        for place, text in rules:
            yield Finding(kind, place, text)
    for place, devices in ruleset.flowtables:
        taken = sorted(set(devices) & set(wanted.devices))
        if taken:
            yield Finding(catalogue.FLOW_OFFLOAD, place, f"nft list ruleset: devices {', '.join(taken)}")
