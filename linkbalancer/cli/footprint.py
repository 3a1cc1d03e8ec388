"""What a configuration leaves in the kernel, a line each, in the words of `ip` and `nft`: for `plan -v`."""

from collections.abc import Iterator, Mapping

from linkbalancer.config.counting import chosen
from linkbalancer.config.load import Loaded
from linkbalancer.config.model import Config
from linkbalancer.config.ways import twins, ways
from linkbalancer.drivers.nftables import counts
from linkbalancer.drivers.nftables.classifying import linear
from linkbalancer.drivers.nftables.contents import FORMS
from linkbalancer.drivers.nftables.pools import chain_of
from linkbalancer.drivers.nftables.render import APPLICATION, FORWARD, MAP, MIRROR, TABLE, short
from linkbalancer.drivers.nftables.translation import (
    ANSWER,
    ASKED,
    CLAMP,
    DESTINATIONS,
    HELD,
    SOURCES,
    UNTRANSLATED,
    answering,
)
from linkbalancer.drivers.nftables.trees import TREE
from linkbalancer.drivers.nftables.ways import FOLLOW, STAY
from linkbalancer.drivers.nftables.ways import VID as VID_CHAIN
from linkbalancer.links import Firewall, Vid
from linkbalancer.routing.application import Application
from linkbalancer.routing.balance import SLOTS, Target, pools, targets, vids_of
from linkbalancer.routing.classifier import compile_rules
from linkbalancer.routing.difference import difference
from linkbalancer.routing.marks import OWN, Marks
from linkbalancer.routing.plan import routing_rules


def kernel_changes(old: Loaded, new: Loaded, ids: Mapping[str, int], places: Mapping[str, Vid | None]) -> list[str]:
    """Return what is added (`+`) and removed (`-`); `ids` and `places` are the applications' present ones."""
    added, removed = difference(footprint(new, ids, places), footprint(old, ids, places))
    return [*(f"- {line}" for line in removed), *(f"+ {line}" for line in added)]


def _translation(config: Config) -> Iterator[str]:
    """Yield what becomes of what leaves."""
    chain = f"nft chain inet {TABLE}"
    for way in ways(config):
        if way.translation.of_ipv4:
            yield f"{chain} {SOURCES}: by {way.name}: {way.translation.of_ipv4}"
            held = "what began elsewhere does not leave untranslated"
            yield f"nft chains inet {TABLE} {HELD}, {UNTRANSLATED}: by {way.name}: {held}"
        if way.translation.nptv6 is not None:
            yield f"nft chains inet {TABLE} {SOURCES}, {DESTINATIONS}: by {way.device}: {way.translation.nptv6}"
        if way.clamp is not None:
            size = "what fits" if way.clamp == "auto" else f"{way.segment(4)} bytes"
            yield f"{chain} {CLAMP}: segments by {way.device}: {size} at most"
        if way.mtu is not None:
            yield f"ip route mtu {way.mtu}: by {way.name}"
    for way in answering(ways(config)):
        yield f"nft chains inet {TABLE} {ASKED}, {ANSWER}: what begins by {way.name} is answered there"


def _counted(loaded: Loaded, ids: Mapping[str, int]) -> Iterator[str]:
    """Yield what counts."""
    names = chosen(loaded.config.metrics.count, loaded.rules.applications)
    if names:
        yield f"nft table inet {counts.TABLE}: what passes of applications that are counted"
    for name in sorted(names):
        mark = f"{loaded.config.marks.connection_mark(ids[name]):#010x}" if name in ids else "the next free id"
        yield f"nft element inet {counts.TABLE} {counts.COUNTED} {{ {mark} }}: application {name}"


def _rules(config: Config, ip: str) -> Iterator[str]:
    """Yield the routing rules, in one family's words."""
    for rule in routing_rules(config.vids, config.marks):
        condition = "from all iif lo" if rule.iif else f"from all fwmark {rule.mark:#x}/{rule.mask:#x}"
        if rule.suppress_prefixlength is not None:
            condition = "from all suppress_prefixlength 0"
        yield f"{ip} rule {rule.priority}: {condition} lookup {rule.table}"


