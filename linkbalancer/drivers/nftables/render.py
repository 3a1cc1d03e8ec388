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
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from linkbalancer.drivers.nftables import eras, pools, refusal, translation
from linkbalancer.drivers.nftables.layout import Layout, Peer
from linkbalancer.drivers.nftables.ways import chains, objects
from linkbalancer.links import DeviceName, Role
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.marks import DEFAULT_APPLICATION_ID, Marks

TABLE: Final = "linkbalancer"
MAP: Final = "app2vid"
MEMBERS: Final = "members"
SKELETON: Final = "skeleton_"
GENERATION: Final = "generation_"
STAGED: Final = "staged_"
FORWARD: Final = "forward_"
MIRROR: Final = "mirror_"
APPLICATION: Final = "app_"
LEARN: Final = "learn_"
FORM: Final = "form_"
PAGE: Final = "page_"
LOOK: Final = "look_"

_SWAPPED: Final = ("from_lan", "from_link", "steer_lan", "steer_link")
"""What only a classifier's `swap` fills: its two entrances, and before each of them what knows flows of its time."""

_KNOWN: Final = "known"
_LEARNT: Final = "learnt"
_SLOT_BITS: Final = 8
_SLOTS: Final = (1 << _SLOT_BITS) - 1
"""How much of an application's id a packet can carry where its VID will be."""

_DIGEST_LENGTH: Final = 12
_LINES_MAX: Final = 8000
"""About how many rules and chains are loaded in one transaction."""
_ALL_BITS: Final = 0xFFFFFFFF


def short(digest: str) -> str:
    """Return the part of a digest that names chains."""
    return digest[:_DIGEST_LENGTH]


def skeleton(layout: Layout, stale: Iterable[str] = (), stale_pools: Iterable[str] = ()) -> str:
    """Return the text that makes or mends everything but the classifier, in one transaction.

    Chains are refilled; the maps, the sets and what a classifier's `swap` writes are left as they are, so that packets
    never notice. An empty chain bears the digest of the text: with that chain there, nothing needs to be loaded.
    `stale` are chains of VIDs that are left of an older layout, in the order in which they go, `stale_pools` the lines
    that delete those of balanced steps; no element of a map may lead to them any more.
    """
    marks = layout.marks
    lines = [
        f"add table inet {TABLE}",
        f"add map inet {TABLE} {MAP} {{ type mark : verdict; }}",
        f"add set inet {TABLE} {MEMBERS} {{ type ifname . ether_addr; }}",
        *objects(TABLE),
        *(f"add chain inet {TABLE} {name}" for name in _SWAPPED),
        *_hook("prerouting", "filter"),
        *_hook("output", "route"),
        *translation.chains(TABLE, layout),
    ]
    for name, rules in chains(layout.vids, layout.marks):
        lines += _chain(name, rules)
    for pool in layout.pools:
        lines += pools.made(TABLE, pool, marks, layout.role)
    lines += _chain("prerouting", _prerouting(layout))
    ours = [*_own_datagrams(layout.peers), *_own_discovery(layout), _own_probes(marks)]
    last = [_clean(marks), *translation.answers(layout), "goto steer_lan"]
    lines += _chain("output", [*_not_steered(), *ours, *last])
    lines += refusal.chains(TABLE, layout.refused)
    lines += stale_pools
    lines += [f"delete chain inet {TABLE} {name}" for name in stale]
    return "\n".join(lines) + "\n"


@lru_cache(maxsize=2)
def skeleton_name(layout: Layout) -> str:
    """Return the name of the empty chain that says which skeleton is loaded."""
    return SKELETON + short(hashlib.sha256(skeleton(layout).encode()).hexdigest())


def renamed_skeleton(name: str, old: Iterable[str]) -> str:
    """Return the text that puts the skeleton's name in place of older ones."""
    lines = [f"delete chain inet {TABLE} {one}" for one in old]
    return "\n".join([*lines, f"add chain inet {TABLE} {name}"]) + "\n"


