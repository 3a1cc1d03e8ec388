"""What a drain would do, told from a status before anything is done: which VIDs move, and which have nowhere to go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
    vids = tuple(
        vid for vid, group in groups.items() if group["link"] is not None and _is_meant(vid, group, kind, name)
    )
    moving = tuple(vid for vid in vids if _moves(groups[vid]))
    alone = tuple(vid for vid in moving if not _others(status, groups[vid]))
    lines = tuple(_line(status, vid, moves=vid in moving, alone=vid in alone) for vid in vids)
    return Outlook(vids, moving, alone, lines or ("no VID is on it: nothing moves",))


def applications_on(status: Mapping[str, Any], vid: str) -> str:
    """Name the applications that are on a VID, ` (web, voip)`; empty where there are none."""
    names = [name for name, application in status["applications"].items() if str(application["vid"]) == vid]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f" ({shown})" if names else ""


def _is_meant(vid: str, group: Mapping[str, Any], kind: str, name: str) -> bool:
    return kind == "node" or (vid == name if kind == "vid" else group["link"] == name)


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
        return f"{name} moves to another gateway, at both ends of {group['link']}"
    if group["works"]:
        return f"{name} is on {group['master']} and stays there"
    return f"{name} does not work now, and this gateway will not take it"
