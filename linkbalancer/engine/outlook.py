"""What a drain would do, and what it has done, told from a status: which VIDs move, and which have nowhere to go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from linkbalancer.engine.drain import KINDS, WORDS


@dataclass(frozen=True, slots=True)
class Outlook:
    """`vids` are touched, `moving` of them are carried here, `alone` of those have nobody else to take them."""

    vids: tuple[str, ...]
    moving: tuple[str, ...]
    alone: tuple[str, ...]
    lines: tuple[str, ...]


def outlook(status: Mapping[str, Any], kind: str, name: str) -> Outlook:
    """Return what draining a link, a VID or the node (`kind`, `name`) does to a gateway that has this status."""
    groups: Mapping[str, Any] = status["groups"]
    vids = tuple(vid for vid, group in groups.items() if _takes_part(group) and _is_meant(vid, group, kind, name))
    moving = tuple(vid for vid in vids if _moves(groups[vid]))
    alone = tuple(vid for vid in moving if not _others(status, groups[vid]))
    lines = tuple(_line(status, vid, moves=vid in moving, alone=vid in alone) for vid in vids)
    return Outlook(vids, moving, alone, lines or ("no VID is on it: nothing moves",))


def applications_on(status: Mapping[str, Any], vid: str) -> str:
    """Name the applications that are on a VID, ` (web, voip)`; empty where there are none."""
    names = [name for name, application in status["applications"].items() if str(application["vid"]) == vid]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f" ({shown})" if names else ""


def offers(status: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what can be drained at a gateway: kinds and names."""
    # Both families of a VID are drained together.
    vids = dict.fromkeys(_vid(name) for name, group in status["groups"].items() if _takes_part(group))
    links = (("link", name) for name in status["links"])
    return [*links, *(("vid", vid) for vid in vids), ("node", status["node"])]


def resolve(what: str, known: Sequence[tuple[str, str]]) -> tuple[str, str] | str:
    """Find what a person means by `l1`, `vid 1`, `1`, `link l1`, a gateway's name; else say why it is unclear."""
    first, _, rest = what.strip().partition(" ")
    word = "node" if first.lower() == "gateway" else first.lower()
    kind, name = (word, rest.strip()) if rest and word in KINDS else (None, what.strip())
    found = [one for one in known if one[1] == name and kind in {None, one[0]}]
    if len(found) > 1:
        return f"{what!r} may mean {' or '.join(map(called, found))}: say which"
    return found[0] if found else f"there is no link, VID or gateway {what!r}"


def called(one: tuple[str, str]) -> str:
    """Return what people call what can be drained: link l1, VID 3, gateway b1."""
    return f"{WORDS[one[0]]} {one[1]}"


def is_known(status: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    """Whether a gateway has what an entry names."""
    return (entry["kind"], entry["name"]) in offers(status)


def kept(status: Mapping[str, Any], vids: Sequence[str]) -> list[str]:
    """Return those of some VIDs that no other gateway of this LAN has."""
    return [vid for vid in vids if status["groups"].get(vid, {}).get("master") in {None, "self"}]


def followed(status: Mapping[str, Any], vids: Sequence[str]) -> list[str]:
    """Return those of some VIDs that the far end of this gateway's link still has."""
    peers = {vid: status["groups"].get(vid, {}).get("peer") or {} for vid in vids}
    return [vid for vid, peer in peers.items() if peer.get("state") == "master"]


def _is_meant(vid: str, group: Mapping[str, Any], kind: str, name: str) -> bool:
    return kind == "node" or (_vid(vid) == name if kind == "vid" else group["link"] == name)


def _takes_part(group: Mapping[str, Any]) -> bool:
    """Whether this gateway can give a group up: it has a link, or is a member without one."""
    return group["link"] is not None or group["mode"] in {"member", "keepalived"}


def _vid(group: str) -> str:
    """Return the VID of a group as a status names it: `1` of `1/ipv6`."""
    return group.partition("/")[0]


def _moves(group: Mapping[str, Any]) -> bool:
    """Whether something is carried here: a demoted Master without a link carries nothing that could be lost."""
    return group["master"] == "self" and bool(group["works"]) and not group["drained"]


def _others(status: Mapping[str, Any], group: Mapping[str, Any]) -> bool:
    """Whether another gateway may be there: not, when the LAN's members are configured and none of them answers."""
    members = status["lans"].get(group["device"], {}).get("members", {})
    return not members or any(members.values())


def _line(status: Mapping[str, Any], vid: str, *, moves: bool, alone: bool) -> str:
    group = status["groups"][vid]
    name = f"VID {vid}{applications_on(status, vid)}"
    if group["drained"]:
        return f"{name} is {group['drained']} already"
    if alone:
        return f"{name} has no other gateway: no other member answers on {group['device']}"
    if moves:
        ends = "" if group["link"] is None else f", at both ends of {group['link']}"
        return f"{name} moves to another gateway{ends}"
    if group["works"]:
        return f"{name} is on {group['master']} and stays there"
    return f"{name} does not work now, and this gateway will not take it"
