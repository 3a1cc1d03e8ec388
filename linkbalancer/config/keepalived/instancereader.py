"""Reading a vrrp_instance, statement by statement."""

from collections.abc import Iterable
from typing import Final

from linkbalancer.clock import SECOND
from linkbalancer.config.findings import printable, shown
from linkbalancer.config.keepalived import addresses, defaults, foreign, values
from linkbalancer.config.keepalived.addresses import Placed
from linkbalancer.config.keepalived.completion import Completion
from linkbalancer.config.keepalived.defaults import Defaults
from linkbalancer.config.keepalived.instance import (
    ADVERT_INTERVAL,
    OWNER,
    PRIORITY,
    STEP,
    TTL,
    VIRTUAL_IPS_MAX,
    Instance,
)
from linkbalancer.config.keepalived.remarks import Kind
from linkbalancer.config.keepalived.statements import Ledger, Statement

_LISTS: Final = {
    "virtual_ipaddress",
    "virtual_ipaddress_excluded",
    "track_interface",
    "track_script",
    "track_file",
    "track_process",
    "unicast_peer",
}
"""What may be said more than once: each time adds to it."""


class Reader:
    """Reads one instance, statement by statement."""

    def __init__(self, ledger: Ledger, statement: Statement, general: Defaults) -> None:
        self._ledger, self._general = ledger, general
        name = statement.values[0] if statement.values else ""
        self.found = Instance(printable(name), statement, general.announcing.copy())
        self._said: dict[str, Statement] = {}
        self._ttls: list[tuple[int, int]] = []

    def read(self) -> Instance | None:
        """Return the instance; None, and a remark, where it cannot be a group."""
        found, ledger = self.found, self._ledger
        for one in found.statement.inner():
            self._once(one)
            self._take(one)
        obstacle = self._obstacle()
        if obstacle is not None:
            ledger.lost(found.statement, f"{self._title()} {obstacle[0]}", obstacle[1])
            return None
        ledger.carried(found.statement, 2)
        Completion(ledger, found, self._said, self._general).complete()
        return found

    def _title(self) -> str:
        return f"the instance {shown(self.found.name)}"

    def _obstacle(self) -> tuple[str, str] | None:
        found = self.found
        if not found.name:
            return "has no name", "write it after vrrp_instance"
        if found.vid is None:
            return "has no virtual_router_id", "give it the one of its LAN"
        if found.device is None:
            return "names no interface", "name the one that its adverts are sent on"
        if not found.virtual_ips:
            return "has no virtual_ipaddress", "advertise at least one, or leave it with Keepalived"
        return None

    def _once(self, one: Statement) -> None:
        """Of what can be said but once, the last counts."""
        before = self._said.get(one.keyword)
        if before is not None and one.keyword not in _LISTS:
            line = one.words[0].line
            self._ledger.lost(
                before, f"{one.keyword} is said again in line {line}, which counts", "remove one of the two"
            )
        self._said[one.keyword] = one

    def _take(self, one: Statement) -> None:
        if foreign.told(self._ledger, one, foreign.INSTANCE) or self.found.notices.take(
            self._ledger, one, self._general
        ):
            return
        if one.keyword.startswith("garp_") and self.found.announcing.take(self._ledger, one, one.keyword):
            return
        if self.found.tracks.take(self._ledger, one):
            return
        if not (self._identity(one) or self._election(one) or self._reach(one)):
            self._blocks(one)

    def _identity(self, one: Statement) -> bool:
        ledger, found = self._ledger, self.found
        match one.keyword:
            case "interface":
                name = values.text(ledger, one)
                if name is not None and addresses.is_device(name):
                    found.device = name
                elif name is not None:
                    ledger.lost(one, f"{shown(name)} cannot be a device", "name the device")
            case "virtual_router_id":
                found.vid = values.integer(ledger, one, 1, 255)
            case "version":
                found.version = values.integer(ledger, one, 2, 3)
            case "state":
                what = "state: who is Master is the election's to say"
                ledger.needless(one, what, "give the preferred router the higher priority")
            case _:
                return False
        return True

    def _election(self, one: Statement) -> bool:
        ledger, found = self._ledger, self.found
        match one.keyword:
            case "priority":
                found.priority = values.integer(ledger, one, 1, 255) or PRIORITY
            case "advert_int":
                found.interval = values.seconds(ledger, one, STEP, 255 * SECOND) or ADVERT_INTERVAL
            case "nopreempt":
                ledger.carried(one, 1)
                found.preempt = False
            case "preempt":
                ledger.carried(one, 1)
                found.preempt = True
            case "preempt_delay":
                found.preempt_delay = values.seconds(ledger, one, 0, 1000 * SECOND) or 0
            case "down_timer_adverts":
                defaults.down_timer(ledger, one)
            case "lower_prio_no_advert":
                defaults.lower_priority(ledger, one)
            case "mcast_dst_ip":
                defaults.multicast(ledger, one)
            case _:
                return False
        return True

    def _reach(self, one: Statement) -> bool:
        ledger, found = self._ledger, self.found
        match one.keyword:
            case "use_vmac":
                self._virtual_mac(one)
            case "accept" | "no_accept":
                ledger.carried(one, 1)
                found.accept = one.keyword == "accept"
            case "strict_mode":
                strict = values.switch(ledger, one) and found.accept is None
                found.accept = found.priority == OWNER if strict else found.accept
            case "unicast_ttl":
                if values.integer(ledger, one, 0, 255) not in {TTL, None}:
                    ledger.lost(one, f"unicast_ttl: adverts leave with {TTL}", "let the peers accept that")
            case "mcast_src_ip" | "unicast_src_ip":
                word = values.text(ledger, one)
                found.source, found.source_said = addresses.host(word or ""), one
                if word is not None and found.source is None:
                    ledger.lost(one, f"{shown(word)} is no address", "write such as 192.0.2.1")
            case _:
                return False
        return True

    def _blocks(self, one: Statement) -> None:
        ledger, found = self._ledger, self.found
        match one.keyword:
            case "virtual_ipaddress":
                found.virtual_ips += self._of_one_family(addresses.placed(ledger, one))
            case "virtual_ipaddress_excluded":
                found.excluded_ips += addresses.placed(ledger, one)
            case "unicast_peer":
                self._peers(one)
            case "authentication":
                ledger.carried(one, 1)
                found.authentication = one
            case _:
                pass  # named among the leftovers

    def _of_one_family(self, some: Iterable[Placed]) -> list[Placed]:
        """Return the addresses that can be advertised beside those that are there: of their family, each once."""
        found: list[Placed] = []
        for one in some:
            before = [*self.found.virtual_ips, *found]
            if any(one.interface.ip == other.interface.ip for other in before):
                self._ledger.say(Kind.LOST, one.word, f"{one.interface.ip} is there already", "remove one of the two")
            elif before and one.interface.version != before[0].interface.version:
                what = f"{one.interface.ip} is of another family than {before[0].interface.ip}"
                self._ledger.say(Kind.LOST, one.word, what, "make an instance of its own of it")
            elif len(before) == VIRTUAL_IPS_MAX:
                what = f"an advert holds {VIRTUAL_IPS_MAX} addresses, not {one.interface.ip} too"
                self._ledger.say(Kind.LOST, one.word, what, "put it into virtual_ipaddress_excluded")
            else:
                found.append(one)
        return found

    # -- parts -------------------------------------------------------------------------------------------------------

    def _virtual_mac(self, one: Statement) -> None:
        ledger = self._ledger
        ledger.carried(one, 1)
        self.found.virtual_mac = True
        for word in one.words[1:]:
            if ":" in word.text:
                ledger.lost_words([word], f"the MAC {word.text}: a virtual router has its own", "change what names it")
            else:
                remedy = "change what names it (firewall, monitoring)"
                family = "vr4-VRID or vr6-VRID"
                ledger.lost_words([word], f"the device is called {family} here, not {word.text}", remedy)

    def _peers(self, one: Statement) -> None:
        ledger = self._ledger
        ledger.carried(one, 1)
        for line in one.inner():
            address = addresses.host(line.keyword)
            if address is None:
                ledger.lost(line, f"{shown(line.keyword)} is no address", "write such as 192.0.2.1")
                continue
            ledger.carried(line, 1)
            if address in self.found.peers:
                ledger.say(Kind.LOST, line.words[0], f"{address} is there already", "remove one of the two")
                continue
            self.found.peers.append(address)
            bounds = {"min_ttl": 0, "max_ttl": TTL}
            rest = iter(line.words[1:])
            for word in rest:
                bound = next(rest, None)
                number = values.whole(bound.text) if bound is not None else None
                if word.text in bounds and bound is not None and number is not None and 0 <= number <= TTL:
                    ledger.carried_words(word, bound)
                    bounds[word.text] = number
            self._ttls.append((bounds["min_ttl"], bounds["max_ttl"]))
        # One range for all peers: what any of them may have.
        lows, highs = zip(*(self._ttls or [self.found.ttl]), strict=True)
        self.found.ttl = min(lows), max(highs)
