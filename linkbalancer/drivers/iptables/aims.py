"""Where applications are pointed: the packet mark that the chain of each sets."""

import errno
from collections.abc import Collection, Mapping

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.iptables import render
from linkbalancer.drivers.iptables.committing import commit, locked
from linkbalancer.drivers.iptables.rule import Rule
from linkbalancer.drivers.iptables.table import Mangle, families
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.links import DeviceName, Mac, Vid
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.marks import Marks


class AimWriter:
    """Reads and writes them, a change of several all at the same instant (of one family after the other).

    `netlink` is closed with it: drivers are opened and closed alike.
    """

    def __init__(self, marks: Marks, netlink: NetlinkSocket | None = None) -> None:
        self._marks, self._netlink = marks, netlink

    def close(self) -> None:
        """Close the socket; nothing in the kernel changes."""
        if self._netlink is not None:
            self._netlink.close()

    def read(self) -> dict[int, Aim | None]:
        """Return where applications are pointed; None: left to the main table. Raises DriverError (no such chains)."""
        found = {number: self._aim(mark) for number, (mark, _at) in Mangle(4).read().marks.items()}
        if not found:
            raise DriverError("look for the applications' chains", errno.ENOENT)
        return found

    def read_some(self, app_ids: Collection[int]) -> dict[int, Aim | None]:
        """Return where these are pointed. Raises DriverError."""
        return {one: aim for one, aim in self.read().items() if one in set(app_ids)}

    def steer(self, wanted: Mapping[int, Aim | None], known: Mapping[int, Aim | None] | None = None) -> bool:
        """Point applications; None leaves one to the main table. Return whether anything had to change.

        Of an application without a chain one is made, which takes python-iptables. `known` spares nothing here: the
        table is read in whole to be written. Raises DriverError, and then nothing of that family has changed.
        """
        del known
        vids = {one: self._vid(aim) for one, aim in wanted.items()}
        changed = False
        with locked():
            for family in families():
                marks = {one: mark for one, (mark, _at) in Mangle(family).read().marks.items()}
                new = {one: vid for one, vid in vids.items() if one not in marks}
                if new:
                    commit(family, {f"{render.APPLICATION}{one}": self._chain(one, vid) for one, vid in new.items()})
                moved = {one: self._mark(vid) for one, vid in vids.items() if one not in new}
                moved = {one: mark for one, mark in moved.items() if marks[one] != mark}
                if moved:
                    Mangle(family).write(moved)
                changed |= bool(new or moved)
        return changed

    def _chain(self, number: int, vid: Vid | None) -> tuple[Rule, ...]:
        return render.application(number, vid, self._marks)

    def _mark(self, vid: Vid | None) -> int:
        return 0 if vid is None else self._marks.packet_mark(vid)

    def _aim(self, mark: int) -> Aim | None:
        vid = self._marks.vid_of(mark)
        return Aim(vid) if vid else None

    @staticmethod
    def _vid(aim: Aim | None) -> Vid | None:
        """Return the VID of an aim; `check` lets no balanced step come here."""
        if aim is None:
            return None
        if not isinstance(aim.to, int):
            raise DriverError(f"balance {aim.to} by iptables", errno.EOPNOTSUPP)
        return aim.to


class MemberWriter:
    """The other gateways' MAC addresses on the LAN devices."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    def read(self) -> dict[DeviceName, frozenset[Mac]]:
        """Return the members by device. Raises DriverError."""
        return dict(Mangle(4).read().members)

    def write(self, device: DeviceName, macs: frozenset[Mac]) -> bool:
        """Make these the members on a device, other devices' left alone; return whether anything had to change.

        Raises DriverError.
        """
        changed = False
        with locked():
            for family in families():
                found = dict(Mangle(family).read().members)
                if found.get(device, frozenset()) != macs:
                    commit(family, {render.MEMBERS: render.members({**found, device: macs}, self._marks)})
                    changed = True
        return changed
