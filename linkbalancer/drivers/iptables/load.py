"""Loading our chains into the table mangle: a whole generation of them in one exchange a family.

What is loaded is told by the names of empty chains, as in the table of nftables.
"""

from collections.abc import Collection, Mapping

from linkbalancer.drivers.iptables import render
from linkbalancer.drivers.iptables.aims import AimWriter
from linkbalancer.drivers.iptables.committing import commit, locked
from linkbalancer.drivers.iptables.parsing import Snapshot
from linkbalancer.drivers.iptables.table import Mangle, families
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.links import DeviceName, Mac, Vid
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.marks import DEFAULT_APPLICATION_ID


def digest(netlink: NetlinkSocket | None = None) -> str | None:
    """Return the first 12 digits of the digest of the classifier in use, None if there is none. Raises DriverError."""
    del netlink
    noted = _noted(Mangle(4).read(), render.GENERATION)
    return noted[0].partition("-")[0] if noted else None


def era(netlink: NetlinkSocket) -> int | None:
    """Return the number of the era of the classifier in use, None if there is none. Raises DriverError."""
    del netlink
    return era_of(Mangle(4).read())


def generation(netlink: NetlinkSocket) -> bytes:
    """Return what is another one when anything of ours has changed, moves of applications included."""
    del netlink
    some = [Mangle(family).read() for family in families()]
    return repr([(one.serial, sorted(one.marks.items())) for one in some]).encode()


def loaded(layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], netlink: NetlinkSocket) -> bool:
    """Return whether `prepare` and `install` would find nothing to do. Raises DriverError."""
    del netlink
    wanted = render.name(layout, classifier, app_ids).removeprefix(render.GENERATION)
    numbers = {DEFAULT_APPLICATION_ID, *app_ids.values()}
    some = [Mangle(family).read() for family in families()]
    return all(_noted(one, render.GENERATION) == [wanted] and one.marks.keys() == numbers for one in some)


def stage(layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], netlink: NetlinkSocket) -> None:
    """Do nothing beforehand: one exchange loads everything."""


def is_staged(layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], netlink: NetlinkSocket) -> bool:
    """Return whether `install` may come before `prepare`: never here, for nothing is loaded beforehand."""
    del layout, classifier, app_ids, netlink
    return False


def prepare(layout: Layout, netlink: NetlinkSocket, homes: Mapping[int, Aim | None] | None = None) -> bool:
    """Send applications home that go to VIDs which the layout does not have; return whether there were any.

    The default application has a chain from now on: connection tracking comes with it. Raises DriverError.
    """
    del netlink
    marks = layout.marks
    found = {number: marks.vid_of(mark) for number, (mark, _at) in Mangle(4).read().marks.items()}
    homeless = [one for one, vid in found.items() if vid and vid not in layout.vids]
    aims: dict[int, Aim | None] = {one: (homes or {}).get(one) for one in homeless}
    return AimWriter(marks).steer({DEFAULT_APPLICATION_ID: None, **aims})


def install(
    layout: Layout,
    classifier: Classifier,
    app_ids: Mapping[str, int],
    netlink: NetlinkSocket,
    since: int | None = None,
) -> bool:
    """Load a classifier in place of the one in use, no packet unclassified meanwhile.

    `since` says nothing here: chains that are read anyway say the era. Return False when this very classifier, with
    these applications, is in use already. Raises DriverError.
    """
    del since
    if loaded(layout, classifier, app_ids, netlink):
        return False
    with locked():
        found = Mangle(4).read()
        aims = {one: layout.marks.vid_of(mark) for one, (mark, _at) in found.marks.items()}
        begins = (era_of(found) or 0) % layout.marks.generation_limit + 1
        _put(layout, classifier, app_ids, begins, (aims, found.members))
    return True


def anew(
    layout: Layout,
    classifier: Classifier,
    app_ids: Mapping[str, int],
    elements: Mapping[int, Aim | None],
    members: Mapping[DeviceName, frozenset[Mac]],
    *,
    standing: Collection[Vid] = (),
    era: int | None = None,
) -> None:
    """Make all our chains anew, whatever they were; those of applications that are there keep where they go.

    `standing` says nothing here. `era` is the one that went on; where nobody knows, what is there says it: no flow is
    classified anew. Raises DriverError.
    """
    del standing
    with locked():
        found = Mangle(4).read()
        aims = {one: aim.to for one, aim in elements.items() if aim is not None and isinstance(aim.to, int)}
        aims |= {one: layout.marks.vid_of(mark) for one, (mark, _at) in found.marks.items()}
        begins = era or era_of(found) or 1
        _put(layout, classifier, app_ids, begins, (aims, {**members, **found.members}))


def remove() -> bool:
    """Take everything of ours out of the table; return whether there was anything. Raises DriverError."""
    gone = False
    with locked():
        for family in families():
            ours = Mangle(family).read().chains
            if ours:
                commit(family, {}, list(ours))
            gone |= bool(ours)
    return gone


def _put(
    layout: Layout,
    classifier: Classifier,
    app_ids: Mapping[str, int],
    era: int,
    content: tuple[Mapping[int, Vid], Mapping[DeviceName, frozenset[Mac]]],
) -> None:
    """Load everything of both families, with where applications go and who the members are; the caller has the lock."""
    marks, (aims, members) = layout.marks, content
    numbers = {DEFAULT_APPLICATION_ID, *app_ids.values()}
    to = {one: vid if (vid := aims.get(one)) in layout.vids else None for one in numbers}
    for family in families():
        chains = {
            **{f"{render.APPLICATION}{one}": render.application(one, vid, marks) for one, vid in to.items()},
            render.MEMBERS: render.members(members, marks),
            **render.generation(layout, classifier, app_ids, era, family),
        }
        commit(family, chains, [one for one in Mangle(family).read().chains if one not in chains])


def _noted(found: Snapshot, kind: str) -> list[str]:
    """Return what empty chains of a kind say."""
    return [name.removeprefix(kind) for name in found.chains if name.startswith(kind)]


def era_of(found: Snapshot) -> int | None:
    """Return the number of the era that a table is in, None if it is in none."""
    noted = [one for one in _noted(found, render.ERA) if one.isdecimal()]
    return int(noted[0]) if noted else None
