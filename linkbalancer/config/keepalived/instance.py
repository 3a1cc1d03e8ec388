"""A vrrp_instance: its statements become the keys of a group."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.config.findings import printable, shown
from linkbalancer.config.keepalived import addresses, defaults, foreign, values
from linkbalancer.config.keepalived.addresses import Placed
from linkbalancer.config.keepalived.announcing import Announcing
from linkbalancer.config.keepalived.defaults import Defaults
from linkbalancer.config.keepalived.notices import Notices
from linkbalancer.config.keepalived.remarks import Kind
from linkbalancer.config.keepalived.statements import Ledger, Statement
from linkbalancer.config.keepalived.tracking import Tracks, Written
from linkbalancer.config.quantities import write_duration
from linkbalancer.links import Address, Family, GroupId

ADVERT_INTERVAL: Final[Duration] = SECOND
PRIORITY: Final = 100
PASSWORD_MAX: Final = 8
VIRTUAL_IPS_MAX: Final = 255
TTL: Final = 255
OWNER: Final = 255

CHECKSUM: Final = "rfc5798"
"""What Keepalived sends, and the only form that it accepts; it is likely to be the other router for a while."""

_LEFT_OUT: Final[dict[str, Any]] = {"preempt": True, "preempt_delay": "0s", "accept": True, "virtual_mac": False}
"""What need not be written, for it is so anyway."""

_STEP: Final[Duration] = 10 * MILLISECOND
_LONGEST: Final = {2: 255 * SECOND, 3: 4095 * _STEP}
_ANY_TTL: Final = (0, 255)
_LISTS: Final = {
    "virtual_ipaddress", "virtual_ipaddress_excluded", "track_interface", "track_script", "track_file",
    "track_process", "unicast_peer",
}  # fmt: skip
"""What may be said more than once: each time adds to it."""


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


class Reader:
    """Reads one instance, statement by statement."""

    def __init__(self, ledger: Ledger, statement: Statement, general: Defaults) -> None:
        self._ledger, self._general = ledger, general
        name = statement.values[0] if statement.values else ""
        self.found = Instance(printable(name), statement, general.announcing.copy())
        self._said: dict[str, Statement] = {}
        self._ttls: list[tuple[int, int]] = []

    def read(self) -> Instance | None:
        """Return the instance; None, and a remark, where it cannot be a group."""
        found, ledger = self.found, self._ledger
        for one in found.statement.inner():
            self._once(one)
            self._take(one)
        obstacle = self._obstacle()
        if obstacle is not None:
            ledger.lost(found.statement, f"{self._title()} {obstacle[0]}", obstacle[1])
            return None
        ledger.carried(found.statement, 2)
        self._version()
        self._interval()
        self._authentication()
        self._preemption()
        self._source()
        return found

    def _title(self) -> str:
        return f"the instance {shown(self.found.name)}"

    def _obstacle(self) -> tuple[str, str] | None:
        found = self.found
        if not found.name:
            return "has no name", "write it after vrrp_instance"
        if found.vid is None:
            return "has no virtual_router_id", "give it the one of its LAN"
        if found.device is None:
            return "names no interface", "name the one that its adverts are sent on"
        if not found.virtual_ips:
            return "has no virtual_ipaddress", "advertise at least one, or leave it with Keepalived"
        return None

    def _once(self, one: Statement) -> None:
        """Of what can be said but once, the last counts."""
        before = self._said.get(one.keyword)
        if before is not None and one.keyword not in _LISTS:
            line = one.words[0].line
            self._ledger.lost(
                before, f"{one.keyword} is said again in line {line}, which counts", "remove one of the two"
            )
        self._said[one.keyword] = one

    def _take(self, one: Statement) -> None:
        if foreign.told(self._ledger, one, foreign.INSTANCE) or self.found.notices.take(
            self._ledger, one, self._general
        ):
            return
        if one.keyword.startswith("garp_") and self.found.announcing.take(self._ledger, one, one.keyword):
            return
        if self.found.tracks.take(self._ledger, one):
            return
        if not (self._identity(one) or self._election(one) or self._reach(one)):
            self._blocks(one)

    def _identity(self, one: Statement) -> bool:
        ledger, found = self._ledger, self.found
        match one.keyword:
            case "interface":
                name = values.text(ledger, one)
                if name is not None and addresses.is_device(name):
                    found.device = name
                elif name is not None:
                    ledger.lost(one, f"{shown(name)} cannot be a device", "name the device")
            case "virtual_router_id":
                found.vid = values.integer(ledger, one, 1, 255)
            case "version":
                found.version = values.integer(ledger, one, 2, 3)
            case "state":
                what = "state: who is Master is the election's to say"
                ledger.needless(one, what, "give the preferred router the higher priority")
            case _:
                return False
        return True

    def _election(self, one: Statement) -> bool:
        ledger, found = self._ledger, self.found
        match one.keyword:
            case "priority":
                found.priority = values.integer(ledger, one, 1, 255) or PRIORITY
            case "advert_int":
                found.interval = values.seconds(ledger, one, _STEP, 255 * SECOND) or ADVERT_INTERVAL
            case "nopreempt":
                ledger.carried(one, 1)
                found.preempt = False
            case "preempt":
                ledger.carried(one, 1)
                found.preempt = True
            case "preempt_delay":
                found.preempt_delay = values.seconds(ledger, one, 0, 1000 * SECOND) or 0
            case "down_timer_adverts":
                defaults.down_timer(ledger, one)
            case "lower_prio_no_advert":
                defaults.lower_priority(ledger, one)
            case "mcast_dst_ip":
                defaults.multicast(ledger, one)
            case _:
                return False
        return True

    def _reach(self, one: Statement) -> bool:
        ledger, found = self._ledger, self.found
        match one.keyword:
            case "use_vmac":
                self._virtual_mac(one)
            case "accept" | "no_accept":
                ledger.carried(one, 1)
                found.accept = one.keyword == "accept"
            case "strict_mode":
                if values.switch(ledger, one):
                    found.accept = found.priority == OWNER if found.accept is None else found.accept
            case "unicast_ttl":
                if values.integer(ledger, one, 0, 255) not in {TTL, None}:
                    ledger.lost(one, f"unicast_ttl: adverts leave with {TTL}", "let the peers accept that")
            case "mcast_src_ip" | "unicast_src_ip":
                word = values.text(ledger, one)
                found.source, found.source_said = addresses.host(word or ""), one
                if word is not None and found.source is None:
                    ledger.lost(one, f"{shown(word)} is no address", "write such as 192.0.2.1")
            case _:
                return False
        return True

    def _blocks(self, one: Statement) -> None:
        ledger, found = self._ledger, self.found
        match one.keyword:
            case "virtual_ipaddress":
                found.virtual_ips += self._of_one_family(addresses.placed(ledger, one))
            case "virtual_ipaddress_excluded":
                found.excluded_ips += addresses.placed(ledger, one)
            case "unicast_peer":
                self._peers(one)
            case "authentication":
                ledger.carried(one, 1)
                found.authentication = one
            case _:
                pass  # named among the leftovers

    def _of_one_family(self, some: Iterable[Placed]) -> list[Placed]:
        """Return the addresses that can be advertised beside those that are there: of their family, each once."""
        found: list[Placed] = []
        for one in some:
            before = [*self.found.virtual_ips, *found]
            if any(one.interface.ip == other.interface.ip for other in before):
                self._ledger.say(Kind.LOST, one.word, f"{one.interface.ip} is there already", "remove one of the two")
            elif before and one.interface.version != before[0].interface.version:
                what = f"{one.interface.ip} is of another family than {before[0].interface.ip}"
                self._ledger.say(Kind.LOST, one.word, what, "make an instance of its own of it")
            elif len(before) == VIRTUAL_IPS_MAX:
                what = f"an advert holds {VIRTUAL_IPS_MAX} addresses, not {one.interface.ip} too"
                self._ledger.say(Kind.LOST, one.word, what, "put it into virtual_ipaddress_excluded")
            else:
                found.append(one)
        return found

    # -- parts -------------------------------------------------------------------------------------------------------

    def _virtual_mac(self, one: Statement) -> None:
        ledger = self._ledger
        ledger.carried(one, 1)
        self.found.virtual_mac = True
        for word in one.words[1:]:
            if ":" in word.text:
                ledger.lost_words([word], f"the MAC {word.text}: a virtual router has its own", "change what names it")
            else:
                remedy = "change what names it (firewall, monitoring)"
                family = "vr4-VRID or vr6-VRID"
                ledger.lost_words([word], f"the device is called {family} here, not {word.text}", remedy)

    def _peers(self, one: Statement) -> None:
        ledger = self._ledger
        ledger.carried(one, 1)
        for line in one.inner():
            address = addresses.host(line.keyword)
            if address is None:
                ledger.lost(line, f"{shown(line.keyword)} is no address", "write such as 192.0.2.1")
                continue
            ledger.carried(line, 1)
            if address in self.found.peers:
                ledger.say(Kind.LOST, line.words[0], f"{address} is there already", "remove one of the two")
                continue
            self.found.peers.append(address)
            bounds = {"min_ttl": 0, "max_ttl": TTL}
            rest = iter(line.words[1:])
            for word in rest:
                bound = next(rest, None)
                number = values.whole(bound.text) if bound is not None else None
                if word.text in bounds and bound is not None and number is not None and 0 <= number <= TTL:
                    ledger.carried_words(word, bound)
                    bounds[word.text] = number
            self._ttls.append((bounds["min_ttl"], bounds["max_ttl"]))
        if self._ttls:
            # One range for all peers: what any of them may have.
            self.found.ttl = min(low for low, _ in self._ttls), max(high for _, high in self._ttls)

    def _version(self) -> None:
        found = self.found
        wanted = self._general.version if found.version is None else found.version
        if found.id.family is Family.IPV6 and found.version == 2:
            self._ledger.lost(self._said["version"], "version 2 knows no IPv6", "nothing to do: 3 is spoken")
        found.version = 3 if found.id.family is Family.IPV6 else wanted

    def _interval(self) -> None:
        found, said = self.found, self._said.get("advert_int")
        assert found.version is not None
        step = SECOND if found.version == 2 else _STEP
        fitting = min(max(step, (found.interval + step // 2) // step * step), _LONGEST[found.version])
        if fitting != found.interval and said is not None:
            spoken = f"in version {found.version} it is {write_duration(fitting)}, as with Keepalived"
            what = f"advert_int {said.values[0]}: {spoken}"
            self._ledger.changed(said, what, "nothing to do")
        found.interval = fitting

    def _preemption(self) -> None:
        found = self.found
        if "state" in self._said and self._said["state"].values[:1] == ("MASTER",):
            for keyword in ("nopreempt", "preempt_delay"):
                if keyword in self._said:
                    what = f"{keyword}: Keepalived leaves it out beside state MASTER"
                    self._ledger.lost(self._said[keyword], what, "write it after the import, if it is meant")
            found.preempt, found.preempt_delay = True, 0
        if found.priority == OWNER and not found.preempt and "nopreempt" in self._said:
            self._ledger.lost(self._said["nopreempt"], "nopreempt: an owner (255) always preempts", "nothing to do")
            found.preempt = True
        if found.priority == OWNER:
            for keyword in ("preempt_delay", "no_accept"):
                if keyword in self._said:
                    what = f"{keyword} says nothing of an owner (255)"
                    self._ledger.lost(self._said[keyword], what, "remove it")
            found.preempt_delay = 0
        if found.preempt_delay and not found.preempt:
            self._ledger.lost(self._said["preempt_delay"], "preempt_delay beside nopreempt says nothing", "remove it")
            found.preempt_delay = 0

    def _authentication(self) -> None:
        """Take the password of version 2; version 3 has none, and neither has ours what IPsec would be."""
        one, found, ledger = self.found.authentication, self.found, self._ledger
        if one is None:
            return
        said = {line.keyword: line for line in one.inner()}
        kind = " ".join(said["auth_type"].values[:1]) if "auth_type" in said else ""
        password = "".join(said["auth_pass"].values[:1]) if "auth_pass" in said else ""
        if found.version == 3:
            ledger.needless(one, "authentication: version 3 has none, Keepalived leaves it out too")
        elif kind != "PASS":
            what = f"authentication by {shown(kind)}: only a simple password is spoken here"
            ledger.lost(one, what, "take it out, or use auth_type PASS, on all routers of the group")
        elif not password:
            ledger.lost(one, "authentication without a password", "give it an auth_pass, or remove it")
        else:
            found.password = password.encode()[:PASSWORD_MAX]
            ledger.carried(said["auth_type"], 2)
            ledger.carried(said["auth_pass"], 2)

    def _source(self) -> None:
        found = self.found
        own = {one.interface.ip for one in found.virtual_ips}
        for peer in list(found.peers):
            if peer.version != found.id.family or peer == found.source or (peer in own and found.priority != OWNER):
                what = f"{peer} is of another family, this gateway's own, or a virtual IP"
                remedy = "name the other routers by their own addresses"
                self._ledger.say(Kind.LOST, self._said["unicast_peer"].words[0], what, remedy)
                found.peers.remove(peer)
        if found.source is None or found.source_said is None:
            return
        if found.source.version != found.id.family:
            what = f"{found.source} is of another family than the addresses"
            self._ledger.lost(found.source_said, what, "remove it")
            found.source = None
        elif not found.peers:
            what = f"{found.source_said.keyword}: adverts to the multicast group leave from the device's first address"
            self._ledger.lost(found.source_said, what, "nothing to do, unless another router looks at it")
            found.source = None
        elif found.source in own and found.priority != OWNER:
            self._ledger.lost(found.source_said, f"{found.source} is a virtual IP", "name an address of this gateway")
            found.source = None


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
