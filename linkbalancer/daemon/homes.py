"""Where each application belongs in the kernel's map, as far as the agent knows: its process has the last word."""

from collections.abc import Collection, Mapping

from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.links import Vid
from linkbalancer.routing.application import Application
from linkbalancer.routing.marks import DEFAULT_APPLICATION_ID


class Homes:
    """The applications' numbers, and where they go.

    Args:
        applications: as configured.
        app_ids: their numbers.
        places: where their processes said that they go; it may change.
    """

    def __init__(
        self, applications: Mapping[str, Application], app_ids: Mapping[str, int], places: Mapping[str, Vid]
    ) -> None:
        self._applications, self._app_ids, self._places = applications, app_ids, places

    def missing(self, present: Collection[int]) -> dict[int, Vid]:
        """Return where those go that have no element: where they went last, else to their first VID."""
        return {
            app_id: self._places.get(name, self._applications[name].vids[0])
            for name, app_id in self._app_ids.items()
            if app_id not in present and self._applications[name].vids
        }

    def fill(self, writer: MapWriter) -> list[str]:
        """Give every application that has none an element, so that no packet of its leaks before its process steers.

        Elements that are there belong to the application's process and are left alone. Raises DriverError.
        """
        missing = self.missing(writer.read())
        return [f"steered {len(missing)} applications that nobody steered"] if writer.steer(missing) else []

    def astray(self, present: Mapping[int, Vid | None]) -> dict[int, Vid | None]:
        """Return where those belong that are somewhere else than their processes said; the default one to main."""
        wanted: dict[int, Vid | None] = {DEFAULT_APPLICATION_ID: None}
        wanted |= {self._app_ids[name]: vid for name, vid in self._places.items() if name in self._app_ids}
        return {one: vid for one, vid in wanted.items() if one not in present or present[one] != vid}

    def everywhere(self, present: Mapping[int, Vid | None]) -> dict[int, Vid | None]:
        """Return every element that the map should have, where it has been emptied: those present stay."""
        return {DEFAULT_APPLICATION_ID: None, **self.missing(present), **present}

    def best(self, working: Collection[Vid]) -> dict[int, Vid | None]:
        """Return the first VID that works of each application, its first one where none does."""
        found: dict[int, Vid | None] = {}
        for name, app_id in self._app_ids.items():
            vids = self._applications[name].vids if name in self._applications else ()
            found[app_id] = next((vid for vid in vids if vid in working), next(iter(vids), None))
        return found
