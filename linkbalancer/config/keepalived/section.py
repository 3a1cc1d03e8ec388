"""Groups whose VRRP a Keepalived on this host runs: the section `keepalived`, and what such groups must be."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from linkbalancer.config.checks import Complaint
from linkbalancer.config.fields import File, UserGroup, reading
from linkbalancer.config.findings import FieldError, as_text, shown
from linkbalancer.config.parts import Part
from linkbalancer.links import Family, GroupId

FOLDER: Final = "keepalived"
"""Where the FIFO and the track files are, in the run directory: in memory, for a boot leaves nothing that counts."""

FIFO: Final = "notify"
"""The FIFO's name there."""

OWNER: Final = 255

MODE: Final = "keepalived"

_INSTANCE: Final = re.compile(r"[^\s\"'{}#!$@~\\]{1,64}")


def parse_instance(raw: object) -> str:
    """Read the name of a vrrp_instance.

    Raises:
        FieldError: It cannot be one.
    """
    remedy = "write the word after vrrp_instance"
    word = as_text(raw, "instance", remedy)
    if not _INSTANCE.fullmatch(word) or not word.isprintable():
        raise FieldError(
            f"the instance {shown(word)} cannot be", f"{remedy}: up to 64 characters, no blanks, no quotes"
        )
    return word


InstanceName: TypeAlias = Annotated[
    str,
    BeforeValidator(reading(parse_instance)),
    WithJsonSchema({"type": "string", "pattern": f"^{_INSTANCE.pattern}$"}),
]


class Keepalived(BaseModel):
    """How this gateway and the Keepalived on its host talk; what is None is in the run directory."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)

    config: File = "/etc/keepalived/linkbalancer.conf"
    fifo: File | None = None
    track_dir: File | None = None
    user: UserGroup | None = None


def track_file(group: GroupId) -> str:
    """Return the name of a group's track file: its VRID, and its family if that is IPv6."""
    return f"{group.vid}-ipv6" if group.family is Family.IPV6 else str(group.vid)


def check_keepalived(groups: Mapping[Any, Part], section: Part) -> Iterator[Complaint]:
    """Yield what is wrong with the groups of mode `keepalived`, and with what is said for others."""
    instances: dict[str, object] = {}
    for group, one in groups.items():
        if not one.knows("mode"):
            continue
        if one["mode"] != MODE:
            if "instance" in one.given:
                what = "instance says nothing in a group that no Keepalived runs"
                yield Complaint((*one.path, "instance"), what, f"remove it, or write mode: {MODE}", at_key=True)
            continue
        if one.knows("instance"):
            yield from _instance(group, one, instances)
        if one.knows("priority") and one["priority"] == OWNER:
            what = "priority 255 is the addresses' owner, whom no track file moves"
            yield Complaint((*one.path, "priority"), what, "use 1 to 254, here and in Keepalived's configuration")
    if section.given and not any(one.knows("mode") and one["mode"] == MODE for one in groups.values()):
        what = f"no group has mode: {MODE}"
        yield Complaint(section.path, what, "give one that mode, or remove the section", at_key=True, warning=True)


def _instance(group: object, one: Part, instances: dict[str, object]) -> Iterator[Complaint]:
    name = one["instance"]
    if name is None:
        remedy = "write instance: and the name that its vrrp_instance has"
        yield Complaint(one.path, "Keepalived's name for the group is missing", remedy, at_key=True)
    elif name in instances:
        what = f"the instance {name} is group {instances[name]}'s already"
        yield Complaint((*one.path, "instance"), what, "give each group its own")
    else:
        instances[name] = group
