"""Our chains of iptables as they were loaded: compared at every look, and loaded anew where somebody was at them.

The kernel tells nobody of changes there, so each look compares. Where an application is pointed is its process's: only
what is astray at two looks, one after the other, is put back, for the process may have moved it just now.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress

from linkbalancer.daemon.homes import Homes
from linkbalancer.daemon.tablecare import Rules
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.iptables import load
from linkbalancer.drivers.iptables.aims import AimWriter
from linkbalancer.drivers.iptables.parsing import Snapshot
from linkbalancer.drivers.iptables.render import MEMBERS
from linkbalancer.drivers.iptables.table import Mangle, families
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.feed.table import Table
from linkbalancer.links import DeviceName, Mac
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.dispatch import Family


class Unwritten:
    """Which VIDs work: nothing in the kernel goes by it, for every flow follows its application."""

    def told_by(self, table: Table) -> Table:
        """Return the table, for those who are told next."""
        return table


class ChainCare:
    """Cares for the chains, as `TableCare` does for the table of nftables.

    Args:
        rules: what is loaded.
        homes: where applications belong.
        members: tells the other gateways' MAC addresses by device.
        aside: has work done by an errand.
        put_back: where goes what had to be put back: of what kind it is, and which.
        complain: where a refusal goes, once.

    Attributes:
        suspect: whether the next look must compare although nothing has changed.
        standing: see there.
        fresh: whether they were loaded by this process, so that nothing needs to prove that they are right.
        era: the number of the era that went on when they were adopted.
    """

    def __init__(
        self,
        rules: Rules,
        homes: Homes,
        members: Callable[[], Mapping[DeviceName, frozenset[Mac]]],
        *,
        aside: Callable[[Callable[[], None]], None],
        put_back: Callable[[str, str], None],
        complain: Callable[[str, str], None],
    ) -> None:
        self.suspect, self.fresh, self.standing = True, False, Unwritten()
        self._rules, self._homes, self._members = rules, homes, members
        self._aside, self._put_back, self._complain = aside, put_back, complain
        self._image: Mapping[Family, Snapshot] | None = None
        self.era: int | None = None
        self._astray: dict[int, Aim | None] = {}

    def close(self) -> None:
        """Do nothing: no socket is kept."""

    def follow(self, _route: NetlinkSocket) -> None:
        """Do nothing: no gateway is told by its MAC here."""

    def adopt(self) -> bool:
        """Take what is loaded for what should be; what another process loaded is loaded anew first.

        Return whether it is known what should be. Raises DriverError.
        """
        if self._image is not None:
            return True
        self.suspect = False
        if not self.fresh:
            self._aside(self.load_anew)
            return False
        self._image = _look()
        self.era = load.era_of(self._image[4])
        return True

    def forget(self) -> None:
        """Know nothing of the chains: they are being loaded."""
        self._image, self.fresh = None, False

    def look_after(self) -> bool:
        """Compare; return False where they are being loaded anew. Raises DriverError."""
        if self._image is None:
            return True
        found = _look()
        wrong = next((what for family, one in self._image.items() for what in _differs(one, found[family])), None)
        if wrong is not None:
            self._put_back("iptables", wrong)
            self._aside(self.load_anew)
            return False
        self.suspect = self._steer_back(found)
        return True

    def load_anew(self) -> None:
        """Make the chains anew (in an errand's process). Raises DriverError."""
        present: dict[int, Aim | None] = {}
        with suppress(DriverError):
            present = AimWriter(self._rules.layout.marks).read()
        load.anew(*self._rules, self._homes.everywhere(present), self._members(), era=self.era)

    def _steer_back(self, found: Mapping[Family, Snapshot]) -> bool:
        """Put back what was astray at the last look already; return whether anything is."""
        marks = self._rules.layout.marks
        astray: dict[int, Aim | None] = {}
        for one in found.values():
            vids = {number: marks.vid_of(mark) for number, (mark, _at) in one.marks.items()}
            astray |= self._homes.astray({number: Aim(vid) if vid else None for number, vid in vids.items()})
        again = {one: aim for one, aim in astray.items() if self._astray.get(one, marks) == aim}
        self._astray = astray
        try:
            if again and AimWriter(marks).steer(again):
                many = f"{len(again)} application{'s' if len(again) > 1 else ''}"
                self._put_back("steering", f"{many} to where their processes steer them")
        except DriverError as error:
            self._complain("steer applications back", str(error))
        return bool(astray)


def _look() -> dict[Family, Snapshot]:
    return {family: Mangle(family).read() for family in families()}


def _differs(wanted: Snapshot, found: Snapshot) -> list[str]:
    """Say what is not as it should be; the members are compared by whoever writes them."""
    what = [
        f"the chain {name}"
        for name in sorted({*wanted.chains, *found.chains} - {MEMBERS})
        if wanted.chains.get(name) != found.chains.get(name)
    ]
    if MEMBERS not in found.chains:
        what.append(f"the chain {MEMBERS}")
    if wanted.hooked != found.hooked:
        what.append("the rules of PREROUTING and OUTPUT that lead to our chains")
    return what
