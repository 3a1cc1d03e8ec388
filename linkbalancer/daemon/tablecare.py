"""The nftables table as it was loaded: compared when somebody was at it, and put back within a millisecond or two.

What cannot be put back by netlink, because the kernel refuses it or because it is too much to be compared, is loaded
anew by nft, in an errand.
"""

import errno
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing, suppress
from typing import Final, NamedTuple

from linkbalancer.clock import MILLISECOND, Duration
from linkbalancer.daemon.homes import Homes
from linkbalancer.daemon.standing import Standing
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import image, load, namesets
from linkbalancer.drivers.nftables.aims import AimWriter
from linkbalancer.drivers.nftables.elements import MemberWriter
from linkbalancer.drivers.nftables.image import Image
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.drivers.nftables.render import MAP, MEMBERS
from linkbalancer.drivers.nftables.upstreams import Upstreams
from linkbalancer.drivers.nftables.ways import KEEPS, RESETS
from linkbalancer.links import DeviceName, Mac
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.classifier import Classifier

LARGE: Final = 500
SLOW: Duration = 20 * MILLISECOND
"""A classifier with more rules, or one that takes longer to be listed, is not compared but loaded anew.

In the loop it would hold up the adverts.
"""

_ATTEMPTS: Final = 5


class Rules(NamedTuple):
    """What is loaded: for which devices and VIDs, what the rules compile to, and the applications' numbers."""

    layout: Layout
    classifier: Classifier
    app_ids: Mapping[str, int]


