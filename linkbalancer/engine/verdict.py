"""Whether an advertisement that arrived is for a group of this gateway, and valid: the whole receive path.

The rows of VRRP fact sheet 4, in its order; each makes the next one safe:

    1 lengths   2 destination   3 source   4 TTL   5 version   6 type   7 VRID   8 length   9 checksum   10 count
    11 authentication   12, 13 interval   14 first address   15 list of addresses   16 the owner hears nobody

What a row refuses counts as never received: nothing is moved or learned by it. Rows 13 and 15 are for version 3 no
reason to refuse (RFC 9568 7.1), only to say so.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from linkbalancer.engine.events import AdvertReceived
from linkbalancer.links import Address, DeviceName, GroupId
from linkbalancer.vrrp.events import Heard
from linkbalancer.vrrp.group import OWNER_PRIORITY, Group, Tolerance
from linkbalancer.vrrp.ip import LOCAL_TTL, Datagram, unwrap
from linkbalancer.vrrp.packet import (
    NO_PASSWORD,
    PASSWORD_LENGTH,
    SIMPLE_PASSWORD,
    Advertisement,
    Received,
    check,
    read,
)
from linkbalancer.vrrp.rejection import Rejection

VERSIONS: Final = (2, 3)
_AUTH_TYPES: Final = (NO_PASSWORD, SIMPLE_PASSWORD, 2)
"""Those that had a meaning in RFC 2338; nobody speaks the last, an authentication header, any more."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the receive path makes of a packet: refused (`reason`), or accepted (`received`).

    `group` is the one that it is for, None where that was not found out; `datagram` None where not even the IP header
    can be trusted. `differs` says what was let pass, to be counted and said. `heard` is what the group's router hears.
    """

    group: Group | None = None
    datagram: Datagram | None = None
    reason: Rejection | None = None
    received: Received | None = None
    differs: tuple[Rejection, ...] = ()
    heard: Heard | None = None


def judge(event: AdvertReceived, groups: Callable[[GroupId], Group | None], own: Collection[Address]) -> Verdict:
    """Take a packet down the receive path.

    Args:
        event: the packet, and where it came in.
        groups: finds a configured group.
        own: every address of this gateway on that device that is no virtual IP.
    """
    datagram = unwrap(event.packet)
    if isinstance(datagram, Rejection):
        return Verdict(reason=datagram)
    group = _group_of(datagram, event.device, groups)
    reason = _arrival(datagram, group, own) or _kind(datagram, group)
    if reason is not None or group is None:
        return Verdict(group, datagram, reason or Rejection.VRID)
    form = check(datagram)
    if isinstance(form, Rejection):
        return Verdict(group, datagram, form)
    if not _authentic(datagram, group):
        return Verdict(group, datagram, _mistrust(datagram, group))
    received = read(datagram, form)
    if isinstance(received, Rejection):
        return Verdict(group, datagram, received)
    return _compared(datagram, group, received)


def _group_of(datagram: Datagram, device: DeviceName, groups: Callable[[GroupId], Group | None]) -> Group | None:
    """Return the group that a packet says it is for, if there is one on that device."""
    group = groups(GroupId(datagram.message[1], datagram.family))
    return group if group is not None and group.device == device else None


def _arrival(datagram: Datagram, group: Group | None, own: Collection[Address]) -> Rejection | None:
    """Rows 2 to 4: how it came here. A stranger's group is judged as one of its LAN, like ours without peers."""
    if group is not None and group.peers:
        if datagram.destination not in own:
            return Rejection.ADDRESS
        if datagram.source not in group.peers:
            return Rejection.LOOPED if datagram.source in own else Rejection.UNKNOWN_PEER
        least, most = group.ttl
        return None if least <= datagram.ttl <= most else Rejection.IP_TTL
    if not datagram.to_group:
        return Rejection.ADDRESS
    if datagram.source in own:
        return Rejection.LOOPED
    return None if datagram.ttl == LOCAL_TTL else Rejection.IP_TTL


def _kind(datagram: Datagram, group: Group | None) -> Rejection | None:
    """Rows 5 to 7: what it is."""
    version, kind = divmod(datagram.message[0], 16)
    if version not in (VERSIONS if group is None else (group.version,)):
        return Rejection.VERSION
    if kind != 1:
        return Rejection.INVALID_TYPE
    return Rejection.VRID if group is None else None


def _authentic(datagram: Datagram, group: Group) -> bool:
    """Row 11: whether version 2's authentication is what is configured; no time tells how much of a password fits."""
    if group.version != 2:
        return True
    if group.password is None:
        return datagram.message[4] == NO_PASSWORD
    expected = group.password[:PASSWORD_LENGTH].ljust(PASSWORD_LENGTH, b"\0")
    return compare_digest(datagram.message[-PASSWORD_LENGTH:], expected) and datagram.message[4] == SIMPLE_PASSWORD


def _mistrust(datagram: Datagram, group: Group) -> Rejection:
    """Say what is wrong with an authentication that was refused."""
    stated = datagram.message[4]
    if stated not in _AUTH_TYPES:
        return Rejection.INVALID_AUTH_TYPE
    expected = NO_PASSWORD if group.password is None else SIMPLE_PASSWORD
    return Rejection.AUTH_FAILURE if stated == expected else Rejection.AUTH_TYPE_MISMATCH


def differences(said: Advertisement, group: Group) -> tuple[Rejection, ...]:
    """Return what an advert says otherwise than this gateway would, in the order of the rows."""
    different = {
        Rejection.INTERVAL: said.interval != group.advert_interval,
        Rejection.FIRST_ADDRESS: bool(said.addresses) and _is_global(said.addresses[0]),
        Rejection.ADDRESS_LIST: not _same_addresses(said, group),
    }
    return tuple(reason for reason, differs in different.items() if differs)


def is_refused(reason: Rejection, said: Advertisement, group: Group) -> bool:
    """Return whether a difference is reason enough to refuse an advert: rows 13 to 15."""
    match reason:
        case Rejection.FIRST_ADDRESS:
            return Tolerance.FIRST_ADDRESS not in group.tolerates
        case Rejection.ADDRESS_LIST:
            heeded = said.priority == OWNER_PRIORITY or Tolerance.ADDRESSES in group.tolerates
            return group.version == 2 and not heeded
        case _:
            return group.version == 2


def _compared(datagram: Datagram, group: Group, received: Received) -> Verdict:
    """Rows 13 to 16: whether it says what this gateway would say."""
    said = received.advertisement
    differs = differences(said, group)
    reason = next((reason for reason in differs if is_refused(reason, said, group)), None)
    if reason is None and group.priority == OWNER_PRIORITY and (group.version == 2 or not group.owner_yields):
        reason = Rejection.OWNER
    if reason is not None:
        return Verdict(group, datagram, reason, received)
    heard = Heard(said.priority, said.interval, received.source)
    return Verdict(group, datagram, None, received, differs, heard)


def _is_global(address: Address) -> bool:
    return address.version == 6 and not address.is_link_local


def _same_addresses(said: Advertisement, group: Group) -> bool:
    """Whether both routers stand for the same addresses, in whatever order."""
    ours = [address.ip for address in group.virtual_ips]
    return said.addresses == tuple(ours) or sorted(map(int, said.addresses)) == sorted(map(int, ours))
