"""Balancing within a step: which of its VIDs a flow takes, by a hash, such that as few flows as can be ever move.

A hash makes a slot of what must stay together: of a flow, of a source, or of a source and its destination. Every slot
has an order of the step's VIDs, and takes the first of them that works. So when a VID dies only its slots move, each to
its own next one, and when it comes back just those return. The orders are made such that the slots are divided by the
weights: exactly (by largest remainder) while all work, and within a slot or two for any of them that are left.

An order depends on nothing but the step, so that all gateways have the same, whatever each has lived through. Within
that it follows a race that every VID runs anew in every slot, faster by its weight (weighted rendezvous): another
weight moves hardly more slots than must move.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from linkbalancer.links import Vid
from linkbalancer.routing.application import Application, Member, Step, steps_in_words
from linkbalancer.routing.handover import Form
from linkbalancer.routing.sticky import Sticky

SLOTS: Final = 1024
"""Slots of a step: one is a thousandth of its flows."""

DEPTH: Final = 4
DEPTH_OF_MANY: Final = 3
MANY: Final = 7
"""So many VIDs have their place in a slot's own order, less of `MANY` or more; then comes one order for all slots.

Each order is a chain in the kernel: of eight VIDs there are 336 to a depth of three, and 1680 to one of four.
"""

MEMBERS_MAX: Final = 24
"""VIDs of one step: the kernel's name for it has 255 letters at most."""

Order: TypeAlias = tuple[Vid, ...]
"""VIDs, the most preferred first."""

_Carry: TypeAlias = dict[tuple[frozenset[Vid], Vid], Fraction]
"""What roundings owe: by the VIDs that were passed over, and the one that is next."""

_FRACTION_BITS: Final = 16
_SCALE_BITS: Final = 32
_SLOTS_A_DIGEST: Final = 8


@dataclass(frozen=True, slots=True)
class Pool:
    """A balanced step and what it keeps together: one for all applications that have both alike."""

    step: Step
    sticky: Sticky

    @property
    def vids(self) -> Order:
        """The VIDs of the step, as they are written."""
        return tuple(member.vid for member in self.step)

    def __str__(self) -> str:
        """Write it for people: `1*3+2`."""
        return step_in_words(self.step)


Target: TypeAlias = Vid | Pool
"""Where an application is pointed: a VID, or a balanced step."""


class Aim(NamedTuple):
    """Where an application is pointed, and in which form; that of a balanced step is always to move."""

    to: Target
    form: Form = Form.MOVE


def vids_of(to: Target) -> Order:
    """Return the VIDs of a target."""
    return to.vids if isinstance(to, Pool) else (to,)


def target(step: Step, sticky: Sticky) -> Target:
    """Return what a step is to the kernel."""
    return Pool(step, sticky) if len(step) > 1 else step[0].vid


def targets(application: Application) -> tuple[Target, ...]:
    """Return what each step of an application is to the kernel."""
    return tuple(target(step, application.sticky) for step in application.steps)


def pools(applications: Iterable[Application]) -> tuple[Pool, ...]:
    """Return the pools that applications need, each once, in an order that depends on nothing else."""
    found = {to for one in applications for to in targets(one) if isinstance(to, Pool)}
    return tuple(sorted(found, key=rank))


def rank(pool: Pool) -> tuple[Order, str, str]:
    """Return what pools are sorted by."""
    return pool.vids, str(pool), pool.sticky


def passed_over(step: Step) -> Order:
    """Return the order for a slot whose own VIDs are all dead: the heaviest first."""
    return tuple(member.vid for member in sorted(step, key=lambda one: (-one.weight, one.vid)))


@lru_cache(maxsize=64)
def orders(step: Step) -> tuple[Order, ...]:
    """Return the order of each slot: the VIDs, or the first few of them (`DEPTH`).

    The same for the same members, however they are listed.
    """
    found: list[Order] = [()] * SLOTS
    carry: _Carry = {}
    groups: dict[Order, list[int]] = {(): list(range(SLOTS))}
    for _place in range(min(DEPTH if len(step) < MANY else DEPTH_OF_MANY, len(step))):
        divided: dict[Order, list[int]] = {}
        for before, slots in sorted(groups.items()):
            left = sorted((one for one in step if one.vid not in before), key=lambda one: one.vid)
            quotas = _quotas(len(slots), left, frozenset(before), carry)
            for vid, own in _race(slots, left, quotas).items():
                if own:
                    divided[*before, vid] = own
        groups = divided
    for order, slots in groups.items():
        for slot in slots:
            found[slot] = order
    return tuple(found)


