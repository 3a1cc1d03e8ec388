"""The agent's eyes on its devices: what they are now, and what of ours others took away."""

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.config.model import Config
from linkbalancer.daemon.healer import Healer
from linkbalancer.daemon.journal import Journal
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.performer import Performer
from linkbalancer.daemon.sockets import Take
from linkbalancer.drivers.errors import DriverError
from linkbalancer.engine.events import DeviceChanged
from linkbalancer.host.devices import DeviceMonitor, Observation
from linkbalancer.host.strangers import Ground
from linkbalancer.links import Address, DeviceName, Family

LOOK_LEAST: Duration = 50 * MILLISECOND
LOOK_MOST: Duration = 250 * MILLISECOND
_A_QUARTER = 4


def look_every(config: Config) -> Duration:
    """Return how often to look without being told: the kernel may hold back a lost carrier for a second.

    A quarter of what everything else is quick in, because on an idle gateway nothing costs more than to wake up.
    """
    quick = [group.advert_interval for group in config.groups.values()]
    quick += [link.probe.detect_time for link in config.links.values()]
    return min(max(min(quick, default=LOOK_MOST) // _A_QUARTER, LOOK_LEAST), LOOK_MOST)


class Lookout:
    """Watches the devices of one gateway.

    Args:
        loop: what turns.
        performer: what this agent has in the kernel: its own changes are no news.
        virtual_ips: what is no device's own address, wherever it stands.
        journal: where is told what the kernel refuses.
        take: where events go.
        healer: told of what others do to what is ours, and of devices that change.
        every: how often to look without being told.

    Attributes:
        primaries: each device's first address that is no virtual IP.
    """

    def __init__(
        self,
        loop: Loop,
        performer: Performer,
        virtual_ips: Collection[Address],
        journal: Journal,
        *,
        take: Take,
        healer: Healer,
        every: Duration,
    ) -> None:
        """Subscribe, and look for the first time; raises OSError, DriverError."""
        self._loop, self._kernel, self._journal = loop, performer.kernel, journal
        self._take, self._healer, self._every = take, healer, every
        self.primaries: dict[DeviceName, IPv4Address | None] = {}
        layout = performer.layout
        ours: set[Address] = {address.ip for _device, address in self._kernel.found().addresses}
        devices = (*layout.lan_devices, *layout.link_devices)
        ground = Ground(*self._kernel.ground)
        self._monitor = DeviceMonitor(
            devices,
            ours.union(virtual_ips),
            self._kernel.port,
            layout.made,
            ground,
            ipv6=Family.IPV6 in layout.families,
        )

    def current(self) -> list[DeviceChanged]:
        """Return every device as last seen."""
        return self._monitor.current()

    def begin(self) -> None:
        """Watch from now on, and tell what is."""
        self._monitor.read()  # what was removed until now was a predecessor's to remove
        self._loop.add(self._monitor, lambda now: self._observe(now, self._monitor.read()))
        self._loop.every(self._every, lambda now: self._observe(now, self._monitor.poll()))
        self._observe(self._loop.clock(), self.current())

    def _observe(self, now: Instant, news: Iterable[Observation]) -> None:
        for one in news:
            if isinstance(one, DeviceChanged):
                self.primaries[one.device] = one.primary
                if one.carrier:
                    self._flush_neighbours(one.device)
                self._take(now, [one])
                self._healer.stir(now, one.device)
            else:
                self._healer.notice(now, one)

    def _flush_neighbours(self, device: DeviceName) -> None:
        try:
            self._kernel.flush_unresolved(device)
        except DriverError as error:
            self._journal.complain(f"forget neighbours on {device}", str(error))
