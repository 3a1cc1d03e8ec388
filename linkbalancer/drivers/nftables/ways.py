"""The chains of a VID as nft text: how a packet takes it, and what becomes of the flows that took another one before.

A packet is sent to its application's VID first (`vid_`, a mark and nothing else). What its flow does then is decided by
a base chain of its own, right after that: the kernel walks everything below an application's element for every
application, whenever one of them is pointed elsewhere, so as little as can be stands there.

A connection's mark remembers the VID that it took last (the flow's bits). `standing` leads from there to that VID's
`stay_` chain, for each VID that works. Where its application has another one now, the flow follows, or

    in `keeps`    stays on its VID while that works
    in `resets`   is told to end, once, and begins anew; what it says to end itself is let through

A flow whose source is translated stays while it can, until its entry is deleted: by another VID it would be sent with
an address that its answers do not come back to. What has a translated way told of it, `translation` says.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from linkbalancer.links import Vid
from linkbalancer.routing.marks import Marks

STANDING: Final = "standing"
WORKING: Final = "working"
"""The VIDs that work, as the bits of a connection's mark: balanced steps are divided among those."""
KEEPS: Final = "keeps"
RESETS: Final = "resets"
MOVED: Final = "moved"
"""The applications that were pointed elsewhere since the table was made: their TCP connections began on another VID."""
VID: Final = "vid_"
STAY: Final = "stay_"
FOLLOW: Final = "follow_"
HOOKS: Final = {"flows": ("prerouting", "filter"), "own_flows": ("output", "route")}
"""The base chains that come right after those which steer: their hooks, and of which type they are."""

_END: Final = "end"
_ALL_BITS: Final = 0xFFFFFFFF
_REFUSED: Final = "icmpx type admin-prohibited"


def objects(table: str) -> Iterator[str]:
    """Yield the lines that make what the chains refer to; what is there stays as it is."""
    yield f"add map inet {table} {STANDING} {{ type mark : verdict; }}"
    yield from (f"add set inet {table} {name} {{ type mark; }}" for name in (WORKING, KEEPS, RESETS, MOVED))
    for name, (hook, kind) in HOOKS.items():
        yield f"add chain inet {table} {name} {{ type {kind} hook {hook} priority mangle + 1; policy accept; }}"


def chains(vids: Iterable[Vid], marks: Marks) -> Iterator[tuple[str, list[str]]]:
    """Yield every chain with its rules; each leads only to those before it."""
    some = tuple(vids)
    flow, application = f"ct mark and {marks.flow_mask:#010x}", f"ct mark and {marks.connection_mask:#010x}"
    forgotten = f"ct mark set ct mark and {_ALL_BITS & ~marks.flow_mask:#010x}"
    yield (
        _END,
        [
            f"tcp flags & rst != 0 {flow} vmap @{STANDING}",
            "tcp flags & rst != 0 accept",
            "ct status snat meta l4proto tcp reject with tcp reset",
            f"ct status snat reject with {_REFUSED}",
            f"meta l4proto tcp {forgotten} reject with tcp reset",
            f"{forgotten} reject with {_REFUSED}",
        ],
    )
    for vid in some:
        mine = f"{marks.flow_mark(vid):#010x}"
        yield f"{VID}{vid}", [marked(vid, marks)]
        yield f"{STAY}{vid}", [marked(vid, marks)]
        yield (
            f"{FOLLOW}{vid}",
            [
                f"{flow} == {mine} accept",
                f"{flow} == 0 {forgotten} or {mine} accept",
                f"{application} @{KEEPS} {flow} vmap @{STANDING}",
                f"{application} @{RESETS} goto {_END}",
                f"ct status snat {flow} vmap @{STANDING}",
                "ct status snat drop",
                f"{forgotten} or {mine}",
            ],
        )
    ways = ", ".join(f"{marks.packet_mark(vid):#010x} : goto {FOLLOW}{vid}" for vid in some)
    for name in HOOKS:
        yield name, [f"meta mark and {marks.packet_mask:#010x} vmap {{ {ways} }}"] if ways else []


def marked(vid: Vid, marks: Marks) -> str:
    """Return the rule that has a packet take a VID."""
    keep = _ALL_BITS & ~marks.packet_mask
    return f"meta mark set meta mark and {keep:#010x} or {marks.packet_mark(vid):#010x} accept"


def names(vid: Vid) -> list[str]:
    """Return the chains of a VID in the order in which they can be deleted."""
    return [f"{FOLLOW}{vid}", f"{STAY}{vid}", f"{VID}{vid}"]
