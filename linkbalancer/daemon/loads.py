"""What an errand loads by nft: a classifier beside the one in use, in its place, or at once where it alone differs."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

from linkbalancer.daemon.homes import Homes
from linkbalancer.drivers.firewall import driver, install
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.classifier import Classifier


@dataclass(slots=True)
class Loads:
    """The loads of one agent, each the work of an errand, which has no socket of the agent's.

    `homes` is where applications belong; `best` where those are sent that go to a VID which is no more. All of them
    raise DriverError.
    """

    layout: Layout
    classifier: Classifier
    app_ids: Mapping[str, int]
    homes: Homes
    best: Mapping[int, Aim | None] = field(default_factory=dict)

    def beside(self, theirs: Layout) -> None:
        """Load beside what is in use; what a predecessor of another layout needs stays."""
        loads = driver(self.layout.firewall)
        with closing(NetlinkSocket(NETFILTER)) as netlink:
            joined = self.layout.joined(theirs)
            loads.prepare(joined, netlink)
            self._fill(netlink)
            loads.stage(joined, self.classifier, self.app_ids, netlink)

    def at_once(self, since: object) -> None:
        """Put the classifier to use in place of a predecessor's, of whose table it alone differs.

        One transaction then does for what takes two otherwise, and rules that nft refuses have changed nothing.
        `since` is the era that goes on, where he knows it.
        """
        with closing(NetlinkSocket(NETFILTER)) as netlink:
            if driver(self.layout.firewall).prepare(self.layout, netlink):
                self._fill(netlink)
            install(self.layout, self.classifier, self.app_ids, netlink, since if isinstance(since, int) else None)

    def in_place(self) -> None:
        """Load what is missing.

        Where it was staged it is put to use first: then no flow of an application that is gone is left to old rules.
        """
        loads = driver(self.layout.firewall)
        with closing(NetlinkSocket(NETFILTER)) as netlink:
            if loads.is_staged(self.layout, self.classifier, self.app_ids, netlink):
                install(self.layout, self.classifier, self.app_ids, netlink)
            loads.prepare(self.layout, netlink, self.best)
            self._fill(netlink)
            install(self.layout, self.classifier, self.app_ids, netlink)

    def _fill(self, netlink: NetlinkSocket) -> None:
        self.homes.fill(driver(self.layout.firewall).aims(self.layout.marks, netlink))
