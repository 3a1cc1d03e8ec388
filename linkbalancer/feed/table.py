"""The table of VIDs: what the agent tells every application process, whole, newest wins (style rule 10)."""

from dataclasses import dataclass, field

from linkbalancer.links import Vid


@dataclass(frozen=True, slots=True)
class VidEntry:
    """One VID as this gateway sees it.

    `works` is the verdict of mission A3: a live Master whose link is open at both ends. `master` is `self`, `other` or
    `none`; `reason` says in a few words why; `link` names this gateway's own link for the VID, if it has one. `breaks`
    are the service levels, as a rule file writes them and in their order, that its Master's link does not meet, each
    with what breaks it.
    """

    vid: Vid
    works: bool
    master: str
    reason: str
    link: str | None = None
    breaks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Every VID, and every application: its id, and in short the definition that the agent has of it.

    A process follows a table only where its own definition is the agent's, so an edit of one application is nothing to
    the others. `sequence` grows with every table of one agent; `session` is another number for every start of an agent.
    `working` are the VIDs that work, `here` those that this gateway is Master of, `broken` those whose links break a
    service level and what breaks it, by that level's words; all found from the others.
    """

    session: int
    sequence: int
    applications: dict[str, int]
    definitions: dict[str, str]
    vids: tuple[VidEntry, ...]
    working: frozenset[Vid] = field(init=False, repr=False, compare=False)
    here: frozenset[Vid] = field(init=False, repr=False, compare=False)
    broken: dict[str, dict[Vid, str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find what VIDs work and keep, once: a process asks for it again for each of its applications."""
        object.__setattr__(self, "working", frozenset(entry.vid for entry in self.vids if entry.works))
        object.__setattr__(self, "here", frozenset(entry.vid for entry in self.vids if entry.master == "self"))
        broken: dict[str, dict[Vid, str]] = {}
        for entry in self.vids:
            for level, what in entry.breaks:
                broken.setdefault(level, {})[entry.vid] = what
        object.__setattr__(self, "broken", broken)

    def breaking(self, level: str) -> dict[Vid, str]:
        """Return the VIDs whose links break a service level, and what breaks it."""
        return self.broken.get(level, {})
