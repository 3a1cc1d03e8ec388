"""A simulated Keepalived: it runs a gateway's groups of mode `keepalived` as the track files tell it, and says so.

It is a router of ours that cannot claim and keeps no address through a handover. It begins in Fault, as its track files
have it before an agent has written any.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from linkbalancer.clock import MICROSECOND, Duration, Instant
from linkbalancer.config.keepalived.section import MODE
from linkbalancer.config.load import Loaded
from linkbalancer.engine.effects import AddAddresses, Announce, Effect, RemoveAddresses, SendAdvert, SteerKeepalived
from linkbalancer.engine.events import AdvertReceived, DeviceChanged, Event, KeepalivedSays
from linkbalancer.links import GroupId, GroupState
from linkbalancer.sim.agenda import Agenda
from linkbalancer.sim.clock import Clock
from linkbalancer.vrrp import effects, events
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.ip import multicast
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, Received, decode, encode
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Initialize

TRACK_DELAY: Duration = 300 * MICROSECOND
"""How long a number takes through a track file, and a word back through the FIFO."""


class Host(Protocol):
    """The gateway that it runs on."""

    agenda: Agenda
    powered: bool
    time: Clock

    @property
    def clock(self) -> Instant:
        """Its own time."""

    def handle(self, event: Event) -> None:
        """Hand an event to the agent, if there is one."""


@dataclass(slots=True)
class _Instance:
    """One group of it: its router, what it said last, and when its tick is due."""

    group: Group
    router: Router
    said: KeepalivedSays
    wanted: int | None = None
    due: Instant | None = None


@dataclass(slots=True)
class SimulatedKeepalived:
    """All groups of one gateway that have that mode; `perform` sends, and changes the gateway's kernel."""

    host: Host
    perform: Callable[[Effect], None]
    _boot: int | None = None
    _instances: dict[GroupId, _Instance] = field(default_factory=dict)

    def greet(self, loaded: Loaded) -> None:
        """Tell an agent that is new where every group stands; begin, once after each boot, in Fault."""
        if self._boot != self.host.time.boots:
            self._boot = self.host.time.boots
            self._instances.clear()
        for group, one in loaded.config.groups.items():
            if one.mode == MODE and group not in self._instances:
                vrrp = one.vrrp(group)
                said = KeepalivedSays(group, GroupState.FAULT, vrrp.priority)
                self._instances[group] = _Instance(vrrp, Router(vrrp, None), said)
        for known in self._instances.values():
            self._say(known)

    def steer(self, effect: SteerKeepalived) -> None:
        """Take the number that a track file now holds."""
        self._later(TRACK_DELAY, lambda: self._steered(effect))

    def observe(self, event: Event) -> None:
        """See what the host sees: adverts, and its devices."""
        if not self._instances or not self.host.powered:
            return
        match event:
            case AdvertReceived():
                self._advert(event)
            case DeviceChanged(device, carrier, primary):
                for one in self._instances.values():
                    if one.group.device == device:
                        self._handle(one, events.SetPrimary(primary if carrier else None))
                        if carrier and one.wanted is not None and isinstance(one.router.state, Initialize):
                            self._handle(one, events.Startup(one.wanted))
            case _:
                return

    def _later(self, delay: Duration, call: Callable[[], None]) -> None:
        """Call after a while, if the gateway still has power then."""
        host, boot = self.host, self.host.time.boots
        host.agenda.after(delay, lambda: call() if host.powered and host.time.boots == boot else None)

    def _steered(self, effect: SteerKeepalived) -> None:
        one = self._instances.get(effect.group)
        if one is None:
            return
        one.wanted = effect.priority
        if effect.priority is None:
            self._handle(one, events.Shutdown())
            if one.router.state != Initialize():
                one.router.state = Initialize()
                self._perform(one, effects.ReleaseAddresses())
        elif isinstance(one.router.state, Initialize):
            self._handle(one, events.Startup(effect.priority))
        else:
            self._handle(one, events.SetPriority(effect.priority))

    def _advert(self, event: AdvertReceived) -> None:
        received = decode(event.packet)
        assert isinstance(received, Received), "nobody sends anything else here"
        advert = received.advertisement
        one = self._instances.get(GroupId(advert.vrid))
        if one is not None:
            self._handle(one, events.Heard(advert.priority, advert.interval, received.source))

    def _handle(self, one: _Instance, event: events.Event) -> None:
        for effect in one.router.handle(self.host.clock, event):
            self._perform(one, effect)
        state = one.router.group_state
        said = GroupState.FAULT if state is GroupState.INITIALISING else state
        news = KeepalivedSays(one.group.id, said, one.router.priority)
        if news != one.said:
            one.said = news
            self._say(one)
        self._schedule(one)

    def _say(self, one: _Instance) -> None:
        said = one.said
        self._later(TRACK_DELAY, lambda: self.host.handle(said))

    def _schedule(self, one: _Instance) -> None:
        due = one.router.deadline()
        if due is None or due == one.due:
            one.due = due
            return
        one.due = due
        self._later(self.host.time.wait(due), lambda: self._tick(one, due))

    def _tick(self, one: _Instance, due: Instant) -> None:
        if one.due == due and self._instances.get(one.group.id) is one:
            one.due = None
            self._handle(one, events.Tick())

    def _perform(self, one: _Instance, effect: effects.Effect) -> None:
        group, router = one.group, one.router
        match effect:
            case effects.SendAdvert(priority):
                if router.primary is None:
                    return  # its last word on a device that has just lost its carrier
                addresses = tuple(address.ip for address in group.virtual_ips)
                advert = Advertisement(group.vid, priority, group.advert_interval, addresses)
                destination = multicast(group.family)
                message = encode(advert, router.primary, destination, ChecksumForm.RFC5798)
                self.perform(SendAdvert(group.device, router.primary, message, destination))
            case effects.InstallAddresses():
                self.perform(AddAddresses(group.device, group.virtual_ips))
            case effects.ReleaseAddresses():
                self.perform(RemoveAddresses(group.device, group.virtual_ips))
            case effects.AnnounceAddresses():
                self.perform(Announce(group.device, tuple(address.ip for address in group.virtual_ips)))
            case _:
                return
