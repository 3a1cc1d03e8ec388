"""Taking devices down beside the agent's work: the kernel waits 10 ms and more, each time, until nobody reads them.

A thread that lives as long as there is something to do. A few devices are taken down one after the other; many are
removed all at once, which takes the kernel hardly longer than one, and made anew.
"""

import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.links import DeviceName

FEW: Final = 4

_PATIENCE_S: Final = 5.0
"""How long whoever needs a device waits for it at most."""


class Lowering:
    """The devices that are to go down.

    `one` takes a device down; `many` removes devices and makes them anew. Both are called in the thread, and may raise
    DriverError: what is left is up to whoever compares.
    """

    def __init__(self, one: Callable[[DeviceName], None], many: Callable[[Collection[DeviceName]], None]) -> None:
        self._one, self._many = one, many
        self._changed = threading.Condition()
        self._waiting: dict[DeviceName, None] = {}
        self._under_way: frozenset[DeviceName] = frozenset()
        self._thread: threading.Thread | None = None

    def __contains__(self, device: DeviceName) -> bool:
        with self._changed:
            return device in self._waiting or device in self._under_way

    def add(self, device: DeviceName) -> None:
        """Have a device taken down soon."""
        with self._changed:
            self._waiting[device] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="lowering", daemon=True)
                self._thread.start()

    def withdraw(self, device: DeviceName) -> None:
        """Leave a device as it is; where it is going down already, wait until it has."""
        with self._changed:
            self._waiting.pop(device, None)
            self._changed.wait_for(lambda: device not in self._under_way, _PATIENCE_S)

    def finish(self) -> None:
        """Wait until all is done."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._under_way, _PATIENCE_S)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._under_way = frozenset(self._waiting)
                self._waiting.clear()
                if not self._under_way:
                    self._thread = None
                    self._changed.notify_all()
                    return
            self._lower(sorted(self._under_way))
            with self._changed:
                self._under_way = frozenset()
                self._changed.notify_all()

    def _lower(self, devices: list[DeviceName]) -> None:
        if len(devices) > FEW:
            with suppress(DriverError):
                self._many(devices)
            return
        for device in devices:
            with suppress(DriverError):
                self._one(device)
