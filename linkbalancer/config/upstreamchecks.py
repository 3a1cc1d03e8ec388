"""What the keys of a static group must be together, and which keys say nothing in it, or in the others."""

from collections.abc import Iterator

from linkbalancer.config.outline import Complaint, Outline
from linkbalancer.config.parts import Part
from linkbalancer.config.quantities import write_duration
from linkbalancer.config.translating import KEYS as TRANSLATING
from linkbalancer.config.upstream import KEYS, GatewayProbe
from linkbalancer.links import Family, GroupId

_SAY_SOMETHING = KEYS | {"mode", "device", *TRANSLATING}


def check(outline: Outline) -> Iterator[Complaint]:
    """Yield everything that is wrong with static groups."""
    for group, one in outline.groups.items():
        if one.knows("mode"):
            yield from _static(group, one) if one["mode"] == "static" else _other(one)


def _other(group: Part) -> Iterator[Complaint]:
    for key in sorted(KEYS & group.given):
        what = f"{key} says something in a static group alone"
        yield Complaint((*group.path, key), what, "remove it, or write mode: static", at_key=True)


def _static(group_id: GroupId, group: Part) -> Iterator[Complaint]:
    path = group.path
    if group_id.family is Family.IPV6:
        yield Complaint(path, "a static group of IPv6 is not steered", "give it a VID of IPv4", at_key=True)
    for key in sorted(group.given - _SAY_SOMETHING):
        what = f"{key} says nothing in a static group, which has no VRRP"
        yield Complaint((*path, key), what, "remove it, or the mode: static", at_key=True)
    if group.knows("gateway") and group["gateway"] is None:
        yield Complaint(path, "the static group has no gateway", "add gateway, its address", at_key=True)
    if group.knows("interval", "timeout"):
        yield from _times(group)
    if group.knows("probes"):
        probes: tuple[GatewayProbe, ...] = group["probes"]
        for index, probe in enumerate(probes):
            yield from _probe((*path, "probes", index), probe)
        if group.knows("quorum") and group["quorum"] is not None and group["quorum"] > max(1, len(probes)):
            what = f"the quorum is {group['quorum']} of {max(1, len(probes))} probes"
            yield Complaint((*path, "quorum"), what, "use at most as many as there are probes")


def _times(group: Part) -> Iterator[Complaint]:
    path = group.path
    for key in ("interval", "timeout"):
        if group[key] == 0:
            yield Complaint((*path, key), f"the {key} is nothing", "write such as 1s")
    if group["timeout"] is not None and group["timeout"] > group["interval"]:
        what = f"the timeout is longer than the interval ({write_duration(group['interval'])})"
        remedy = "a probe begins when the one before has ended: make the interval as long"
        yield Complaint((*path, "timeout"), what, remedy, warning=True)


def _probe(path: tuple[str | int, ...], probe: GatewayProbe) -> Iterator[Complaint]:
    if len(probe.kinds) != 1:
        what = "a probe of no kind" if not probe.kinds else f"a probe of two kinds: {' and '.join(probe.kinds[:2])}"
        yield Complaint(path, what, "write one of arp: true, icmp, tcp, dns, http in each entry")
    if probe.http is not None and probe.http.server is None:
        what = f"where {probe.http.host} is, is not said"
        yield Complaint((*path, "http"), what, "add address: probes look no name up", at_key=True)
