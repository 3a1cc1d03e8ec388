"""What the statements of a vrrp_instance are together, once all of them are read, as Keepalived takes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from linkbalancer.clock import SECOND
from linkbalancer.config.findings import shown
from linkbalancer.config.keepalived.defaults import Defaults
from linkbalancer.config.keepalived.instance import OWNER, STEP, Instance
from linkbalancer.config.keepalived.remarks import Kind
from linkbalancer.config.keepalived.statements import Ledger, Statement
from linkbalancer.config.quantities import write_duration
from linkbalancer.links import Family

PASSWORD_MAX: Final = 8
_LONGEST: Final = {2: 255 * SECOND, 3: 4095 * STEP}


@dataclass(frozen=True, slots=True)
class Completion:
    """Completes an instance; `_said` has the last statement of each keyword."""

    _ledger: Ledger
    found: Instance
    _said: Mapping[str, Statement]
    _general: Defaults

    def complete(self) -> None:
        """Do it; remarks say what changes by it."""
        self._version()
        self._interval()
        self._authentication()
        self._preemption()
        self._source()

    def _version(self) -> None:
        found = self.found
        wanted = self._general.version if found.version is None else found.version
        if found.id.family is Family.IPV6 and found.version == 2:
            self._ledger.lost(self._said["version"], "version 2 knows no IPv6", "nothing to do: 3 is spoken")
        found.version = 3 if found.id.family is Family.IPV6 else wanted

    def _interval(self) -> None:
        found, said = self.found, self._said.get("advert_int")
        assert found.version is not None
        step = SECOND if found.version == 2 else STEP
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
