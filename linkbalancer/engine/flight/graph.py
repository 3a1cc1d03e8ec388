"""Values, and whole machines with everything that they know, as JSON and back: what a recording begins with.

A machine is objects that refer to one another, and some of what it decides rests on two of them being the same one. So
every object is written once, as a node of a table, and referred to by its number. What is no node's business (the
configuration, which a recording holds as text; keys, which it must not hold) is named by whoever writes, and found
again by whoever reads.

Reading makes objects of the classes of the pure packages and of no others, and runs none of their code: a recording
comes from somebody else, by mail.
"""

import importlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from datetime import date
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from itertools import count
from types import FunctionType, MethodType
from typing import Any, Final, TypeAlias

PACKAGE: Final = "linkbalancer."
PURE: Final = ("engine", "config", "lvrrp", "vrrp", "health", "routing", "weights", "feed", "links", "clock", "machine")
"""The packages, and the modules beside them, whose objects may be written and made anew."""

Json: TypeAlias = Any
"""Whatever JSON has."""

Value: TypeAlias = Any
"""Whatever there is."""

Outside: TypeAlias = Callable[[object], Any]
"""Names, JSON-able, what is not written as a node; None for all else."""

Inside: TypeAlias = Callable[[Any], object]
"""Finds what was named; raises LookupError or ValueError where there is nothing of that name."""

_PARAMETERS: Final = "__dataclass_params__"
_ADDRESSES: Final = {
    one.__name__: one for one in (IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network)
}
_MAPPINGS: Final[dict[str, type]] = {"dict": dict, "Counter": Counter}
_FILLED: Final[dict[str, type]] = {**_MAPPINGS, "list": list, "set": set}
_IMMUTABLE: Final[dict[str, type]] = {"tuple": tuple, "frozenset": frozenset}


class GraphError(ValueError):
    """What is to be written or read cannot be; the argument says what, for a developer."""


def _unknown(name: object) -> object:
    raise GraphError(f"it names {name!r}, which is not there")


def dump(value: object, outside: Outside = lambda _value: None) -> dict[str, Any]:
    """Return a value as JSON-able values; raises GraphError where there is something that nobody can read again."""
    writer = _Writer(outside)
    root = writer.refer(value)
    return {"root": root, "nodes": writer.nodes}


def restore(graph: Json, inside: Inside = _unknown) -> Value:
    """Return what `dump` was given; raises GraphError for anything else than what it returned."""
    try:
        reader = _Reader(graph["nodes"], inside)
        value = reader.value(graph["root"])
        reader.fill()
    except GraphError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise GraphError(f"it makes no sense: {error}") from error
    return value


class _Writer:
    """Numbers the nodes in the order in which they are met."""

    def __init__(self, outside: Outside) -> None:
        self.nodes: list[Any] = []
        self._outside = outside
        self._numbers: dict[int, int] = {}
        self._kept: list[object] = []  # an object that is freed would give its number to another one

    def refer(self, value: object) -> Json:
        """Return a value that JSON has as it is, any other as the number of its node, in brackets."""
        if value is None or type(value) in {bool, int, str}:
            return value
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self.nodes)
            self._kept.append(value)
            self.nodes.append(None)
            self.nodes[number] = self._node(value)
        return [number]

    def _node(self, value: object) -> list[Any]:
        named = self._outside(value)
        if named is not None:
            return ["outside", named]
        leaf = _leaf(value)
        if leaf is not None:
            return leaf
        kind = type(value)
        match value:
            case MethodType():
                return ["method", self.refer(value.__self__), value.__name__]
            case dict() if kind in _MAPPINGS.values():
                return [kind.__name__, [[self.refer(key), self.refer(one)] for key, one in value.items()]]
            case deque():
                return ["deque", value.maxlen, [self.refer(one) for one in value]]
            case set() | frozenset():
                return [kind.__name__, [self.refer(one) for one in sorted(value, key=repr)]]
            case list() | tuple() if kind in {list, tuple}:
                return [kind.__name__, [self.refer(one) for one in value]]
            case tuple():
                return ["named", _name(kind), [self.refer(one) for one in value]]
            case int() | str() | list() | dict():
                raise GraphError(f"there is no node for a {kind.__qualname__}")
            case _:
                return ["object", _name(kind), {name: self.refer(one) for name, one in attributes(value)}]


def _leaf(value: object) -> list[Any] | None:
    """Return the node of a value that refers to no other, None for one that does."""
    match value:
        case Enum():
            return ["enum", _name(type(value)), value.name]
        case count():
            return ["count", *value.__reduce__()[1]]
        case float():
            return ["float", value.hex()]
        case bytes():
            return ["bytes", value.hex()]
        case date():
            return ["date", value.isoformat()]
        case type() | FunctionType():
            return ["name", _name(value)]
        case _ if type(value).__name__ in _ADDRESSES:
            return ["address", type(value).__name__, str(value)]
        case _:
            return None


