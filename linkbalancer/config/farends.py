"""The far ends over IPv6 that are asked whether they answer, and how often: those of links, and of static groups."""

from collections.abc import Mapping
from dataclasses import dataclass

from linkbalancer.config.model import Config, Link
from linkbalancer.config.ways import twins
from linkbalancer.health.check import Schedule
from linkbalancer.routing.twins import Twin


@dataclass(frozen=True, slots=True)
class FarEnd:
    """One of them: where it is, and when it is asked."""

    twin: Twin
    schedule: Schedule

    @property
    def kind(self) -> str:
        """What is asked: another address is another far end, of which nothing is known yet."""
        return f"echo {self.twin.gateway6}"


def far_ends(config: Config) -> Mapping[str, FarEnd]:
    """Return them by what the way is called (`link l1`, `VID 3`); none where IPv6 is not steered."""
    if twins(config) is None:
        return {}
    found = {
        f"link {name}": FarEnd(Twin(one.device, None, one.peer6), _schedule(one))
        for name, one in config.links.items()
        if one.peer6 is not None and one.probe6
    }
    return found | {
        f"VID {group}": FarEnd(Twin(one.device, one.gateway, one.gateway6), one.schedule)
        for group, one in config.groups.items()
        if one.gateway6 is not None and one.probe6
    }


def _schedule(link: Link) -> Schedule:
    """Return when a link's far end is asked: as often as LVrrp does, and silent for as long before it is given up."""
    interval = sum(link.probe.interval) // 2
    silence = -(-link.probe.detect_time // interval)
    return Schedule(interval=interval, timeout=interval, rise=silence, fall=silence)
