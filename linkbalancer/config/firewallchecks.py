"""What `firewall: iptables` cannot do, refused where a configuration or its rule file asks for it."""

from collections.abc import Iterator
from typing import Final

from linkbalancer.config.counting import OFF
from linkbalancer.config.findings import Finding
from linkbalancer.config.outline import Complaint, Outline
from linkbalancer.config.parts import Part
from linkbalancer.config.rulefile import RuleFile
from linkbalancer.config.translating import UNTRANSLATED
from linkbalancer.links import Firewall
from linkbalancer.routing.handover import MOVE
from linkbalancer.routing.linear import count

LINES_MAX: Final = 500
"""Lines that rules may make in one family: a new flow tries them one after the other, both ways are loaded."""

APPLICATIONS_MAX: Final = 100
"""Applications: every packet of a known flow tries them one after the other."""

_REMEDY: Final = "leave it out, or write firewall: nftables"
_EVERY_PROTOCOL: Final = 0


def is_iptables(top: Part) -> bool:
    """Return whether a configuration's packets are classified by iptables."""
    return top.knows("firewall") and top["firewall"] is Firewall.IPTABLES


def check(outline: Outline) -> Iterator[Complaint]:
    """Yield what links and groups ask for in vain."""
    if not is_iptables(outline.top):
        return
    yield from _of_the_gateway(outline.top)
    for link in outline.links.values():
        yield from _translated(link)
        yield from _six(link, "peer6")
    for group in outline.groups.values():
        yield from _translated(group)
        yield from _six(group, "gateway6")
        if group.knows("mode") and group["mode"] == "static":
            what = "firewall: iptables does not tell by which gateway a connection came, which a static group needs"
            yield Complaint((*group.path, "mode"), what, "write firewall: nftables, or another mode")
        if group.knows("accept") and not group["accept"]:
            what = "firewall: iptables refuses nothing at a virtual IP (accept: false)"
            yield Complaint((*group.path, "accept"), what, _REMEDY)


def _of_the_gateway(top: Part) -> Iterator[Complaint]:
    yield from _six(top, "steer_ipv6")
    metrics = top.inner("metrics")
    if metrics.knows("count") and metrics["count"] != OFF:
        yield Complaint((*metrics.path, "count"), "firewall: iptables counts no applications", _REMEDY, at_key=True)


def _six(part: Part, key: str) -> Iterator[Complaint]:
    if part.knows(key) and part[key]:
        yield Complaint((*part.path, key), "firewall: iptables steers no IPv6", _REMEDY, at_key=True)


def _translated(way: Part) -> Iterator[Complaint]:
    if way.knows("nat") and way["nat"] != UNTRANSLATED:
        yield Complaint((*way.path, "nat"), "firewall: iptables translates no addresses", _REMEDY, at_key=True)
    if way.knows("mss_clamp") and way["mss_clamp"] is not None:
        yield Complaint((*way.path, "mss_clamp"), "firewall: iptables clamps no segments", _REMEDY, at_key=True)


def refusals(rules: RuleFile) -> Iterator[Finding]:
    """Yield what rules ask for in vain; only the first one too many."""
    yield from _options(rules)
    left = LINES_MAX
    for rule in rules.rules:
        column = rules.columns[rule.line]
        if _EVERY_PROTOCOL in (rule.selector.protocols or ()):
            what = "to firewall: iptables protocol 0 is every protocol"
            yield Finding(rules.file, rule.line, column, what, "leave it out, or write firewall: nftables")
        if rule.selector.names:
            what = "firewall: iptables knows no set whose addresses change: names of hosts are for nftables"
            yield Finding(rules.file, rule.line, column, what, "write their addresses, or firewall: nftables")
        many = count(rule.selector)
        if many > left >= 0:
            what = f"with this line the rules come to more than {LINES_MAX} lines of iptables ({many} by itself)"
            remedy = "write fewer or shorter lists (see docs/iptables.md), or firewall: nftables"
            yield Finding(rules.file, rule.line, column, what, remedy)
        left -= many
    if len(rules.applications) > APPLICATIONS_MAX:
        late = tuple(rules.applications)[APPLICATIONS_MAX]
        what = f"{len(rules.applications)} applications, and firewall: iptables has {APPLICATIONS_MAX} at most"
        line = rules.first_line(late)
        yield Finding(rules.file, line, 1, what, "give lines with the same VIDs one name, or write firewall: nftables")


def _options(rules: RuleFile) -> Iterator[Finding]:
    """Yield the steps and options that need more than a mark."""
    for use in rules.uses:
        if len(use.step) > 1:
            what = "firewall: iptables divides no flows among the VIDs of a balanced step"
            yield Finding(
                rules.file, use.line, use.column, what, "have one VID in each step, or write firewall: nftables"
            )
    applications = {rules.first_line(name): one for name, one in rules.applications.items()}
    for option in rules.option_uses:
        application = applications.get(option.line)
        if application is None or option.field not in {"handover", "failback"}:
            continue
        if getattr(application, option.field) != MOVE:
            what = f"with firewall: iptables every flow follows its application: {option.words} is not done"
            yield Finding(rules.file, option.line, option.column, what, _REMEDY)
