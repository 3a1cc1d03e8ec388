"""Performs the agent's effects on the kernel, and keeps what is wanted, so that what others remove comes back.

The kernel is asked again and again whether it still holds what was wanted; what is missing is put back, and a refusal
is said once, with the operation and the kernel's reason, and tried again at the next turn. What needs nft takes up to
seconds, so a running agent has it done by an errand.

Beside a living predecessor a successor first makes only what is new (`extend`); when it has taken over (`take_up`), its
classifier is put to use, and only then what is no longer configured is taken away. Where the classifier alone differs
it is put to use at once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from linkbalancer.clock import Instant
from linkbalancer.config.load import Loaded
from linkbalancer.daemon.chaincare import ChainCare
from linkbalancer.daemon.errand import Errand
from linkbalancer.daemon.homes import Homes
from linkbalancer.daemon.layout import all_but_rules, layout_from_words, layout_in_words, layout_of
from linkbalancer.daemon.loads import Loads
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.tablecare import Rules, TableCare
from linkbalancer.daemon.wanted import Wanted, in_words, kind_of
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.firewall import driver
from linkbalancer.drivers.kernel import Applicable, Kernel
from linkbalancer.drivers.netlink.transport import NETFILTER, ROUTE, NetlinkSocket
from linkbalancer.drivers.prepared import Prepared
from linkbalancer.engine.effects import RemoveAddresses, SetLost, SetNextHop
from linkbalancer.engine.found import Found
from linkbalancer.links import DeviceName, Firewall, Interface, Vid
from linkbalancer.routing.classifier import Classifier


class Performer:
    """The agent's hands on the kernel.

    Args:
        loop: what turns while a classifier is loaded.
        loaded: the configuration.
        classifier: what the rules compile to.
        app_ids: the applications' numbers.
        places: where applications are known to go; one that is missing in the map is put there, or to its first VID.
        complain: where a refusal goes, once.
        put_back: where goes what had to be put back: of what kind it is, and which.
        load_over: called when an errand's load is over: with a line about it, or None when it failed (and was said).
    """

    def __init__(
        self,
        loop: Loop,
        loaded: Loaded,
        classifier: Classifier,
        app_ids: dict[str, int],
        places: Mapping[str, Vid],
        *,
        complain: Callable[[str, str], None],
        put_back: Callable[[str, str], None],
        load_over: Callable[[str | None], None],
    ) -> None:
        """Open the netlink sockets; raises DriverError."""
        self.layout = layout_of(loaded)
        self._configured: dict[DeviceName, tuple[Interface, ...]] = {}
        for id_, group in loaded.config.groups.items():
            for device, addresses in group.vrrp(id_).places().items():
                self._configured[device] = self._configured.get(device, ()) + addresses
        self.kernel = Kernel(self.layout, self._configured)
        self._netlink = NetlinkSocket(ROUTE)
        self._classifier, self._app_ids = classifier, app_ids
        self._map = driver(self.layout.firewall).aims(self.layout.marks, NetlinkSocket(NETFILTER))
        self._wanted = Wanted(self.layout.twins)
        self._homes = Homes(loaded.rules.applications, app_ids, places)
        self._complain, self._put_back, self._load_over = complain, put_back, load_over
        tell = {"put_back": put_back, "complain": complain}
        rules, macs = Rules(self.layout, classifier, app_ids), self._wanted.macs
        care = ChainCare if self.layout.firewall is Firewall.IPTABLES else TableCare
        self.care: ChainCare | TableCare = care(rules, self._homes, macs, aside=self._aside, **tell)
        self._errand = Errand(loop, self._errand_ended)
        self._staged: Callable[[str | None], None] | None = None
        self._trimmed, self._refused, self._puts_to_use, self._left_behind = True, False, False, self.layout
        self._loads = Loads(self.layout, classifier, app_ids, self._homes)
        self._agreed: bytes | None = None  # the generation of nftables that was as wanted

    def close(self) -> None:
        """Give up what is being loaded, close the sockets; nothing else in the kernel changes."""
        for one in (self._errand, self.kernel, self._netlink, self.care, self._map):
            one.close()

    def prepare(self) -> list[str]:
        """Make the skeleton and load the classifier; return what is worth a line. Raises DriverError.

        The first classifier is waited for: nothing is steered without one. In place of an older one, which steers
        meanwhile, it is loaded while the agent does its work: `loading` until then.
        """
        lines = _lines(self.kernel.prepare())
        lines += self._homes.fill(self._map)
        if self.kernel.digest() is not None:
            self._load_aside()
        elif self.kernel.install(self._classifier, self._app_ids):
            self.care.fresh = True
            lines.append(self._loaded_line())
        return lines

    @property
    def loading(self) -> bool:
        """Whether a classifier is being loaded."""
        return self._errand.under_way

    def _loaded_line(self) -> str:
        return f"loaded the classifier {self._classifier.digest[:12]}"

    def in_words(self) -> dict[str, Any]:
        """Return what a successor must know of the table that this agent works with, JSON-able."""
        own = {"rules": self._classifier.digest, "era": self.care.era}
        return layout_in_words(self.layout) | own | {"all_but_rules": all_but_rules(self.layout, self._app_ids)}

    def extend(self, theirs: object, staged: Callable[[str | None], None]) -> list[str]:
        """Make what is new beside a predecessor's, and have the classifier loaded; return lines.

        `theirs` is what its `in_words` say; `staged` is called when that is done, or with why not. Nothing of the
        predecessor's changes but, where that alone differs, the classifier: should this one fail, he loads his own
        again. Raises DriverError, OSError.
        """
        self._left_behind = layout_from_words(theirs, self.layout)
        self._trimmed = False
        # First the ways of IPv6: where he did not steer it, rules that come before lead nowhere.
        self._all(self._wanted.halves(self.layout, self._netlink, self.kernel.found().next_hops, beside=True))
        prepared = self.kernel.mend(trim=False)
        self._staged = staged
        told = theirs if isinstance(theirs, dict) else {}
        alone = told.get("all_but_rules") == all_but_rules(self.layout, self._app_ids)
        self._puts_to_use = alone and told.get("rules") != self._classifier.digest
        at_once = partial(self._loads.at_once, told.get("era"))
        self._errand.start(at_once if alone else partial(self._loads.beside, self._left_behind))
        return _lines(prepared)

    def take_up(self, working: Collection[Vid]) -> bool:
        """Take over from the predecessor: put the classifier to use; return whether it is in use already.

        Applications that go to a VID which is no more are sent to the best of theirs of those that work.
        """
        self._loads.best = self._homes.best(working)
        try:
            there = self._load_aside()
        except DriverError as error:
            self._complain("load the classifier", str(error))
            return False
        if there and self._puts_to_use:
            self._loaded()
        return there

    def pause(self) -> None:
        """Give up what is being loaded: a successor loads now. The next `reconcile` mends what it leaves."""
        self._errand.close()

    def _load_aside(self) -> bool:
        """Return whether everything that nft loads is there; else have it loaded, unless that is under way."""
        if self.kernel.loaded(self._classifier, self._app_ids):
            return True
        self._aside(self._loads.in_place)
        return False

    def _aside(self, work: Callable[[], None]) -> None:
        """Have an errand load, unless one is under way."""
        self.care.forget()
        try:
            self._errand.start(work)
        except OSError as error:
            self._complain("load the classifier", str(error))

    def _errand_ended(self, _now: Instant, why: str | None) -> None:
        if self._staged is not None:
            staged, self._staged = self._staged, None
            staged(why)
            return
        if why is not None:
            self._complain("load the classifier", why)
            self._load_over(None)
            return
        self._loaded()

    def _loaded(self) -> None:
        """Go on from a classifier that this agent has loaded."""
        self.care.fresh = True
        self._load_over(self._loaded_line())
        with suppress(DriverError):
            self._reload()  # members, and what is there now is what was loaded: before anybody else is at it

    def found(self) -> Found:
        """Return what a predecessor left, and remove virtual IPs that are no longer configured. Raises DriverError.

        Those of a living predecessor stay until the rest is trimmed. Next hops that are found are what is wanted until
        an effect says otherwise: an agent that adopts one is silent about it.
        """
        found = self.kernel.found()
        for vid, next_hop in found.next_hops.items():
            self._wanted.adopt(SetNextHop(vid, next_hop))
        self._all(self._wanted.halves(self.layout, self._netlink, found.next_hops))
        self._all(self._wanted.following())
        if self._trimmed:
            self._release(found)
        return found

    def _release(self, found: Found) -> None:
        """Remove virtual IPs of ours that are no longer configured."""
        for device, interface in found.addresses:
            if interface not in self._configured.get(device, ()):
                self._try(RemoveAddresses(device, (interface,)))

    def _trim(self) -> None:
        """Take away what a predecessor served and this configuration does not; its packets have other ways by now."""
        self.kernel.mend()
        self.kernel.clear({*self.layout.lan_devices, *self._left_behind.lan_devices})
        self._release(self.kernel.found())
        self._trimmed = True

    def perform(self, effect: Applicable | SetLost) -> None:
        """Do one effect and remember what is wanted; a refusal is said, and mended at the next `reconcile`."""
        self._wanted.note(effect)
        if not isinstance(effect, SetLost):
            self._try(effect)
        if isinstance(effect, SetNextHop | SetLost):
            self._all(self._wanted.following(effect))

    def _all(self, effects: Iterable[Applicable]) -> None:
        for effect in effects:
            self._try(effect)

    def reconcile(self, *, thorough: bool = True) -> bool:
        """Compare the kernel with what is wanted, and put back what is missing; return whether all was there.

        Unless `thorough`, or something was refused, only with what nft was to load: its removal nobody tells us of.
        """
        thorough, self._refused = thorough or self._refused, False
        try:
            settled = (not thorough or self._mend()) & self._reload()
            self.care.follow(self._netlink)
            missing = self._wanted.missing(self.layout, self._netlink, self.kernel.usurped) if thorough else []
        except DriverError as error:
            self._complain("compare the kernel with what is wanted", str(error))
            return False
        for effect in missing:
            if self._try(effect) and self._wanted.is_repair(effect):
                self._put_back(kind_of(effect), in_words(effect))
        return settled and not missing

    def _reload(self) -> bool:
        """Compare what nft loads, unless nothing of it has changed since; return whether it was right."""
        generation = self.kernel.generation()
        if generation == self._agreed and not self.care.suspect:
            return True
        self._agreed = None
        if self._errand.under_way:
            return False
        there = self.kernel.loaded(self._classifier, self._app_ids)
        self.care.suspect |= not there
        if not self.care.look_after() or not (there or self._load_aside()):
            return False
        if not self._trimmed:
            self._trim()
        put_back = self._homes.fill(self._map)
        for line in put_back:
            self._put_back("steering", line)
        members = [self._try(one) for one in self._wanted.members.values()]  # compares by itself
        if self.care.adopt() and all(members) and not put_back:
            self._agreed = generation
        return self._agreed is not None

    def _mend(self) -> bool:
        """Mend what is mended without nft, and return whether it was right.

        Switches of devices that are not there are told at the start alone.
        """
        mended = self.kernel.mend(trim=self._trimmed)
        for change in mended.changed:
            self._put_back("switch", f"set {change}")
        for kind, what in (*mended.laid, *(("route" if "route" in line else "device", line) for line in mended.made)):
            self._put_back(kind, what)
        for error in mended.failed:
            self._complain("make a device for a virtual MAC", str(error))
        return not (mended.changed or mended.made or mended.failed or mended.laid)

    def _try(self, effect: Applicable) -> bool:
        try:
            self.kernel.apply(effect)
        except DriverError as error:
            self._complain(in_words(effect), str(error))
            self._agreed, self._refused = None, True
            return False
        return True


def _lines(prepared: Prepared) -> list[str]:
    """Return what preparing did, a line each."""
    refused = (f"refused: {error}" for error in (*prepared.refused, *prepared.failed))
    return [*(f"set {change}" for change in prepared.changed), *prepared.made, *refused]
