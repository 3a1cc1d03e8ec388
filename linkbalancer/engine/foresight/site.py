"""The gateways of two sites as their configurations have them, and what has to be assumed where a file is missing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from ipaddress import IPv4Address

from linkbalancer.config.model import Config, Group
from linkbalancer.config.ways import carries_ipv6, twins
from linkbalancer.health.influence import HIGHEST, Influence, effective
from linkbalancer.links import DeviceName, GroupId, LinkName, NodeName, OnProbeLoss, Role
from linkbalancer.routing.application import Application
from linkbalancer.weights.view import BEST, LEAST

SIDES: Mapping[Role, str] = {Role.CONTROLLER: "near", Role.CONTROLLED: "far", Role.STANDALONE: "here"}
"""What the LAN of each role is called: gateways of one role are taken to stand on one."""

LAN = "lan"
"""The LAN device of a gateway whose file is missing."""


class SiteError(Exception):
    """The configurations do not fit together; the argument says what is wrong, and the remedy."""


@dataclass(frozen=True, slots=True)
class Member:
    """A gateway's part in a group.

    `votes`: it takes part in the election, else it observes, or (`upstream`) the group is a plain gateway's. `legs` are
    the devices without which it is in Fault: its own, and those of its sync group. `priority` is the one with every
    tracker good, `lowest` and `highest` what trackers, and the weights of its link, can make of it.
    `ipv6`: whether IPv6 packets get on by its own way; False is refused, None as its main table says.
    """

    device: DeviceName
    votes: bool
    link: LinkName | None = None
    priority: int = 0
    lowest: int = 0
    highest: int = 0
    upstream: str | None = None
    legs: frozenset[DeviceName] = frozenset()
    weights: tuple[str, ...] = ()
    ipv6: bool | None = None


@dataclass(frozen=True)
class Gateway:
    """One gateway: `lans` are its LAN devices, `addresses` its own there where known.

    `links` says of each what this end does with its groups when it is closed; `steers_ipv6`, whether IPv6 goes by VIDs.
    """

    name: NodeName
    role: Role
    members: Mapping[GroupId, Member]
    links: Mapping[LinkName, OnProbeLoss] = field(default_factory=dict)
    addresses: Mapping[DeviceName, IPv4Address] = field(default_factory=dict)
    lans: tuple[DeviceName, ...] = ()
    steers_ipv6: bool = False

    @cached_property
    def devices(self) -> tuple[DeviceName, ...]:
        """Its LAN devices, and those that plain gateways are behind."""
        return tuple(dict.fromkeys((*self.lans, *(one.device for one in self.members.values()))))


@dataclass(frozen=True)
class Site:
    """Everything that is known. `whole`: there is no gateway beside these; else `notes` say what is missing.

    `ipv4_only` are the applications that no IPv6 packet belongs to.
    """

    name: str
    gateways: tuple[Gateway, ...]
    applications: Mapping[str, Application]
    whole: bool = True
    notes: tuple[str, ...] = ()
    ipv4_only: frozenset[str] = frozenset()

    @cached_property
    def ends(self) -> Mapping[LinkName, tuple[Gateway, Gateway]]:
        """The two gateways of each link."""
        found: dict[LinkName, list[Gateway]] = {}
        for gateway in self.gateways:
            for link in gateway.links:
                found.setdefault(link, []).append(gateway)
        return {link: (one, other) for link, (one, other) in found.items()}

    @cached_property
    def groups(self) -> tuple[tuple[Role, GroupId, tuple[Gateway, ...]], ...]:
        """Every group that is elected on a side, with the gateways that take part."""
        found: dict[tuple[Role, GroupId], list[Gateway]] = {}
        for gateway in self.gateways:
            for group, member in gateway.members.items():
                if member.upstream is None:
                    found.setdefault((gateway.role, group), []).extend([gateway] if member.votes else [])
        far_first = sorted(found, key=lambda one: (one[0] is Role.CONTROLLER, one[0], one[1]))
        return tuple((role, group, tuple(found[role, group])) for role, group in far_first)

    @cached_property
    def roles(self) -> tuple[Role, ...]:
        """The sides that there are, near before far."""
        return tuple(role for role in SIDES if any(one.role is role for one in self.gateways))


def site_of(
    name: str,
    configs: Mapping[NodeName, Config],
    applications: Mapping[str, Application],
    addresses: Mapping[NodeName, Mapping[DeviceName, IPv4Address]],
    ipv4_only: frozenset[str] = frozenset(),
) -> Site:
    """Join configurations to a site; an end of a link whose file is missing is assumed to mirror the other.

    `addresses` are those of gateways on their LANs, as far as they are known: they break ties.

    Raises:
        SiteError: they do not fit together.
    """
    given = [_gateway(config, addresses.get(node, {})) for node, config in configs.items()]
    assumed = [_mirrored(link, end) for link, end in _open_ends(configs, given)]
    notes = [
        f"{one.name} has no file here: it is taken for the mirror of {end}, with its VIDs and priorities; "
        "name its file, or its directory, as well if you have it"
        for one, end in zip(assumed, (end.name for _, end in _open_ends(configs, given)), strict=True)
    ]
    missing, weighed = list(_missing(configs)), list(_weighed(configs))
    gateways = tuple(_moved(one, weighed) for one in (*given, *assumed))
    asking = [app for app, one in applications.items() if one.sla is not None]
    if asking:
        more = f" and {len(asking) - 1} more" if len(asking) > 1 else ""
        notes.append(f"{asking[0]}{more} ask for a service level (sla=): here every link keeps it")
    notes += [*missing, *(one.note for one in weighed)]
    return Site(name, gateways, applications, not (assumed or missing), tuple(notes), ipv4_only)


def _gateway(config: Config, addresses: Mapping[DeviceName, IPv4Address]) -> Gateway:
    together = {group: sync.groups for sync in config.sync_groups.values() for group in sync.groups}
    numbers = {name for name, tracker in config.trackers.items() if tracker.number}
    members = {}
    for group, one in config.groups.items():
        legs = frozenset(config.groups[other].device for other in together.get(group, (group,)))
        member = _member(one, config.influences[group], numbers, config.role)
        members[group] = replace(member, legs=legs, ipv6=carries_ipv6(config, one))
    linked = {} if config.role is Role.STANDALONE else config.links
    links = {name: link.on_probe_loss for name, link in linked.items()}
    lans = dict.fromkeys((*(one.device for one in members.values() if one.upstream is None), *config.lans))
    steers_ipv6 = twins(config) is not None
    return Gateway(config.node, config.role, members, links, addresses, tuple(lans), steers_ipv6)


def _member(group: Group, influences: Mapping[str, Influence], numbers: set[str], role: Role) -> Member:
    if group.mode == "static":
        return Member(group.device, votes=False, upstream=str(group.gateway))
    if group.mode == "observe":
        return Member(group.device, votes=False)
    floor = 2 if role is Role.CONTROLLED else 1
    good, least, most = [], [], []
    for name, one in influences.items():
        # What reads a number is good at 0, and may add anything.
        either = (one.adds(ok=True), one.adds(ok=False))
        good.append(0 if name in numbers else either[0])
        least.append(-HIGHEST if name in numbers and one.weight else min(either))
        most.append(HIGHEST if name in numbers and one.weight else max(either))
    return Member(
        group.device,
        votes=True,
        link=group.link,
        priority=effective(group.priority, good, lowest=floor),
        lowest=effective(group.priority, least, lowest=floor),
        highest=effective(group.priority, most, lowest=floor),
        weights=tuple(f"{name} {one}" for name, one in influences.items() if one.weight),
    )


def _open_ends(configs: Mapping[NodeName, Config], given: list[Gateway]) -> Iterator[tuple[LinkName, Gateway]]:
    """Yield the links that end at one given gateway alone; check that the others fit."""
    ends: dict[LinkName, list[Gateway]] = {}
    for gateway in given:
        for link in gateway.links:
            ends.setdefault(link, []).append(gateway)
    for link, gateways in ends.items():
        names = " and ".join(one.name for one in gateways)
        if len(gateways) > 2:
            raise SiteError(f"link {link} ends at {names}; a link has two ends: give each link a name of its own")
        if len(gateways) == 1:
            yield link, gateways[0]
            continue
        one, other = (configs[gateway.name].links[link] for gateway in gateways)
        if gateways[0].role is gateways[1].role:
            raise SiteError(f"link {link}: {names} are both {gateways[0].role}; one end must be the controller")
        if (one.local, one.peer) != (other.peer, other.local):
            raise SiteError(f"link {link}: {names} must have each other's address as their peer")


@dataclass(frozen=True, slots=True)
class _Weighed:
    """What the controller of a link makes of the far end's priorities: of each group the lowest and the highest."""

    by: NodeName
    link: LinkName
    ranges: Mapping[GroupId, tuple[int, int]]

    @property
    def note(self) -> str:
        vids = ", ".join(map(str, sorted(self.ranges)))
        return (
            f"{self.by} weighs link {self.link} for VID {vids}: the far priorities follow what is measured; "
            "here they are as configured"
        )


