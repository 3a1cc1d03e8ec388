"""The table `inet linkbalancer` as nft text: a skeleton that stays, and a generation of the classifier within it.

A packet is classified by the first rule that means it, into an application; the application's id goes into its
connection's mark, and the map `app2vid` says which VID's chain marks the packet itself. Rules are written near to far;
packets that run far to near meet their mirror image, so that both directions of a flow are of one application whoever
sees which first (design 5).

Only what enters from a LAN, and what this gateway itself sends, is steered. A packet from a link has crossed its link:
its connection learns its application, so that the answers are steered, but the packet itself is left to the main table.
With a VID's mark it could be sent back over the link that it came from, and again, for as long as it lives.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from linkbalancer.drivers.nftables import refusal
from linkbalancer.drivers.nftables.layout import Layout, Peer
from linkbalancer.links import DeviceName, Mac, Role, Vid
from linkbalancer.routing.classifier import Box, Classifier
from linkbalancer.routing.marks import DEFAULT_APPLICATION_ID, Marks
from linkbalancer.routing.selector import LAST_PORT, Interval, Ranges, Selector

TABLE: Final = "linkbalancer"
MAP: Final = "app2vid"
MEMBERS: Final = "members"
SKELETON: Final = "skeleton_"
GENERATION: Final = "generation_"
STAGED: Final = "staged_"
FORWARD: Final = "forward_"
MIRROR: Final = "mirror_"
APPLICATION: Final = "app_"
VID: Final = "vid_"

_DIGEST_LENGTH: Final = 12
_ALL_BITS: Final = 0xFFFFFFFF
_LAST_ADDRESS: Final = {4: 2**32 - 1, 6: 2**128 - 1}


def short(digest: str) -> str:
    """Return the part of a digest that names chains."""
    return digest[:_DIGEST_LENGTH]


def skeleton(layout: Layout, stale_vids: Collection[Vid] = ()) -> str:
    """Return the text that makes or mends everything but the classifier, in one transaction.

    Chains are refilled; the map, the set and the classifier's two entrances are left as they are, so that packets never
    notice. An empty chain bears the digest of the text: with that chain there, nothing needs to be loaded.
    `stale_vids` are those whose chains are left of an older layout; no element of the map may lead to them any more.
    """
    marks = layout.marks
    lines = [
        f"add table inet {TABLE}",
        f"add map inet {TABLE} {MAP} {{ type mark : verdict; }}",
        f"add set inet {TABLE} {MEMBERS} {{ type ifname . ether_addr; }}",
        f"add chain inet {TABLE} from_lan",
        f"add chain inet {TABLE} from_link",
        *_hook("prerouting", "filter"),
        *_hook("output", "route"),
    ]
    for vid in layout.vids:
        keep = _ALL_BITS & ~marks.packet_mask
        lines += _chain(f"{VID}{vid}", [f"meta mark set meta mark and {keep:#010x} or {marks.packet_mark(vid):#010x}"])
    for side in ("lan", "link"):
        lines += _chain(
            f"steer_{side}", [f"ct mark and {marks.connection_mask:#010x} vmap @{MAP}", f"goto from_{side}"]
        )
    lines += _chain("prerouting", _prerouting(layout))
    ours = [*_own_datagrams(layout.peers), _own_probes(marks)]
    lines += _chain("output", [*_not_steered(), *ours, _clean(marks), "goto steer_lan"])
    lines += refusal.chains(TABLE, layout.refused)
    lines += [f"delete chain inet {TABLE} {VID}{vid}" for vid in stale_vids]
    return "\n".join(lines) + "\n"


def skeleton_name(layout: Layout) -> str:
    """Return the name of the empty chain that says which skeleton is loaded."""
    return SKELETON + short(hashlib.sha256(skeleton(layout).encode()).hexdigest())


def renamed_skeleton(name: str, old: Iterable[str]) -> str:
    """Return the text that puts the skeleton's name in place of older ones."""
    lines = [f"delete chain inet {TABLE} {one}" for one in old]
    return "\n".join([*lines, f"add chain inet {TABLE} {name}"]) + "\n"