def applications(app_ids: Iterable[int], marks: Marks) -> dict[str, tuple[str, ...]]:
    """Return the chains in which a classifier ends, by name, each after those that it leads to.

    `app_N`, for what is steered: the id for the whole connection, and its packet goes where the map sends all packets
    of known flows. `learn_N`, for what a link brought: the connection learns, the packet stays as it is. Both clear
    the rank of a candidate, and neither comes back: what called a tree would go on to the next one.

    The kernel walks through all elements of the map again for each rule that looks into it, whenever one of them
    changes. So an application has no such rule of its own: a packet of no connection, which has nothing that could say
    its application, takes the low 8 bits of the id in the place of its VID to the chain of the others.
    """
    keep = _ALL_BITS & ~marks.connection_mask
    rest = f"meta mark set meta mark and {_ALL_BITS & ~marks.packet_mask:#010x}"
    ids = sorted({DEFAULT_APPLICATION_ID, *app_ids})
    found: dict[str, tuple[str, ...]] = {
        _KNOWN: (f"ct mark and {marks.connection_mask:#010x} vmap @{MAP}",),
        _LEARNT: (rest, f"jump {_KNOWN}", "accept"),
    }
    for page in sorted({app_id >> _SLOT_BITS for app_id in ids}):
        found[f"{LOOK}{page}"] = (f"{_of_page(page, marks)} vmap @{MAP}",)
        found[f"{PAGE}{page}"] = (f"jump {LOOK}{page}", f"{rest} accept")
    for app_id in ids:
        learn = f"ct mark set ct mark and {keep:#010x} or {marks.connection_mark(app_id):#010x}"
        slot = marks.packet_mark(app_id & _SLOTS)
        found[f"{APPLICATION}{app_id}"] = (
            f"{learn} goto {_LEARNT}",
            f"{rest} or {slot:#010x} goto {PAGE}{app_id >> _SLOT_BITS}",
        )
        found[f"{LEARN}{app_id}"] = (f"{rest} {learn} accept",)
    return found


def _of_page(page: int, marks: Marks) -> str:
    """Return what makes the map's key of the low bits that a packet carries and the high bits that a chain stands for.

    Written so that nft takes it for a mark, and lists it as it was written.
    """
    shift = marks.application_shift
    turn = f"rshift {shift} " if shift > 0 else f"lshift {-shift} " if shift < 0 else ""
    low = marks.connection_mask & marks.connection_mark(_SLOTS)
    return f"meta mark {turn}and {low:#010x} or {marks.connection_mark(page << _SLOT_BITS):#010x}"


def form_name(marks: Marks) -> str:
    """Return the name of the empty chain that says what the applications' chains are made like."""
    text = repr(applications([], marks))
    return FORM + short(hashlib.sha256(text.encode()).hexdigest())


def generation_name(classifier: Classifier, app_ids: Mapping[str, int], role: Role, chains: int = 0) -> str:
    """Return the name of the empty chain that says which classifier is in use, with which ids and in which role.

    Behind that, of how many chains it is made; 0 leaves that open: the beginning of the name.
    """
    numbered = hashlib.sha256(repr((sorted(app_ids.items()), role.value)).encode()).hexdigest()
    return f"{GENERATION}{short(classifier.digest)}_{short(numbered)}_{chains or ''}"


def staged(name: str, old: Iterable[str]) -> str:
    """Return the text that notes which generation waits for its `swap`, in place of older notes."""
    lines = [f"delete chain inet {TABLE} {one}" for one in old]
    return "\n".join([*lines, f"add chain inet {TABLE} {staged_name(name)}"]) + "\n"


def staged_name(name: str) -> str:
    """Return the name of the empty chain that says that the generation of this name is loaded, not yet in use."""
    return STAGED + name.removeprefix(GENERATION)


