"""What a configuration leaves in the kernel, a line each, in the words of `ip` and `nft`: for `plan -v`."""

from collections.abc import Iterator, Mapping

from linkbalancer.config.load import Loaded
from linkbalancer.drivers.nftables.render import APPLICATION, FORWARD, MAP, MIRROR, TABLE, short
from linkbalancer.drivers.nftables.render import VID as VID_CHAIN
from linkbalancer.links import Vid
from linkbalancer.routing.classifier import compile_rules
from linkbalancer.routing.difference import difference
from linkbalancer.routing.marks import OWN
from linkbalancer.routing.plan import routing_rules


def kernel_changes(old: Loaded, new: Loaded, ids: Mapping[str, int], places: Mapping[str, Vid | None]) -> list[str]:
    """Return what is added (`+`) and removed (`-`); `ids` and `places` are the applications' present ones."""
    added, removed = difference(footprint(new, ids, places), footprint(old, ids, places))
    return [*(f"- {line}" for line in removed), *(f"+ {line}" for line in added)]


def footprint(loaded: Loaded, ids: Mapping[str, int], places: Mapping[str, Vid | None]) -> Iterator[str]:
    """Yield everything."""
    config, marks = loaded.config, loaded.config.marks
    for rule in routing_rules(config.vids, marks):
        condition = "from all iif lo" if rule.iif else f"from all fwmark {rule.mark:#x}/{rule.mask:#x}"
        if rule.suppress_prefixlength is not None:
            condition = "from all suppress_prefixlength 0"
        yield f"ip rule {rule.priority}: {condition} lookup {rule.table}"
    for vid in config.vids:
        yield f"ip route table {marks.table(vid)}, {marks.table(vid, guard=True)}: VID {vid}"
        yield f"nft chain inet {TABLE} {VID_CHAIN}{vid}: mark {marks.packet_mark(vid):#010x}/{marks.packet_mask:#010x}"
    for group, settings in sorted(config.groups.items()):
        for device, addresses in settings.vrrp(group).places().items() if settings.mode == "member" else ():
            yield from (f"ip address {one.ip} dev {device}: while Master of VID {group}" for one in addresses)
    yield f"ip route table {marks.table(OWN)}: this gateway's own traffic"
    classifier = compile_rules(loaded.rules)
    name = short(classifier.digest)
    yield f"nft chains inet {TABLE} {FORWARD}{name}, {MIRROR}{name}: {len(classifier.rules)} rules"
    for application, definition in sorted(loaded.rules.applications.items()):
        number = ids.get(application)
        if number is None:
            yield f"nft chain and element of {MAP} for application {application}: the next free id"
            continue
        place = places.get(application)
        vid = place if place in definition.vids else definition.vids[0]
        mark = f"{marks.connection_mark(number):#010x}"
        yield f"nft chain inet {TABLE} {APPLICATION}{number}: application {application}, {mark}"
        yield f"nft element inet {TABLE} {MAP} {{ {mark} : goto {VID_CHAIN}{vid} }}"