def _weighed(configs: Mapping[NodeName, Config]) -> Iterator[_Weighed]:
    for config in configs.values():
        for link in config.links:
            groups = config.weights(link).groups
            if groups:
                mappings = {group: one.mapping for group, one in groups.items()}
                ranges = {group: (one.priority(LEAST), one.priority(BEST)) for group, one in mappings.items()}
                yield _Weighed(config.node, link, ranges)


def _moved(gateway: Gateway, weighed: Iterable[_Weighed]) -> Gateway:
    """Return a gateway with the priorities that weights can give its members."""
    far = gateway.role is Role.CONTROLLED
    ranges = {group: both for one in weighed if far and one.link in gateway.links for group, both in one.ranges.items()}
    members = {
        group: replace(one, lowest=min(one.lowest, *ranges[group]), highest=max(one.highest, *ranges[group]))
        if group in ranges
        else one
        for group, one in gateway.members.items()
    }
    return replace(gateway, members=members)


def _mirrored(link: LinkName, end: Gateway) -> Gateway:
    """Return the gateway that must be at the other end of a link, as far as can be said."""
    members = {
        group: replace(one, device=LAN, legs=frozenset({LAN}), weights=(), lowest=one.priority, highest=one.priority)
        for group, one in end.members.items()
        if one.link == link
    }
    links = {link: end.links[link]}
    return Gateway(f"peer-of-{link}", end.role.opposite, members, links, lans=(LAN,), steers_ipv6=end.steers_ipv6)


def _missing(configs: Mapping[NodeName, Config]) -> Iterator[str]:
    """Yield a sentence for each gateway whose LAN has more gateways than there are files."""
    for config in configs.values():
        elected = {one.device for one in config.groups.values() if one.mode != "static"}
        others = [address for device, lan in config.lans.items() if device in elected for address in lan.members]
        given = sum(one.role is config.role for one in configs.values()) - 1
        if len(set(others)) > given or (elected and not others and len(configs) == 1):
            listed = f" ({', '.join(map(str, others))})" if others else ""
            yield (
                f"the files of other gateways on the LAN of {config.node}{listed} are missing: "
                "what they would take over is not known"
            )
