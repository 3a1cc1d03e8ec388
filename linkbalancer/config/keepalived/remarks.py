"""What is to be said of a keepalived.conf that becomes a configuration of ours: one remark a thing, with its place."""

from dataclasses import dataclass
from enum import StrEnum

from linkbalancer.config.findings import Finding


class Kind(StrEnum):
    """What became of a thing.

    LOST: it is not carried over, and something will be different. CHANGED: it is carried over, and works otherwise.
    NEEDLESS: nothing of ours has to say it.
    """

    LOST = "lost"
    CHANGED = "changed"
    NEEDLESS = "needless"


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """One thing that a person should know; the finding says where, what, and what to do about it."""

    finding: Finding
    kind: Kind

    def __str__(self) -> str:
        place = f"{self.finding.file}:{self.finding.line}"
        return f"{place}: {self.kind}: {self.finding.what}; {self.finding.remedy}"
