"""What a benchmark is: figures that are taken together, how a run of them is set, and phases that are tried again."""

import random
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from tests.benchmarks.figures import Figure
from tests.interop.makers import Gateway

TRIES = 3
Place = TypeVar("Place")
Sample = TypeVar("Sample")


@dataclass(frozen=True, slots=True)
class Setting:
    """How a run is done: repetitions, the seed of the phases, where files may be, whom to tell of what is done."""

    repeat: int
    seed: int
    files: Path
    tell: Callable[[str], None]
    makers: dict[str, Callable[..., Gateway]]

    def phases(self, name: str) -> list[float]:
        """Return at which phases (0 to 1) the faults of a figure fall: the same for all makers."""
        chance = random.Random(f"{self.seed} {name}")
        return [chance.random() for _ in range(self.repeat)]


@dataclass(frozen=True, slots=True)
class Job:
    """What is measured together: the names of its figures, and how; `alone` if nothing else may run beside it."""

    names: tuple[str, ...]
    run: Callable[[Setting], list[Figure]]
    alone: bool


@dataclass(frozen=True, slots=True)
class Series(Generic[Place, Sample]):
    """The repetitions of one fault at one place.

    Args:
        name: whose they are.
        build: yields the place below a folder, with all gateways settled.
        measure: strikes at a phase, heals, and returns what it cost.
        words: says a sample in a few words.
    """

    name: str
    build: Callable[[Path], AbstractContextManager[Place]]
    measure: Callable[[Place, float], Sample]
    words: Callable[[Sample], str]

    def measured(self, setting: Setting, phases: Sequence[float]) -> list[Sample]:
        """Measure at every phase; what does not settle is begun again in a new place, and told."""
        files = setting.files / self.name.replace(" ", "-")
        samples: list[Sample] = []
        for number in range(TRIES):
            try:
                self._go_on(files / str(number), setting, phases, samples)
            except TimeoutError as error:
                setting.tell(f"{self.name}: {error}")
            else:
                shutil.rmtree(files)
                return samples
        raise TimeoutError(f"{self.name} does not settle; logs are in {files}")

    def _go_on(self, files: Path, setting: Setting, phases: Sequence[float], samples: list[Sample]) -> None:
        with self.build(files) as place:
            for phase in phases[len(samples) :]:
                samples.append(self.measure(place, phase))
                setting.tell(f"{self.name} {len(samples)}/{len(phases)}: {self.words(samples[-1])}")
