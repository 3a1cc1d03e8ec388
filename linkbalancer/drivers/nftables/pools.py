"""Balanced steps as nft text: a hash makes a slot of what stays together, a slot leads to the first VID that works.

Of each pool there is a chain `pool_<sticky>_<members>` and a map of that name, from slots to orders, and of each order
a chain `order_<pool>.<vid>.<vid>` that marks packets with the first of them in the set `working`. All of that is as
fixed as the rules are: when a VID begins or ceases to work, one element of `working` says so, for all applications.

A controlled gateway hashes what its LAN sends as the other end hashes what comes there: source and destination
swapped. So a packet and its answer find the same slot at both ends, without having seen one another.

Constants are written so that nft takes them for marks, and the maps so that it can list them: it dies of one whose
key is said to be a `jhash`.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Final

from linkbalancer.drivers.nftables.ways import VID, WORKING, marked
from linkbalancer.links import Role
from linkbalancer.routing.application import Member
from linkbalancer.routing.balance import SLOTS, Order, Pool, Target, orders, passed_over
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.selector import PROTOCOLS_WITH_PORTS
from linkbalancer.routing.slot import SEED
from linkbalancer.routing.sticky import Sticky

POOL: Final = "pool_"
ORDER: Final = "order_"

_THEN: Final = "."
_REST: Final = "rest"
_DIGITS: Final = 8
_NAME: Final = re.compile(rf"{POOL}({'|'.join(Sticky)})_([0-9x_]+)")


def pool_chain(pool: Pool) -> str:
    """Return the name of a pool's chain, and of its map: `pool_flow_1x3_2`."""
    members = "_".join(f"{one.vid}x{one.weight}" if one.weight > 1 else f"{one.vid}" for one in pool.step)
    return f"{POOL}{pool.sticky}_{members}"


def chain_of(target: Target) -> str:
    """Return the chain of a VID or a pool."""
    return pool_chain(target) if isinstance(target, Pool) else f"{VID}{target}"


def target_of(chain: str) -> Target | None:
    """Return the VID or the pool that a chain of this name is for; None where it is for neither."""
    number = chain.removeprefix(VID)
    return int(number) if number != chain and number.isdecimal() else pool_of(chain)


def pool_of(chain: str) -> Pool | None:
    """Return the pool that a chain of this name is for; None where it is for none, or for an order alone."""
    match = _NAME.fullmatch(chain)
    if match is None:
        return None
    members = (one.partition("x") for one in match[2].split("_"))
    return Pool(tuple(Member(int(vid), int(weight or 1)) for vid, _, weight in members), Sticky(match[1]))


def made(table: str, pool: Pool, marks: Marks, role: Role) -> Iterator[str]:
    """Yield the lines that make a pool, or make it anew; packets that meet it find either the old one or the new."""
    name, every = pool_chain(pool), orders(pool.step)
    distinct = sorted(set(every))
    rest = len(distinct[0]) < len(pool.step)
    chains = {_order_chain(name, order): _order(name, order, marks, rest=rest) for order in distinct}
    if rest:
        chains[_order_chain(name, ())] = _order("", passed_over(pool.step), marks, rest=False)
    yield f"add map inet {table} {name} {{ typeof numgen inc mod {SLOTS} : verdict; }}"
    for chain in (name, *chains):
        yield f"add chain inet {table} {chain}"
        yield f"flush chain inet {table} {chain}"
    for chain, rules in chains.items():
        yield from (f"add rule inet {table} {chain} {rule}" for rule in rules)
    yield f"flush map inet {table} {name}"
    elements = ", ".join(f"{slot} : goto {_order_chain(name, order)}" for slot, order in enumerate(every))
    yield f"add element inet {table} {name} {{ {elements} }}"
    yield from (f"add rule inet {table} {name} {rule}" for rule in _hashes(pool, name, marks, role))


def unmade(table: str, names: Iterable[str], present: Iterable[str]) -> Iterator[str]:
    """Yield the lines that delete pools of these names; `present` are all chains, the orders' among them."""
    for name in names:
        yield f"flush chain inet {table} {name}"
        yield f"delete chain inet {table} {name}"
        yield f"delete map inet {table} {name}"
        orders_of = [one for one in present if one.startswith(_order_chain(name, ()).removesuffix(_REST))]
        # The rest last, for the others lead to it.
        yield from (
            f"delete chain inet {table} {one}" for one in sorted(orders_of, key=lambda one: one.endswith(_REST))
        )


def _order_chain(name: str, order: Order) -> str:
    """Return the name of an order's chain, that of the rest where it is empty; short, for every slot names one."""
    pool = hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]
    return ORDER + pool + _THEN + (_THEN.join(map(str, order)) or _REST)


def _order(name: str, order: Order, marks: Marks, *, rest: bool) -> list[str]:
    """Return the rules of an order: the first VID that works; at last the first, whose table says `unreachable`.

    They mark the packet themselves, as a VID's chain does: the kernel follows so many hops and no more.
    """
    tried = [
        f"meta mark and 0x00000000 or {marks.flow_mark(vid):#010x} @{WORKING} {marked(vid, marks)}" for vid in order
    ]
    return [*tried, f"goto {_order_chain(name, ())}" if rest else marked(order[0], marks)]


def _hashes(pool: Pool, name: str, marks: Marks, role: Role) -> Iterator[str]:
    """Yield the rules of a pool: a flow that is on a VID of it which works stays there, all else goes by its slot."""
    if pool.sticky is Sticky.FLOW:
        own = f"ct mark and {marks.flow_mask:#010x}"
        members = ", ".join(f"{marks.flow_mark(vid):#010x} : goto {chain_of(vid)}" for vid in sorted(pool.vids))
        yield f"{own} @{WORKING} {own} vmap {{ {members} }}"
    near, far = ("daddr", "saddr") if role is Role.CONTROLLED else ("saddr", "daddr")
    ports = "th dport . th sport" if role is Role.CONTROLLED else "th sport . th dport"
    with_ports = f"meta l4proto {{ {', '.join(map(str, PROTOCOLS_WITH_PORTS))} }}"
    for family, header in ((4, "ip"), (6, "ip6")):
        source, pair = f"{header} {near}", f"{header} {near} . {header} {far}"
        slot = f"mod {SLOTS} seed {SEED:#x} vmap @{name}"
        if pool.sticky is Sticky.FLOW:
            yield f"meta nfproto ipv{family} {with_ports} jhash {pair} . {ports} {slot}"
        yield f"meta nfproto ipv{family} jhash {source if pool.sticky is Sticky.SOURCE else pair} {slot}"
