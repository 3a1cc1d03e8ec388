"""Who is Master of what once everything has settled after some failures, by the rules that the engine goes by.

The far side's election comes first, for it drives everything (mission L3); of the near side it only has to be known who
is in Fault. Both are functions of what is up, so nothing has to be iterated.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from linkbalancer.engine.foresight.failure import Failure, Kind, leg
from linkbalancer.engine.foresight.site import Gateway, Member, Site
from linkbalancer.links import DeviceName, GroupId, GroupState, GroupWord, LinkName, NodeName, Role
from linkbalancer.lvrrp.rules import Stance, Tier, controlled_stance, controller_stance

MAIN = "the main table"
"""The way on from a Master without a link."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a group stands on a side.

    `master` is None where nobody answers for its virtual IPs, `via` where the Master cannot carry packets on.
    `rivals` might be Master as well, for equal priorities here, or on the far side that is followed: no configuration
    decides; `via` then names each way. `contest` are those among whom base priorities decided.
    """

    master: NodeName | None
    via: str | None = None
    rivals: tuple[NodeName, ...] = ()
    contest: frozenset[NodeName] = frozenset()

    @property
    def facts(self) -> tuple[str | None, str | None]:
        """What somebody would notice of it: who may be Master, and the way on."""
        if self.master is None:
            return None, None
        return " or ".join(sorted((self.master, *self.rivals))), self.via


Standings: TypeAlias = Mapping[tuple[Role, GroupId], Standing]


class Condition:
    """What is up at a site after some failures, and what follows for elections."""

    def __init__(self, site: Site, failed: Iterable[Failure] = ()) -> None:
        self.site = site
        self.failed = frozenset(failed)
        self.alive = {one.name: Failure(Kind.GATEWAY, one.name) not in self.failed for one in site.gateways}
        self.open = {
            link: Failure(Kind.LINK, link) not in self.failed and all(self.alive[end.name] for end in ends)
            for link, ends in site.ends.items()
        }

    def has_leg(self, gateway: Gateway, device: DeviceName) -> bool:
        """Whether a gateway runs and has a device."""
        return self.alive[gateway.name] and leg(gateway.name, device) not in self.failed

    def answers(self, upstream: str) -> bool:
        """Whether the plain gateway of a static group answers."""
        return Failure(Kind.UPSTREAM, upstream) not in self.failed

    def fault(self, gateway: Gateway, member: Member) -> str | None:
        """Say why a gateway that runs must not serve a group, None when it may."""
        return next((f"{one} has no carrier" for one in sorted(member.legs) if not self.has_leg(gateway, one)), None)

    def standings(self) -> Standings:
        """Return how every group stands on every side."""
        found: dict[tuple[Role, GroupId], Standing] = {}
        words: dict[tuple[LinkName, GroupId], GroupWord] = {}
        for role, group, members in self.site.groups:  # the far side first
            stances = [(one, self._stance(one, group, words)) for one in members if self.alive[one.name]]
            found[role, group] = standing = self._elected(group, stances)
            far = found.get((Role.CONTROLLED, group))
            if role is Role.CONTROLLER and far is not None:
                found[role, group] = self._following(group, standing, far)
            if role is Role.CONTROLLED:
                for gateway, stance in stances:
                    link = gateway.members[group].link
                    assert link is not None, "members of LVrrp have links"
                    words[link, group] = _word(group, stance, is_master=gateway.name == standing.master)
        return found

    def _stance(self, gateway: Gateway, group: GroupId, words: Mapping[tuple[LinkName, GroupId], GroupWord]) -> Stance:
        member = gateway.members[group]
        fault = self.fault(gateway, member)
        if member.link is None:
            state = GroupState.UNKNOWN if fault is None else GroupState.FAULT
            return Stance(runs=fault is None, priority=member.priority, stopped_as=state, tier=None, reason="")
        controls = gateway.role is Role.CONTROLLER
        peer = words.get((member.link, group)) if controls else self._near_word(member.link, group)
        is_open = self.open[member.link]
        decide = controller_stance if controls else controlled_stance
        return decide(
            base=member.priority,
            link_open=is_open,
            peer=peer if is_open else None,
            fault=fault,
            on_probe_loss=gateway.links[member.link],
        )

    def _near_word(self, link: LinkName, group: GroupId) -> GroupWord | None:
        """Return what the near end of an open link says of a group, as a far end minds it: a Fault or none."""
        near = next(one for one in self.site.ends[link] if one.role is Role.CONTROLLER)
        member = near.members.get(group)
        if member is None or member.link != link:
            return None
        state = GroupState.BACKUP if self.fault(near, member) is None else GroupState.FAULT
        return GroupWord(group.vid, state, 0, 0, family=group.family)

    def _elected(self, group: GroupId, stances: Iterable[tuple[Gateway, Stance]]) -> Standing:
        running = [(gateway, stance) for gateway, stance in stances if stance.runs]
        if not running:
            return Standing(None)
        best = max(stance.priority for _, stance in running)
        equal = [gateway for gateway, stance in running if stance.priority == best]
        # Of two Masters of one priority the higher address stays; unknown ones count by the gateways' names.
        winner = max(equal, key=lambda one: (*_address(one, group), one.name))
        stance = next(stance for gateway, stance in running if gateway is winner)
        rivals = tuple(sorted(one.name for one in equal if one is not winner))
        if stance.tier is Tier.DEAD:
            return Standing(winner.name, None, rivals)
        contest = frozenset(gateway.name for gateway, other in running if other.tier is stance.tier)
        return Standing(winner.name, _either(one.members[group].link or MAIN for one in equal), rivals, contest)

    def _following(self, group: GroupId, standing: Standing, far: Standing) -> Standing:
        """Return how a near side stands: whichever of equal far gateways is Master, the near end of its link is too."""
        if not far.rivals or far.via is None or standing.via is None:
            return standing
        links = {one.members[group].link for one in self.site.gateways if one.name in far.rivals}
        members = next(some for role, of, some in self.site.groups if (role, of) == (Role.CONTROLLER, group))
        others = [one for one in members if one.members[group].link in links and one.name != standing.master]
        via = _either((standing.via, *(one.members[group].link or MAIN for one in others)))
        return replace(standing, via=via, rivals=tuple(sorted({*standing.rivals, *(one.name for one in others)})))


def _either(ways: Iterable[str]) -> str:
    return " or ".join(sorted(set(ways)))


def _address(gateway: Gateway, group: GroupId) -> tuple[int]:
    address = gateway.addresses.get(gateway.members[group].device)
    return (0 if address is None else int(address),)


def _word(group: GroupId, stance: Stance, *, is_master: bool) -> GroupWord:
    """Return what a far gateway says of a group to its near one."""
    running = GroupState.MASTER if is_master else GroupState.BACKUP
    state = running if stance.runs else stance.stopped_as
    return GroupWord(group.vid, state, stance.priority, 0, family=group.family)
