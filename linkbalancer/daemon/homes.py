"""Where each application belongs in the kernel's map, as far as the agent knows: its process has the last word."""

from collections.abc import Collection, Mapping

from linkbalancer.drivers.firewall import Aims
from linkbalancer.links import Vid
from linkbalancer.routing.application import Application
from linkbalancer.routing.balance import Aim, Target, target
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

    def missing(self, present: Collection[int]) -> dict[int, Aim]:
        """Return where those go that have no element: where they went last, else to their first step."""
        return {
            app_id: self._aim(name, self._places.get(name, self._applications[name].vids[0]))
            for name, app_id in self._app_ids.items()
            if app_id not in present and self._applications[name].steps
        }

    def fill(self, writer: Aims) -> list[str]:
        """Give every application that has none an element, so that no packet of its leaks before its process steers.

        Elements that are there belong to the application's process and are left alone. Raises DriverError.
        """
        missing = self.missing(writer.read())
        return [f"steered {len(missing)} applications that nobody steered"] if writer.steer(missing) else []

    def astray(self, present: Mapping[int, Aim | None]) -> dict[int, Aim | None]:
        """Return where those belong that are somewhere else than their processes said; the default one to main.

        In which form one is pointed there is its process's.
        """
        wanted: dict[int, Aim | None] = {DEFAULT_APPLICATION_ID: None}
        wanted |= {
            self._app_ids[name]: self._aim(name, vid) for name, vid in self._places.items() if name in self._app_ids
        }
        return {one: aim for one, aim in wanted.items() if one not in present or _to(present[one]) != _to(aim)}

    def everywhere(self, present: Mapping[int, Aim | None]) -> dict[int, Aim | None]:
        """Return every element that the map should have, where it has been emptied: those present stay."""
        return {DEFAULT_APPLICATION_ID: None, **self.missing(present), **present}

    def best(self, working: Collection[Vid]) -> dict[int, Aim | None]:
        """Return the first step of each application of which anything works, its first one where nothing does."""
        found: dict[int, Aim | None] = {}
        for name, app_id in self._app_ids.items():
            vids = self._applications[name].vids if name in self._applications else ()
            vid = next((vid for vid in vids if vid in working), next(iter(vids), None))
            found[app_id] = None if vid is None else self._aim(name, vid)
        return found

    def _aim(self, name: str, vid: Vid) -> Aim:
        """Return how an application is pointed that is on a VID: of a balanced step its process tells one of them."""
        application = self._applications.get(name)
        if application is None:
            return Aim(vid)
        step = next((step for step in application.steps if any(member.vid == vid for member in step)), None)
        return Aim(vid if step is None else target(step, application.sticky), application.manner.resting)


def _to(aim: Aim | None) -> Target | None:
    return None if aim is None else aim.to