class _Reader:
    """Makes the nodes that are asked for, each once; `fill` completes what refers back to itself."""

    def __init__(self, nodes: list[Any], inside: Inside) -> None:
        self._nodes, self._inside = nodes, inside
        self._made: dict[int, Any] = {}
        self._objects: deque[tuple[Any, Mapping[str, Any]]] = deque()
        self._containers: list[tuple[Any, list[Any]]] = []

    def value(self, ref: Json) -> Value:
        """Return what a reference means."""
        if not isinstance(ref, list):
            return ref
        (number,) = ref
        if number not in self._made:
            if number < 0:
                raise GraphError(f"there is no node {number}")
            self._make(number, *self._nodes[number])
        return self._made[number]

    def fill(self) -> None:
        """Give every object its attributes, and then, when all keys can be compared, every container its content."""
        while self._objects or self._containers:
            while self._objects:
                made, found = self._objects.popleft()
                self._set(made, found)
            filled, self._containers = self._containers, []
            content = [(made, [self._item(one, made) for one in found]) for made, found in filled]
            self._later(content)

    def _later(self, content: list[tuple[Any, list[Any]]]) -> None:
        while self._objects:
            self._set(*self._objects.popleft())
        for made, found in content:
            match made:
                case dict():
                    dict.update(made, found)  # a Counter's own would count them
                case set():
                    made.update(found)
                case _:
                    made.extend(found)

    def _item(self, one: Json, made: object) -> Value:
        if isinstance(made, dict):
            key, value = one
            return self.value(key), self.value(value)
        return self.value(one)

    def _set(self, made: object, found: Mapping[str, Any]) -> None:
        for name, ref in found.items():
            if name.startswith("__") or not name.isidentifier():
                raise GraphError(f"{name!r} is no attribute")
            object.__setattr__(made, name, self.value(ref))

    def _make(self, number: int, kind: str, *rest: Json) -> None:
        match kind, rest:
            case "object", (name, found):
                cls = _class(name)
                made = self._made[number] = object.__new__(cls)
                if is_dataclass(cls) and getattr(cls, _PARAMETERS).frozen:
                    self._set(made, found)  # at once: it may be a key, which is compared by what is in it
                else:
                    self._objects.append((made, found))
            case _, (found,) if kind in _FILLED:
                self._container(number, _FILLED[kind](), found)
            case "deque", (limit, found):
                self._container(number, deque(maxlen=limit), found)
            case _:
                self._made[number] = self._simple(kind, *rest)

    def _container(self, number: int, made: object, found: list[Any]) -> None:
        self._made[number] = made
        self._containers.append((made, found))

    def _simple(self, kind: str, *rest: Json) -> Value:
        match kind, rest:
            case (("tuple" | "frozenset"), (found,)):
                return _IMMUTABLE[kind](map(self.value, found))
            case "named", (name, found):
                return tuple.__new__(_class(name), map(self.value, found))
            case "method", (owner, name):
                found = self.value(owner)
                return MethodType(_method(type(found), name), found)
            case "outside", (name,):
                return self._inside(name)
            case _ if kind in _LEAVES:
                return _LEAVES[kind](*rest)
            case _:
                raise GraphError(f"there is no node of kind {kind!r}")


def attributes(value: object) -> Iterator[tuple[str, Any]]:
    """Yield an object's attributes: those in slots, then those in its dictionary."""
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in {"__dict__", "__weakref__"} and hasattr(value, name):
                yield name, getattr(value, name)
    yield from getattr(value, "__dict__", {}).items()


def _name(value: type | FunctionType) -> str:
    name = f"{value.__module__}:{value.__qualname__}"
    if _find(name) is not value:
        raise GraphError(f"{name} cannot be found by its name")
    return name


def _class(name: str) -> Json:
    found = _find(name)
    if not isinstance(found, type):
        raise GraphError(f"{name} is no class")
    return found


def _method(cls: type, name: str) -> FunctionType:
    found = next((one.__dict__[name] for one in cls.__mro__ if name in one.__dict__), None)
    if not isinstance(found, FunctionType):
        raise GraphError(f"a {cls.__qualname__} has no method {name!r}")
    return found


def _find(name: str) -> Json:
    """Return what a pure package defines by a name."""
    module, _, path = name.partition(":")
    package = module.removeprefix(PACKAGE).partition(".")[0]
    if not module.startswith(PACKAGE) or package not in PURE:
        raise GraphError(f"{name} belongs to no pure package")
    try:
        found: Any = importlib.import_module(module)
        for word in path.split("."):
            found = found.__dict__[word]
    except (ImportError, KeyError, AttributeError):
        raise GraphError(f"{name} is not known to this program") from None
    if not isinstance(found, type | FunctionType) or found.__module__ != module:
        raise GraphError(f"{name} is neither a class nor a function of its own")
    return found


_LEAVES: Final[dict[str, Callable[..., Value]]] = {
    "enum": lambda name, member: _class(name)[member],
    "address": lambda name, text: _ADDRESSES[name](text),
    "bytes": bytes.fromhex,
    "date": date.fromisoformat,
    "float": float.fromhex,
    "count": count,
    "name": _find,
}
