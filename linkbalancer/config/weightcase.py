"""How a link is weighed for one VID, as a check sees it: all keys together, and where each of them is written."""

from collections.abc import Mapping
from dataclasses import dataclass

from linkbalancer.config.document import Path
from linkbalancer.config.parts import Part
from linkbalancer.config.weighing import Weight
from linkbalancer.links import GroupId
from linkbalancer.weights.function import STATIC


@dataclass(frozen=True, slots=True)
class Case:
    """How a link is weighed for one VID: all good keys, where each is written, and which are wrong in themselves."""

    group: GroupId
    weight: Weight
    places: Mapping[str, Path]
    link: Part | None
    wrong: frozenset[str] = frozenset()

    @property
    def function(self) -> str:
        """The function's name."""
        return self.weight.function or STATIC

    @property
    def parts(self) -> tuple[str, ...]:
        """Every function that takes part: itself, and those that a composite is made of."""
        return (self.function, *(self.weight.composite or {})) if self.function == "composite" else (self.function,)

    def place(self, key: str) -> Path:
        """Return where a key is written, or where it should be."""
        return self.places.get(key, self.places.get("function", ()))
