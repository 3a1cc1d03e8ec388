"""A vrrp_instance: its statements become the keys of a group."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.config.keepalived.addresses import Placed
from linkbalancer.config.keepalived.announcing import Announcing
from linkbalancer.config.keepalived.notices import Notices
from linkbalancer.config.keepalived.statements import Statement
from linkbalancer.config.keepalived.tracking import Tracks, Written
from linkbalancer.config.quantities import write_duration
from linkbalancer.links import Address, Family, GroupId

ADVERT_INTERVAL: Final[Duration] = SECOND
PRIORITY: Final = 100
VIRTUAL_IPS_MAX: Final = 255
TTL: Final = 255
OWNER: Final = 255

CHECKSUM: Final = "rfc5798"
"""What Keepalived sends, and the only form that it accepts; it is likely to be the other router for a while."""

_LEFT_OUT: Final[dict[str, Any]] = {"preempt": True, "preempt_delay": "0s", "accept": True, "virtual_mac": False}
"""What need not be written, for it is so anyway."""

STEP: Final[Duration] = 10 * MILLISECOND
"""What version 3 can tell apart."""

_ANY_TTL: Final = (0, 255)


@dataclass(slots=True)
class Instance:
    """What an instance says; None where it says nothing."""

    name: str
    statement: Statement
    announcing: Announcing
    device: str | None = None
    vid: int | None = None
    version: int | None = None
    priority: int = PRIORITY
    interval: Duration = ADVERT_INTERVAL
    preempt: bool = True
    preempt_delay: Duration = 0
    accept: bool | None = None
    virtual_mac: bool = False
    virtual_ips: list[Placed] = field(default_factory=list)
    excluded_ips: list[Placed] = field(default_factory=list)
    peers: list[Address] = field(default_factory=list)
    ttl: tuple[int, int] = _ANY_TTL
    source: Address | None = None
    source_said: Statement | None = None
    password: bytes | None = None
    authentication: Statement | None = None
    tracks: Tracks = field(default_factory=Tracks)
    notices: Notices = field(default_factory=Notices)

    @property
    def id(self) -> GroupId:
        """Which group it becomes; only of an instance with a VRID and an address."""
        assert self.vid is not None
        return GroupId(self.vid, Family(self.virtual_ips[0].interface.version))


def password_file(group: GroupId) -> str:
    """Return where the password of a group is kept."""
    return f"keys/vrrp-{group.vid}.pass"


def written(found: Instance, *, strict: bool, track: Mapping[str, Written]) -> dict[str, Any]:
    """Return the keys of the group that an instance becomes."""
    assert found.version is not None
    accept = (found.accept if found.accept is not None else not strict) or found.priority == OWNER
    keys: dict[str, Any] = {
        "device": found.device,
        "version": found.version,
        "virtual_ips": [one.written(found.device) for one in found.virtual_ips],
        "excluded_ips": [one.written(found.device) for one in found.excluded_ips],
        "priority": found.priority,
        "advert_interval": write_duration(found.interval),
        "preempt": found.preempt,
        "preempt_delay": write_duration(found.preempt_delay),
        "accept": accept,
        "virtual_mac": found.virtual_mac,
        "unicast": _unicast(found),
        "password_file": None if found.password is None else password_file(found.id),
        "checksum": CHECKSUM if found.version == 3 and found.id.family is Family.IPV4 else None,
        "announce": found.announcing.written(),
        "track": track,
    }
    return {key: value for key, value in keys.items() if value != _LEFT_OUT.get(key, None) and value not in ([], {})}


def _unicast(found: Instance) -> dict[str, Any]:
    if not found.peers:
        return {}
    source = {} if found.source is None else {"source": str(found.source)}
    # Keepalived looks at the TTL of unicast adverts only where it is told to.
    return {"peers": [str(peer) for peer in found.peers], **source, "ttl": list(found.ttl)}
