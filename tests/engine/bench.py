"""One agent on a bench: built from a real configuration, and handed events by hand."""

from random import Random
from typing import Any

from linkbalancer.engine.agent import Agent
from linkbalancer.engine.effects import Effect
from linkbalancer.engine.events import AdvertReceived, DeviceChanged, Event, Started, Tick
from linkbalancer.engine.found import Found
from linkbalancer.links import Mac, OnProbeLoss
from linkbalancer.sim.shape import LAN_DEVICE, LINK_DEVICE, Shape, lan_address, link_address, loaded, virtual_ip
from linkbalancer.sim.wire import NEAR
from linkbalancer.vrrp.ip import MULTICAST, wrap
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, encode

MS = 1_000_000
B2: Mac = bytes.fromhex("020000000102")
SHAPE = Shape(secret=False)
STOP = Shape(secret=False, mode=OnProbeLoss.STOP)


class Bench:
    """The agent of gateway b1 of two links; `now` is its clock."""

    def __init__(
        self, shape: Shape = SHAPE, *, now: int = 10**12, name: str = "b1", found: Found | None = None
    ) -> None:
        self.now = now
        config = loaded(shape, name)
        app_ids = {app: number for number, app in enumerate(config.rules.applications, start=2)}
        self.agent = Agent(config, {}, Random(1), app_ids, session=1, boot=now, found=found)

    def do(self, event: Event) -> list[Effect]:
        """Hand in an event now."""
        return self.agent.handle(self.now, event)

    def carrier(self, device: str, *, up: bool = True) -> list[Effect]:
        """Let a device have carrier, or lose it."""
        address = lan_address(NEAR, 1) if device == LAN_DEVICE else link_address(NEAR, 1)
        return self.do(DeviceChanged(device, up, address))

    def start(self) -> list[Effect]:
        """Give both devices carrier and start."""
        return [*self.carrier(LAN_DEVICE), *self.carrier(LINK_DEVICE), *self.do(Started())]

    def hear(self, vid: int, priority: int, *, device: str = LAN_DEVICE, number: int = 2) -> list[Effect]:
        """Receive an advertisement of another near gateway."""
        source = lan_address(NEAR, number)
        advertisement = Advertisement(vid, priority, 200 * MS, (virtual_ip(NEAR, vid).ip,))
        packet = wrap(source, MULTICAST, encode(advertisement, source, MULTICAST, ChecksumForm.RFC9568))
        return self.do(AdvertReceived(device, packet, B2))

    def wait(self, ms: int) -> list[Effect]:
        """Let time pass, with a tick at every deadline."""
        until, effects = self.now + ms * MS, list[Effect]()
        while (deadline := self.agent.deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            effects += self.do(Tick())
        self.now = until
        return effects

    def group(self, vid: int) -> dict[str, Any]:
        """Return the status of a VID."""
        group: dict[str, Any] = self.agent.status(self.now)["groups"][str(vid)]
        return group

    @property
    def counters(self) -> dict[str, int]:
        """The agent's counters."""
        counters: dict[str, int] = self.agent.status(self.now)["counters"]
        return counters


def of_type(effects: list[Effect], kind: type[Any]) -> list[Any]:
    """Return the effects of one kind."""
    return [effect for effect in effects if isinstance(effect, kind)]