def generation(classifier: Classifier, app_ids: Mapping[str, int], marks: Marks) -> str:
    """Return the text that loads a classifier beside the one in use: the first of two transactions.

    `app_ids` names every application of the classifier. Packets do not meet the new chains before `swap`.
    """
    name = short(classifier.digest)
    ids = sorted({DEFAULT_APPLICATION_ID, *app_ids.values()})
    lines = [line for app_id in ids for line in _chain(f"{APPLICATION}{app_id}", _application(app_id, marks))]
    for prefix, boxes in ((FORWARD, classifier.boxes), (MIRROR, classifier.mirrored().boxes)):
        rules = [f"{match}goto {APPLICATION}{app_ids[box.application]}" for box in boxes for match in matches(box)]
        lines += _chain(prefix + name, [*rules, f"goto {APPLICATION}{DEFAULT_APPLICATION_ID}"])
    return "\n".join(lines) + "\n"


def generation_name(classifier: Classifier, app_ids: Mapping[str, int], role: Role) -> str:
    """Return the name of the empty chain that says which classifier is in use, with which ids and in which role."""
    numbered = hashlib.sha256(repr((sorted(app_ids.items()), role.value)).encode()).hexdigest()
    return f"{GENERATION}{short(classifier.digest)}_{short(numbered)}"


def staged(name: str, old: Iterable[str]) -> str:
    """Return the text that notes which generation waits for its `swap`, in place of older notes."""
    lines = [f"delete chain inet {TABLE} {one}" for one in old]
    return "\n".join([*lines, f"add chain inet {TABLE} {staged_name(name)}"]) + "\n"


def staged_name(name: str) -> str:
    """Return the name of the empty chain that says that the generation of this name is loaded, not yet in use."""
    return STAGED + name.removeprefix(GENERATION)


def swap(name: str, layout: Layout, *, old_chains: Iterable[str] = (), old_applications: Iterable[int] = ()) -> str:
    """Return the second transaction: packets meet the generation of this name, and what it replaces is deleted.

    `old_chains` are those of generations and applications that are gone (generations first, they refer to the others),
    `old_applications` the ids of those that are gone and still in the map.
    """
    digest = name.removeprefix(GENERATION).partition("_")[0]
    near_to_far, far_to_near = FORWARD + digest, MIRROR + digest
    from_lan, from_link = (far_to_near, near_to_far) if layout.role is Role.CONTROLLED else (near_to_far, far_to_near)
    lines = [*_chain("from_lan", [f"goto {from_lan}"]), *_chain("from_link", [f"goto {from_link}"])]
    keys = ", ".join(f"{layout.marks.connection_mark(one):#010x}" for one in old_applications)
    if keys:
        lines.append(f"delete element inet {TABLE} {MAP} {{ {keys} }}")
    lines += [f"delete chain inet {TABLE} {chain}" for chain in old_chains]
    lines.append(f"add chain inet {TABLE} {name}")
    return "\n".join(lines) + "\n"


def steered(elements: Mapping[int, Vid | None], marks: Marks) -> str:
    """Return the text that fills the map: applications to VIDs, or (None) left to the main table."""
    lines = []
    for app_id, vid in elements.items():
        verdict = "return" if vid is None else f"goto {VID}{vid}"
        lines.append(f"add element inet {TABLE} {MAP} {{ {marks.connection_mark(app_id):#010x} : {verdict} }}")
    return "\n".join([*lines, ""])


def known(members: Mapping[DeviceName, frozenset[Mac]]) -> str:
    """Return the text that fills the set of the other gateways' MAC addresses."""
    keys = [f'"{device}" . {mac.hex(":")}' for device, macs in members.items() for mac in sorted(macs)]
    return f"add element inet {TABLE} {MEMBERS} {{ {', '.join(keys)} }}\n" if keys else ""


def matches(box: Box) -> list[str]:
    """Return the conditions of a box's rules, each ready for a verdict behind it.

    One rule does, but for a DSCP with no family beside it: the byte stands elsewhere in IPv6. Fragments have their
    ports too: connection tracking has put them together before our priority.
    """
    selector = box.selector
    families: tuple[int | None, ...] = (selector.family,)
    if selector.family is None and selector.dscp is not None:
        families = (4, 6)
    return ["".join(f"{condition} " for condition in _conditions(selector, family)) for family in families]


def _conditions(selector: Selector, family: int | None) -> list[str]:
    """Return a selector's conditions, its family settled; a range of everything is none."""
    found = []
    if family is not None:
        found.append(f"meta nfproto ipv{family}")
        header = "ip" if family == 4 else "ip6"
        for field, ranges in (("saddr", selector.source), ("daddr", selector.destination)):
            if ranges is not None and ranges != (Interval(0, _LAST_ADDRESS[family]),):
                found.append(f"{header} {field} {_one_of([_addresses(one, family) for one in ranges])}")
        if selector.dscp is not None:
            found.append(f"{header} dscp {_one_of(_codepoints(selector.dscp))}")
    if selector.protocols is not None:
        found.append(f"meta l4proto {_one_of([str(number) for number in sorted(set(selector.protocols))])}")
    for field, ranges in (("sport", selector.source_port), ("dport", selector.destination_port)):
        if ranges is not None and ranges != (Interval(0, LAST_PORT),):
            found.append(f"th {field} {_one_of([str(one) for one in ranges])}")
    return found


