"""What a rule line says about balancing: the option `sticky=`, and what is hardly meant."""

from collections.abc import Iterator
from typing import Final

from linkbalancer.config.findings import FieldError, nearest
from linkbalancer.routing.application import Step
from linkbalancer.routing.balance import SLOTS
from linkbalancer.routing.sticky import Sticky

STICKY: Final = "sticky"


def sticky(word: str) -> Sticky:
    """Read what a balanced step keeps together: `flow`, `src`, `src-dst`.

    Raises:
        FieldError: It is none of them.
    """
    if word in set(Sticky):
        return Sticky(word)
    near = nearest(word, list(Sticky))
    remedy = f"did you mean {near}?" if near else f"write one of: {', '.join(Sticky)}"
    raise FieldError(f"{word!r} is nothing that a step keeps together", remedy)


def too_light(step: Step) -> Iterator[tuple[str, str]]:
    """Yield what to say of VIDs whose share is less than half a slot: they may get none at all."""
    whole = sum(member.weight for member in step)
    for member in step:
        if 2 * SLOTS * member.weight < whole:
            what = (
                f"the weight {member.weight} of VID {member.vid} is less than half of a {SLOTS}th of the step's {whole}"
            )
            yield what, "no flow may ever take it: give it more, or leave it out"
