"""Flows whose source is translated: their entries are deleted, so that they begin anew by the VID that they go by now.

Their translation is fixed when they begin: by another link they would be sent with the address of the former one. Other
flows are never touched, nor are those of other applications or VIDs: the kernel deletes by mark, mask and status, all
at once.
"""

import errno
import struct
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.codec import (
    ACK,
    DUMP,
    NLMSG_DONE,
    NLMSG_ERROR,
    attribute,
    attributes,
    message,
    messages,
)
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket, judge
from linkbalancer.links import Vid
from linkbalancer.routing.marks import Marks

_GET: Final = 1 << 8 | 1
_DELETE: Final = 1 << 8 | 2
_ANY_FAMILY: Final = struct.pack("!BBH", 0, 0, 0)
_IPV4: Final = struct.pack("!BBH", 2, 0, 0)
_STATUS, _MARK, _MARK_MASK, _STATUS_MASK = 3, 8, 21, 26
_SOURCE_TRANSLATED: Final = 1 << 4
ENTRIES_MAX: Final = 20_000
"""More are not looked at, whoever they are of: a process that reads them follows no table meanwhile."""
_FEW: Final = 4
"""So many applications are swept without a look at which of them have such flows: each is a walk through the table."""


def possible(modules: Path = Path("/proc/modules")) -> bool:
    """Return whether there can be translated flows: not where the kernel's module for it was never loaded."""
    try:
        names = {line.partition(" ")[0] for line in modules.read_text().splitlines()}
    except OSError:
        return True
    return "nf_nat" in names or "nf_conntrack" not in names  # without modules nobody knows


def sweep(netlink: NetlinkSocket, marks: Marks, wanted: Mapping[Vid, frozenset[int]]) -> None:
    """Delete the entries of such flows, by VID, of these applications. Raises DriverError."""
    for vid, app_ids in wanted.items():
        some = app_ids if len(app_ids) <= _FEW else app_ids & _present(netlink, marks, vid)
        for app_id in sorted(some):
            mark = marks.connection_mark(app_id) | marks.flow_mark(vid)
            content = _ANY_FAMILY + _chosen(mark, marks.connection_mask | marks.flow_mask)
            netlink.request(message(_DELETE, ACK, content), f"end translated flows on VID {vid}")


def delete_untranslated(netlink: NetlinkSocket, mark: int, mask: int) -> None:
    """Delete IPv4 entries whose source is not translated, by their mark. Raises DriverError."""
    netlink.request(message(_DELETE, ACK, _IPV4 + _chosen(mark, mask, 0)), "delete entries that are not translated")


def left(marks: Marks, wanted: Mapping[Vid, frozenset[int]]) -> dict[tuple[Vid, int], int]:
    """Return how many such flows there are, by VID and application; nothing for those that have none.

    Raises DriverError; also where a VID has more than are looked at (`ENTRIES_MAX`).
    """
    found: dict[tuple[Vid, int], int] = {}
    for vid, app_ids in wanted.items():
        of_each = [(app_id,) for app_id in sorted(app_ids)]
        for some in of_each if len(app_ids) <= _FEW else [()]:
            counts = _counted(marks, vid, *some)
            found |= {(vid, app_id): counts[app_id] for app_id in sorted(app_ids & counts.keys())}
    return found


def _present(netlink: NetlinkSocket, marks: Marks, vid: Vid) -> set[int]:
    """Return the applications that have such flows on a VID."""
    content = _ANY_FAMILY + _chosen(marks.flow_mark(vid), marks.flow_mask)
    return {_application(marks, reply) for reply in netlink.dump(_GET, content, _looking(vid))}


def _counted(marks: Marks, vid: Vid, app_id: int | None = None) -> Counter[int]:
    """Return how many of such flows each application has on a VID, or one of them."""
    mark, mask = marks.flow_mark(vid), marks.flow_mask
    if app_id is not None:
        mark, mask = mark | marks.connection_mark(app_id), mask | marks.connection_mask
    found: Counter[int] = Counter()
    netlink = NetlinkSocket(NETFILTER)  # its own: one that stops in the middle of a dump is of no further use
    try:
        for datagram in netlink.stream(message(_GET, DUMP, _ANY_FAMILY + _chosen(mark, mask)), _looking(vid)):
            for kind, _flags, _number, payload in messages(datagram):
                if kind in {NLMSG_DONE, NLMSG_ERROR}:
                    judge(payload, _looking(vid))
                    return found
                found[_application(marks, payload)] += 1
            if found.total() > ENTRIES_MAX:
                raise DriverError(f"{_looking(vid)}: there are more than {ENTRIES_MAX}", errno.E2BIG)
    finally:
        netlink.close()
    return found


def _looking(vid: Vid) -> str:
    return f"look for translated flows on VID {vid}"


def _application(marks: Marks, entry: bytes) -> int:
    """Return the application of an entry."""
    mark = dict(attributes(entry, len(_ANY_FAMILY))).get(_MARK, bytes(4))
    return marks.application_of(struct.unpack("!I", mark)[0])


def _chosen(mark: int, mask: int, status: int = _SOURCE_TRANSLATED) -> bytes:
    """Return the attributes that choose entries by their mark and translated source, or untranslated one."""
    numbers = ((_MARK, mark), (_MARK_MASK, mask), (_STATUS, status), (_STATUS_MASK, _SOURCE_TRANSLATED))
    return b"".join(attribute(kind, struct.pack("!I", number)) for kind, number in numbers)
