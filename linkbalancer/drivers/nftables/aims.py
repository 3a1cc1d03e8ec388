"""Where applications are pointed and in which form.

That is the map of VIDs and balanced steps, and the sets of those that keep or reset flows.
"""

import struct
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables.elements import Change, MapWriter, change, pair, read_elements
from linkbalancer.drivers.nftables.render import MAP
from linkbalancer.drivers.nftables.ways import KEEPS, MOVED, RESETS
from linkbalancer.routing.balance import Aim, Target
from linkbalancer.routing.handover import Form
from linkbalancer.routing.marks import Marks

_MEMBERS: Final = {KEEPS: frozenset({Form.KEEP, Form.HOLD}), RESETS: frozenset({Form.RESET, Form.HOLD})}
"""Which forms each set is for."""


class AimWriter:
    """Reads and writes them, a change of several all at the same instant."""

    def __init__(self, marks: Marks, netlink: NetlinkSocket | None = None) -> None:
        self._marks, self._netlink = marks, netlink or NetlinkSocket(NETFILTER)
        self._map = MapWriter(marks, self._netlink)

    def close(self) -> None:
        """Close the socket; nothing in the kernel changes."""
        self._netlink.close()

    def read(self) -> dict[int, Aim | None]:
        """Return where applications are pointed; None: left to the main table. Raises DriverError (no such table)."""
        return self._with_forms(self._map.read())

    def read_some(self, app_ids: Collection[int]) -> dict[int, Aim | None]:
        """Return where these are pointed, of a large map without the rest. Raises DriverError."""
        return self._with_forms(self._map.read_some(app_ids))

    def steer(
        self,
        wanted: Mapping[int, Aim | None],
        known: Mapping[int, Aim | None] | None = None,
        number: bytes | None = None,
    ) -> bool:
        """Point applications; None leaves one to the main table.

        `known` is how they are pointed as far as known, which spares a look; with `number` nothing is done where the
        generation is another one. Return whether anything had to change. Raises DriverError (a target without chain,
        `known` was wrong, or ERESTART: another generation), and then nothing has changed.
        """
        found = self.read_some(wanted) if known is None else known
        work, many = self._map.change(_targets(wanted), _targets(found))
        moved = [one for one, aim in wanted.items() if (was := found.get(one)) and aim and aim.to != was.to]
        there: Change = ([], [pair(self._marks.connection_mark(one)) for one in moved])  # again is no error
        changes = {MAP: work, **self._members(wanted, found), MOVED: there}
        return change(self._netlink, changes, f"steer {many} applications", number)

    def forget(self, app_ids: Iterable[int]) -> bool:
        """Take applications that are no more out of the sets; return whether one was there. Raises DriverError."""
        found = {one: Aim(0, form) for one, form in self.forms().items()}
        unwanted = dict.fromkeys(app_ids)
        moved = [pair(self._marks.connection_mark(one)) for one in sorted(self._in(MOVED) & unwanted.keys())]
        return change(self._netlink, {**self._members(unwanted, found), MOVED: (moved, [])}, "forget applications")

    def forms(self) -> dict[int, Form]:
        """Return the applications whose form is another than to move. Raises DriverError."""
        keeps, resets = self._in(KEEPS), self._in(RESETS)
        both = dict.fromkeys(keeps & resets, Form.HOLD)
        return dict.fromkeys(keeps, Form.KEEP) | dict.fromkeys(resets, Form.RESET) | both

    def _in(self, name: str) -> set[int]:
        keys = (struct.unpack("=I", key)[0] for key, _data in read_elements(self._netlink, name))
        return {self._marks.application_of(key) for key in keys}

    def items(self, wanted: Mapping[int, Aim | None]) -> dict[str, list[bytes]]:
        """Return the elements as list items by what they are of, for a transaction of somebody else's."""
        sets = {name: new for name, (_old, new) in self._members(wanted, {}).items()}
        return {MAP: self._map.items(_targets(wanted)), **sets}

    def _with_forms(self, targets: Mapping[int, Target | None]) -> dict[int, Aim | None]:
        forms = self.forms()
        return {one: None if to is None else Aim(to, forms.get(one, Form.MOVE)) for one, to in targets.items()}

    def _members(self, wanted: Mapping[int, Aim | None], found: Mapping[int, Aim | None]) -> dict[str, Change]:
        changes = {}
        for name, forms in _MEMBERS.items():
            was, will = ({one for one, aim in some.items() if aim and aim.form in forms} for some in (found, wanted))
            old, new = sorted((was & wanted.keys()) - will), sorted(will - was)
            changes[name] = (
                [pair(self._marks.connection_mark(one)) for one in old],
                [pair(self._marks.connection_mark(one)) for one in new],
            )
        return changes


def _targets(aims: Mapping[int, Aim | None]) -> dict[int, Target | None]:
    return {one: None if aim is None else aim.to for one, aim in aims.items()}
