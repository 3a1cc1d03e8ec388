"""What a verb of the api is: how it is answered, and what it says of itself.

A verb documents itself: a sentence, its arguments, whether it changes something. The verb `verbs` lists them all,
`docs/api.md` must have exactly them, and arguments of another name or kind are refused before the verb is asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.daemon.requests import Request

Take: TypeAlias = Callable[[Instant, Request], None]

KINDS: Mapping[str, Callable[[object], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53,
    "instant": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53,
    "switch": lambda value: isinstance(value, bool),
    "texts": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    "object": lambda value: isinstance(value, dict),
}
"""What an argument can be, and how it is told; null stands for an argument that is not given."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a verb: of which kind it is (`KINDS`), a few words on it, and whether it must be given."""

    kind: str
    about: str
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """What can be asked for.

    `about` is one sentence; `changes` says that it changes something, so that `control.sock` alone takes it.
    """

    take: Take
    about: str
    arguments: Mapping[str, Argument]
    changes: bool = False

    def fault(self, given: Mapping[str, Any]) -> tuple[str, str] | None:
        """Say what is wrong with the arguments that were given, and what is right; None when nothing is wrong."""
        known = ", ".join(f"{name} ({argument.kind})" for name, argument in self.arguments.items())
        right = f"it takes {known}" if known else "it takes no arguments"
        for name, value in given.items():
            argument = self.arguments.get(name)
            if argument is None:
                return f"there is no argument {name!r}", right
            if value is not None and not KINDS[argument.kind](value):
                return f"{name} must be of the kind {argument.kind}", right
        for name, argument in self.arguments.items():
            if argument.required and given.get(name) is None:
                return f"{name} is missing", right
        return None

    def describe(self) -> dict[str, Any]:
        """Return what it says of itself."""
        arguments = {
            name: {"kind": argument.kind, "about": argument.about, "required": argument.required}
            for name, argument in self.arguments.items()
        }
        return {"about": self.about, "changes": self.changes, "arguments": arguments}


def list_of(verbs: Mapping[str, Verb]) -> Verb:
    """Return the verb that lists a table of verbs, which may grow later."""

    def take(_now: Instant, request: Request) -> None:
        request.answer({"verbs": {name: verb.describe() for name, verb in sorted(verbs.items())}})

    return Verb(take=take, about="Lists every verb with its arguments.", arguments={})