class TableCare:
    """Cares for the table.

    Args:
        rules: what is loaded.
        homes: where applications belong in its map.
        members: tells the other gateways' MAC addresses by device.
        aside: has work done by an errand.
        put_back: where goes what had to be put back: of what kind it is, and which.
        complain: where a refusal goes, once.

    Attributes:
        suspect: whether somebody may have been at it since it was last compared.
        standing: on which VIDs flows may stay.
        fresh: whether it was loaded by this process, so that nothing needs to prove that it is right.
        era: the number of the era that went on when it was adopted.
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
        self.suspect, self.fresh = True, False
        self._layout, self._rules = rules.layout, rules
        self._homes, self._members = homes, members
        self._aside, self._put_back, self._complain = aside, put_back, complain
        self._netlink = NetlinkSocket(NETFILTER)
        self._upstreams = Upstreams(self._netlink, rules.layout.ways)
        self.standing = Standing(rules.layout, self._netlink, complain)
        self._image: Image | None = None
        self.era: int | None = None
        self._adopted = False

    def close(self) -> None:
        """Close the socket; nothing in the kernel changes."""
        self._netlink.close()

    def follow(self, route: NetlinkSocket) -> None:
        """Have gateways behind one device told by the MAC that each has now. Raises DriverError."""
        try:
            self._upstreams.follow(route)
        except DriverError as error:
            if error.errno != errno.ENOENT:  # the table is gone, or is being loaded: that is the comparison's
                raise

    def adopt(self) -> bool:
        """Take what is loaded for what should be; where it is not as it once was loaded, have it loaded anew.

        Return whether it is known what should be. Raises DriverError.
        """
        if self._adopted:
            return True
        self.suspect = False
        self.standing.restore()
        self.era = load.era(self._netlink)
        if len(self._rules.classifier.boxes) > LARGE:
            self._adopted = True
            return True
        began = time.thread_time_ns()  # a busy host makes no table larger
        present, _at = image.take(self._netlink)
        took = time.thread_time_ns() - began
        if present is None or not (self.fresh or present.digest() in image.noted(self._netlink)):
            self._aside(self.load_anew)
            return False
        image.note(self._netlink, present.digest())
        self._image, self._adopted = present if took <= SLOW else None, True
        return True

    def forget(self) -> None:
        """Know nothing of the table: it is being loaded."""
        self._image, self._adopted, self.fresh = None, False, False

    def look_after(self) -> bool:
        """Put the table back where somebody was at it; return False where it is being loaded anew for that."""
        if not self.suspect or not self._adopted:
            return True
        if self._image is None:
            self._aside(self.load_anew)
            return False
        try:
            for what in self._restore(self._netlink, self._image):
                self._put_back("nftables", what)
        except DriverError as error:
            self._complain("put the nftables table back; it is loaded anew", str(error))
            self._aside(self.load_anew)
            return False
        self._steer_back()
        self.suspect = False
        return True

    def _steer_back(self) -> None:
        """Put applications back to where their processes sent them: somebody else has changed the map."""
        writer = AimWriter(self._layout.marks, self._netlink)
        with suppress(DriverError):  # without a table there is nothing to steer; that is the comparison's
            astray = {one: aim for one, aim in self._homes.astray(writer.read()).items() if self._serves(aim)}
            if writer.steer(astray):
                many = f"{len(astray)} application{'s' if len(astray) > 1 else ''}"
                self._put_back("steering", f"{many} to where their processes steer them")
        if self.standing.restore():
            self._put_back("steering", "the VIDs on which flows may stay")

    def load_anew(self) -> None:
        """Make the table anew by nft, in one transaction (in an errand's process). Raises DriverError."""
        with closing(NetlinkSocket(NETFILTER)) as netlink, suppress(DriverError):
            present, members = AimWriter(self._layout.marks, netlink).read(), MemberWriter(netlink).read()
            load.anew(
                *self._rules, self._homes.everywhere(present), members, standing=self.standing.vids or (), era=self.era
            )
            return
        load.anew(
            *self._rules, self._homes.everywhere({}), self._members(), standing=self.standing.vids or (), era=self.era
        )

    def _restore(self, netlink: NetlinkSocket, wanted: Image) -> list[str]:
        """Put back what differs; where somebody changes it meanwhile, look again."""
        for _attempt in range(_ATTEMPTS):
            present, at = image.take(netlink)
            missing = wanted.difference(present)
            if not missing:
                return []
            try:
                image.put_back(netlink, wanted, present, at, self._elements(netlink, present))
            except DriverError as error:
                if error.errno != errno.ERESTART:
                    raise
                continue
            left = wanted.difference(image.take(netlink)[0])
            if left:
                raise DriverError(f"put the nftables table back: {left[0]} came out otherwise", 0, retry=False)
            return missing
        raise DriverError("put the nftables table back: it changes all the time", errno.EINTR)

    def _elements(self, netlink: NetlinkSocket, present: Image | None) -> dict[str, list[bytes]]:
        """Return what the map and the set are to have: what they have, and what is missing."""
        writer = AimWriter(self._layout.marks, netlink)
        whole = self._homes.everywhere(self._steered(netlink, present))
        steered = {one: aim for one, aim in whole.items() if self._serves(aim)}
        known = MemberWriter(netlink)
        members = known.read() if present is not None and MEMBERS in present.sets else self._members()
        return {
            **writer.items(steered),
            **self.standing.items(),
            MEMBERS: known.items(members),
            **namesets.items(self._named(netlink)),
        }

    def _named(self, netlink: NetlinkSocket) -> dict[str, Collection[int]]:
        """Return the addresses of host names: those that are there, else those known when this process began."""
        known = namesets.contents(self._rules.classifier.rules)
        found = {one: namesets.read(netlink, one) for one in known}
        return {one: known[one] if there is None else there for one, there in found.items()}

    def _serves(self, aim: Aim | None) -> bool:
        """Return whether the table has where to send packets that are aimed so."""
        return self._layout.serves(None if aim is None else aim.to)

    def _steered(self, netlink: NetlinkSocket, present: Image | None) -> dict[int, Aim | None]:
        """Return the map's elements, none where there is no map."""
        if present is None or not {MAP, KEEPS, RESETS} <= present.sets.keys():
            return {}
        return AimWriter(self._layout.marks, netlink).read()
