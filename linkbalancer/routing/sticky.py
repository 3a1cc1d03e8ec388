"""What a balanced step keeps together on one VID."""

from enum import StrEnum


class Sticky(StrEnum):
    """A flow by itself, all flows of a source, or all of a source to one destination.

    The source is the one of the rule file, on the near side, in whichever direction a packet runs.
    """

    FLOW = "flow"
    SOURCE = "src"
    PAIR = "src-dst"