def order_of(step: Step, slot: int) -> Order:
    """Return all VIDs of a step in the order in which a slot takes them."""
    return tuple(dict.fromkeys((*orders(step)[slot], *passed_over(step))))


def owner(step: Step, slot: int, working: Collection[Vid]) -> Vid | None:
    """Return the VID that a slot's flows take while just these work; None when none of the step does."""
    return next((vid for vid in order_of(step, slot) if vid in working), None)


def step_in_words(step: Step) -> str:
    """Write a step as a rule file does: `1*3+2`."""
    return steps_in_words((step,))[1:-1]


def slots_of(step: Step, working: Collection[Vid]) -> dict[Vid, int]:
    """Return how many of the `SLOTS` each VID of the step has that works; nothing when none does."""
    counts = dict.fromkeys((member.vid for member in step if member.vid in working), 0)
    for slot in range(SLOTS if counts else 0):
        vid = owner(step, slot, working)
        assert vid is not None, "one of its VIDs works, and every order comes to all of them"
        counts[vid] += 1
    return counts


def wanted(step: Step, working: Collection[Vid]) -> dict[Vid, Fraction]:
    """Return the share of each VID that works, as the weights say it."""
    left = [member for member in step if member.vid in working]
    whole = sum(member.weight for member in left)
    return {member.vid: Fraction(member.weight, whole) for member in left}


def _quotas(slots: int, members: Sequence[Member], before: frozenset[Vid], carry: _Carry) -> dict[Vid, int]:
    """Divide slots by weights, by largest remainder, and make good what earlier roundings owe.

    Slots whose earlier VIDs are the same in another order meet again when those are dead: they share what is owed.
    """
    whole = sum(member.weight for member in members)
    exact = {
        one.vid: Fraction(slots * one.weight, whole) + carry.get((before, one.vid), Fraction(0)) for one in members
    }
    quotas = {vid: max(0, int(share)) for vid, share in exact.items()}
    while (rest := slots - sum(quotas.values())) > 0:
        for vid in sorted(exact, key=lambda one: (quotas[one] - exact[one], one))[:rest]:
            quotas[vid] += 1
    while (rest := sum(quotas.values()) - slots) > 0:
        for vid in sorted((one for one in exact if quotas[one]), key=lambda one: (exact[one] - quotas[one], one))[
            :rest
        ]:
            quotas[vid] -= 1
    carry.update({(before, vid): share - quotas[vid] for vid, share in exact.items()})
    return quotas


def _race(slots: Sequence[int], members: Sequence[Member], quotas: dict[Vid, int]) -> dict[Vid, list[int]]:
    """Give each VID as many slots as its quota: the first finish of all, of those whose slot and quota are open."""
    finishes = sorted(
        ((_times(one.vid)[slot] << _FRACTION_BITS) // one.weight, one.vid, slot) for one in members for slot in slots
    )
    won: dict[Vid, list[int]] = {one.vid: [] for one in members}
    taken: set[int] = set()
    for _time, vid, slot in finishes:
        if slot not in taken and len(won[vid]) < quotas[vid]:
            won[vid].append(slot)
            taken.add(slot)
    return won


@lru_cache(maxsize=256)
def _times(vid: Vid) -> tuple[int, ...]:
    """Return how long a VID of weight 1 takes in each slot: exponentially distributed integers, alike anywhere."""
    found: list[int] = []
    for block in range(SLOTS // _SLOTS_A_DIGEST):
        digest = hashlib.sha256(f"linkbalancer balance {vid} {block}".encode()).digest()
        found += [
            _negative_logarithm(int.from_bytes(digest[at : at + 4]) + 1) for at in range(0, 4 * _SLOTS_A_DIGEST, 4)
        ]
    return tuple(found)


def _negative_logarithm(value: int) -> int:
    """Return -log2(value / 2**32) for 1 to 2**32, in 65536ths; by squaring, for a float could differ elsewhere."""
    whole = value.bit_length() - 1
    mantissa = (value << _SCALE_BITS) >> whole
    fraction = 0
    for _bit in range(_FRACTION_BITS):
        mantissa = (mantissa * mantissa) >> _SCALE_BITS
        over = mantissa >> (_SCALE_BITS + 1)
        fraction = fraction << 1 | over
        mantissa >>= over
    return ((_SCALE_BITS - whole) << _FRACTION_BITS) - fraction