def footprint(loaded: Loaded, ids: Mapping[str, int], places: Mapping[str, Vid | None]) -> Iterator[str]:
    """Yield everything."""
    config, marks = loaded.config, loaded.config.marks
    families = ("ip",) if twins(config) is None else ("ip", "ip -6")
    yield from (line for ip in families for line in _rules(config, ip))
    for vid in config.vids:
        yield from (
            f"{ip} route table {marks.table(vid)}, {marks.table(vid, guard=True)}: VID {vid}" for ip in families
        )
        yield from _of_vid(vid, marks) if config.firewall is Firewall.NFTABLES else ()
    for pool in pools(loaded.rules.applications.values()):
        yield f"nft chain and map inet {TABLE} {chain_of(pool)}: {SLOTS} slots, a chain for each order of its VIDs"
    for group, settings in sorted(config.groups.items()):
        for device, addresses in settings.vrrp(group).places().items() if settings.mode == "member" else ():
            yield from (f"ip address {one.ip} dev {device}: while Master of VID {group}" for one in addresses)
    yield from (f"{ip} route table {marks.table(OWN)}: this gateway's own traffic" for ip in families)
    yield from _translation(config)
    yield from _counted(loaded, ids)
    yield from (_chains if config.firewall is Firewall.IPTABLES else _table)(loaded, ids, places)


def _of_vid(vid: Vid, marks: Marks) -> Iterator[str]:
    """Yield a VID's chains."""
    yield f"nft chain inet {TABLE} {VID_CHAIN}{vid}: mark {marks.packet_mark(vid):#010x}/{marks.packet_mask:#010x}"
    flow = f"connection mark {marks.flow_mark(vid):#010x}/{marks.flow_mask:#010x}"
    yield f"nft chains inet {TABLE} {FOLLOW}{vid}, {STAY}{vid}: flows that took it last, {flow}"


def _table(loaded: Loaded, ids: Mapping[str, int], places: Mapping[str, Vid | None]) -> Iterator[str]:
    """Yield the classifier and the applications in the table of nftables."""
    marks = loaded.config.marks
    classifier = compile_rules(loaded.rules)
    name = short(classifier.digest)
    made = f"{FORWARD}{name}, {MIRROR}{name}" if linear(classifier) else f"{TREE}* of rule set {name}"
    yield f"nft chains inet {TABLE} {made}: {len(classifier.rules)} rules"
    for application, definition in sorted(loaded.rules.applications.items()):
        number = ids.get(application)
        if number is None:
            yield f"nft chain and element of {MAP} for application {application}: the next free id"
            continue
        to = _target(definition, places.get(application))
        mark = f"{marks.connection_mark(number):#010x}"
        yield f"nft chain inet {TABLE} {APPLICATION}{number}: application {application}, {mark}"
        yield f"nft element inet {TABLE} {MAP} {{ {mark} : goto {chain_of(to)} }}"
        for one in FORMS[definition.manner.resting]:
            yield f"nft element inet {TABLE} {one} {{ {mark} }}"


def _chains(loaded: Loaded, ids: Mapping[str, int], places: Mapping[str, Vid | None]) -> Iterator[str]:
    """Yield the chains of iptables."""
    marks, many = loaded.config.marks, len(loaded.rules.rules)
    yield f"iptables and ip6tables -t mangle, chains LB-PREROUTING, LB-OUTPUT, LB-NEW, LB-BACK: {many} rules"
    for application, definition in sorted(loaded.rules.applications.items()):
        number, vid = ids.get(application), places.get(application) or definition.vids[0]
        if number is None:
            yield f"iptables and ip6tables -t mangle, a chain for application {application}: the next free id"
            continue
        mark = f"{marks.packet_mark(vid):#010x}/{marks.packet_mask:#010x}"
        yield f"iptables and ip6tables -t mangle, chain LB-A{number}: application {application}, VID {vid}, mark {mark}"


def _target(application: Application, place: Vid | None) -> Target:
    """Return what an application is pointed at that is on a VID; of a balanced step one VID is told."""
    every = targets(application)
    return next((to for to in every if place in vids_of(to)), every[0])
