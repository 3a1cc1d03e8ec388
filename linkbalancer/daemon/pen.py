"""The pen: writes what becomes of a configuration into its entry, later where the disk refuses."""

from collections.abc import Mapping

from linkbalancer.daemon.configurations import Configurations, NotKeptError
from linkbalancer.daemon.logs import Log


class Pen:
    """Writes changes of entries in order.

    Args:
        kept: the store.
        log: where a refusal of the disk is said.
    """

    def __init__(self, kept: Configurations, log: Log) -> None:
        self._kept, self._log = kept, log
        self._unwritten: dict[int, dict[str, object]] = {}

    def change(self, number: int, changes: Mapping[str, object]) -> None:
        """Change an entry, now if that can be."""
        self._unwritten.setdefault(number, {}).update(changes)
        self.write()

    def write(self) -> None:
        """Write what is not written yet."""
        for number, changes in tuple(self._unwritten.items()):
            try:
                self._kept.change(number, **changes)
            except NotKeptError as error:
                self._log.warning("configuration", text=f"its state is not written yet: {error}")
                return
            del self._unwritten[number]
