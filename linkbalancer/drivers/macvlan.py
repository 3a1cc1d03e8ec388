"""What a device with a virtual MAC is to be."""

from typing import NamedTuple

from linkbalancer.links import DeviceName, Mac


class Macvlan(NamedTuple):
    """A device with a virtual MAC, on top of a group's device; `ipv6` is whether it holds addresses of that family."""

    device: DeviceName
    parent: DeviceName
    mac: Mac
    ipv6: bool
