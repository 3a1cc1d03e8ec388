"""What is good in a configuration, and what is complained of: the two ends of every check."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from linkbalancer.config.document import Path
from linkbalancer.config.parts import Part
from linkbalancer.links import GroupId


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something wrong at a path of the document (at its key where `at_key`), or, with `warning`, only doubtful.

    `after`: in the text that is there, behind so many characters that are no blanks.
    """

    path: Path
    what: str
    remedy: str
    at_key: bool = False
    warning: bool = False
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """What is good in a configuration, however much else of it is wrong."""

    top: Part
    lans: Mapping[str, Part]
    links: Mapping[str, Part]
    groups: Mapping[GroupId, Part]
    marks: Part
    sync_groups: Mapping[str, Part] = field(default_factory=dict)
    trackers: Mapping[str, Part] = field(default_factory=dict)


def known(part: Part, key: str) -> tuple[Any, ...]:
    """Return the entries of a list, none where it is not right."""
    return tuple(part[key]) if part.knows(key) else ()
