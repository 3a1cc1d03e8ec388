"""The one shape of a weight function: a view of a link in, a weight out, or None where it cannot be said."""

from typing import Final, Protocol

from linkbalancer.weights.view import View

STATIC: Final = "static"
"""No weight is reckoned at all: the far end's configured priority stands."""

BUILT_IN: Final = (
    STATIC,
    "available-bandwidth",
    "latency",
    "loss",
    "composite",
    "expression",
    "checks",
    "cost",
)
"""The names of our own; every other name is a plug-in's."""


class Function(Protocol):
    """A weight function with its parameters: a frozen value, so that equal ones are known to be equal."""

    @property
    def name(self) -> str:
        """What it is called in a configuration."""

    def weight(self, view: View) -> float | None:
        """Return the weight 0..100 (100 best), None where the view does not say enough: then the last one stands."""

    def because(self, view: View) -> tuple[str, ...]:
        """Return what the weight is made of, for a person: `rtt 31.2 ms`."""