def beside(
    chains: Mapping[str, Sequence[str]], entrances: Iterable[str] = (), present: Collection[str] = ()
) -> Iterator[str]:
    """Yield the texts that make chains beside those in use: transactions that packets do not notice.

    Chains lead to such as come before them. `entrances` are made empty; where they are there already they are left as
    they are. The kernel's work for a transaction grows with the square of its sets, so a large one is several; each
    makes whole chains.
    """
    head, lines, many = "".join(f"add chain inet {TABLE} {name}\n" for name in entrances), [], 0
    for name, rules in chains.items():
        if name in present:
            head += f"flush chain inet {TABLE} {name}\n"
        lines += [f"chain {name} {{", *rules, "}"]
        many += 1 + len(rules)
        if many >= _LINES_MAX:
            yield _block(head, lines)
            head, lines, many = "", [], 0
    if head or lines:
        yield _block(head, lines)


def _block(head: str, lines: Sequence[str]) -> str:
    """Return a text that makes chains: of a block nft reads the table's name once, and is a tenth quicker."""
    return "\n".join([f"{head}table inet {TABLE} {{", *lines, "}", ""]) if lines else head


def swap(
    name: str,
    layout: Layout,
    entrances: Mapping[str, Sequence[str]],
    era: int,
    *,
    old_chains: Iterable[str] = (),
    old_applications: Iterable[int] = (),
) -> str:
    """Return the second transaction: packets meet the generation of this name by its entrances.

    Flows that were classified in another era than this generation's are classified anew, on their next packet; they
    keep the VID that they have. `old_chains` are empty ones, to be deleted; `old_applications` ids of those that are
    gone and still in the map.
    """
    lines = [line for entrance, rules in entrances.items() for line in _chain(entrance, rules)]
    lines += [line for name, rules in eras.chains(layout.marks, era, MAP).items() for line in _chain(name, rules)]
    keys = ", ".join(f"{layout.marks.connection_mark(one):#010x}" for one in old_applications)
    if keys:
        lines.append(f"delete element inet {TABLE} {MAP} {{ {keys} }}")
    lines += [f"delete chain inet {TABLE} {chain}" for chain in old_chains]
    lines += [f"add chain inet {TABLE} {one}" for one in (name, f"{eras.ERA}{era}")]
    return "\n".join(lines) + "\n"


def _chain(name: str, rules: Iterable[str]) -> list[str]:
    """Return the lines that make a chain hold these rules alone, whether it exists or not."""
    lines = [f"add chain inet {TABLE} {name}", f"flush chain inet {TABLE} {name}"]
    return lines + [f"add rule inet {TABLE} {name} {rule}" for rule in rules]


def _hook(name: str, kind: str) -> list[str]:
    """Return the line that makes a base chain; priority mangle comes after connection tracking."""
    return [f"add chain inet {TABLE} {name} {{ type {kind} hook {name} priority mangle; policy accept; }}"]


def _prerouting(layout: Layout) -> list[str]:
    """Return the rules for what arrives: our bits start clean, and other members' packets are marked.

    What comes from a LAN goes on to be steered. What comes from a link is not; its connection learns, and should a
    packet without one come back from there with a candidate's rank, it is cleaned of it.
    """
    clean = _clean(layout.marks)
    return [
        *_not_steered(),
        clean,
        f"iifname . ether saddr @{MEMBERS} meta mark set meta mark or {layout.marks.guard_bit:#010x}",
        *(rule for answer in translation.answers(layout) for rule in _entrances(layout.entrances, answer)),
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


def _own_discovery(layout: Layout) -> list[str]:
    """Return the rule that leaves this gateway's own neighbour discovery alone, where IPv6 is steered.

    What is asked of one neighbour alone is on its device; by a VID's way it would be asked of somebody else.
    """
    return [] if layout.twins is None else ["icmpv6 type 133-137 return"]


def _own_probes(marks: Marks) -> str:
    """Return the rule that leaves the probes of static gateways alone: sent with a VID's guarded mark, as nothing else.

    They go by that VID's second table, which leads to its gateway whether it works or not.
    """
    return f"meta mark and {marks.guard_bit:#010x} != 0 return"


def _clean(marks: Marks) -> str:
    """Return the rule that clears our bits of a packet's mark and no other."""
    return f"meta mark set meta mark and {_ALL_BITS & ~marks.rule_mask:#010x}"