def _one_of(values: Sequence[str]) -> str:
    """Write one value, or several as a set."""
    return values[0] if len(values) == 1 else "{ " + ", ".join(values) + " }"


def _codepoints(ranges: Ranges) -> list[str]:
    """Write DSCPs one by one: they are part of a byte, and a range of such is not compared as one."""
    return [f"{value:#04x}" for one in ranges for value in range(one.first, one.last + 1)]


def _addresses(interval: Interval, family: int) -> str:
    """Write a range of addresses."""
    kind = IPv4Address if family == 4 else IPv6Address
    first, last = kind(interval.first), kind(interval.last)
    return str(first) if first == last else f"{first}-{last}"


def _chain(name: str, rules: Iterable[str]) -> list[str]:
    """Return the lines that make a chain hold these rules alone, whether it exists or not."""
    lines = [f"add chain inet {TABLE} {name}", f"flush chain inet {TABLE} {name}"]
    return lines + [f"add rule inet {TABLE} {name} {rule}" for rule in rules]


def _hook(name: str, kind: str) -> list[str]:
    """Return the line that makes a base chain; priority mangle comes after connection tracking."""
    return [f"add chain inet {TABLE} {name} {{ type {kind} hook {name} priority mangle; policy accept; }}"]


def _prerouting(layout: Layout) -> list[str]:
    """Return the rules for what arrives: our bits start clean, and other members' packets are marked.

    What comes from a LAN goes on to be steered. What comes from a link returns, whatever the chains beyond the jump go
    to, and is cleaned of the VID that they gave it: only its connection keeps what it learnt.
    """
    clean = _clean(layout.marks)
    return [
        *_not_steered(),
        clean,
        f"iifname . ether saddr @{MEMBERS} meta mark set meta mark or {layout.marks.guard_bit:#010x}",
        *_entrances(layout.entrances, "goto steer_lan"),
        *_entrances(layout.link_devices, "jump steer_link"),
        *([clean] if layout.link_devices else []),
    ]


def _entrances(devices: tuple[DeviceName, ...], verdict: str) -> list[str]:
    """Return the rule that gives packets of some devices a verdict."""
    if not devices:
        return []
    names = ", ".join(f'"{device}"' for device in sorted(devices))
    return [f"iifname {{ {names} }} {verdict}"]


def _not_steered() -> list[str]:
    """Return the rules that leave out what no VID may carry: for this gateway itself, or for everybody."""
    return [
        "ip daddr 224.0.0.0/4 return",
        "ip6 daddr { fe80::/10, ff00::/8 } return",
        "fib daddr type { local, broadcast } return",
    ]


def _own_datagrams(peers: Iterable[Peer]) -> list[str]:
    """Return the rules that leave LVrrp's datagrams and adverts to single peers alone: their socket says the device.

    Steered, they would go the way of a VID, and no VID works before they have opened a link.
    """
    keys = ", ".join(f"{peer.address} . {peer.port}" for peer in sorted(set(peers)))
    return [*([f"ip daddr . udp dport {{ {keys} }} return"] if keys else []), "meta l4proto 112 return"]


def _own_probes(marks: Marks) -> str:
    """Return the rule that leaves the probes of static gateways alone: sent with a VID's guarded mark, as nothing else.

    They go by that VID's second table, which leads to its gateway whether it works or not.
    """
    return f"meta mark and {marks.guard_bit:#010x} != 0 return"


def _clean(marks: Marks) -> str:
    """Return the rule that clears our bits of a packet's mark and no other."""
    return f"meta mark set meta mark and {_ALL_BITS & ~marks.rule_mask:#010x}"


def _application(app_id: int, marks: Marks) -> list[str]:
    """Return an application's rules: the id for the whole connection, the VID for this packet.

    A packet of no connection takes the first without effect and is steered all the same. The map's key is a constant,
    written so that nft takes it for a mark.
    """
    mark = marks.connection_mark(app_id)
    keep = _ALL_BITS & ~marks.connection_mask
    return [
        f"ct mark set ct mark and {keep:#010x} or {mark:#010x}",
        f"meta mark and 0x00000000 or {mark:#010x} vmap @{MAP}",
    ]
