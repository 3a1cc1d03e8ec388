"""What `scripts/compile` writes out before it compiles must mean what the dataclasses meant."""

import importlib.util
import re
import sys
from dataclasses import fields, is_dataclass, replace
from itertools import combinations_with_replacement
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TOP = Path(__file__).parents[2]
SAMPLE = '''
from dataclasses import dataclass, field

@dataclass(frozen=True, slots=True)
class Nothing:
    """Says nothing."""

@dataclass(frozen=True, slots=True)
class Word:
    """Says something."""

    text: str
    times: int = 2

    @property
    def said(self) -> str:
        return self.text * self.times

@dataclass(frozen=True)
class Other:
    """Has the same fields as a word."""

    text: str
    times: int = 2

@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Takes its fields by name, and makes one of them."""

    text: str = field(repr=False)
    parts: list[str] = field(default_factory=list)
'''
CONSTANTS = '''
"""Some are numbers for ever."""

from typing import Final

Duration = int
SECOND: Duration = 10**9
"""A unit."""
LONG: Duration = (
    2 * SECOND
)
COUNT = 3
_HIDDEN = COUNT << 2
ALREADY: Final = 5
TRUE = True
TEXT = "7"
FLOAT: float = 3
LISTED = [COUNT]
small = 4

def use() -> tuple[object, ...]:
    """Return them all."""
    return SECOND, LONG, COUNT, _HIDDEN, ALREADY, TRUE, TEXT, FLOAT, LISTED, small
'''
CASES = '''
"""Asks for classes."""

from linkbalancer.lvrrp import events as words

class Own:
    class Word:
        """No module's."""

def tell(word: object) -> str:
    """Say of which kind it is."""
    match word:
        case words.Tick() | words.Bye(hold=1):
            return "spoke"
        case Own.Word():
            return "own"
        case _:
            return "else"

def told() -> list[str]:
    """Try them all."""
    return [tell(word) for word in (words.Tick(), words.Bye(1), Own.Word(), words.Bye(2))]
'''
KEPT = """
from dataclasses import dataclass, field
from typing import ClassVar

@dataclass(slots=True)
class Mutable:
    x: int

@dataclass(frozen=True, order=True)
class Ordered:
    x: int

@dataclass(frozen=True)
class Fielded:
    x: int = field(hash=False)

@dataclass(frozen=True)
class Doubtful:
    x: list[int] | None = field(default_factory=list)

@dataclass(frozen=True)
class Shared:
    x: ClassVar[int] = 1

@dataclass(frozen=True)
class Checked:
    x: int

    def __post_init__(self) -> None:
        assert self.x

@dataclass(frozen=True)
class Base:
    x: int

@dataclass(frozen=True)
class Derived(Base):
    y: int
"""


def load(name: str, place: Path) -> ModuleType:
    """Run a file as a module of that name."""
    spec = importlib.util.spec_from_file_location(name, place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def both(tmp_path: Path, text: str) -> tuple[ModuleType, ModuleType]:
    """Run a text as it is, and written out."""
    before, after = tmp_path / "before.py", tmp_path / "after.py"
    before.write_text(text)
    after.write_text(unfreezing.unfreeze(text))
    return load("unfreeze_before", before), load("unfreeze_after", after)


unfreezing = load("unfreezing", TOP / "scripts" / "unfreeze.py")


def samples(module: Any) -> list[Any]:
    """Return objects of every kind, some of them equal."""
    words = [kind(*told) for kind in (module.Word, module.Other) for told in (("a",), ("a", 2), ("b",), ("a", 3))]
    return [module.Nothing(), module.Nothing(), *words]


def test_what_is_written_out_compares_hashes_and_reads_as_before(tmp_path: Path) -> None:
    """Sets must have the same order, too: histories follow it."""
    text = unfreezing.unfreeze(SAMPLE)
    before, after = map(samples, both(tmp_path, SAMPLE))

    assert 4 == text.count("def __init__")
    assert 0 == text.count("frozen")
    for one, other in combinations_with_replacement(range(len(before)), 2):
        assert (before[one] == before[other]) is (after[one] == after[other])
    assert "a" != after[2]
    assert list(map(hash, before)) == list(map(hash, after))
    assert list(map(repr, before)) == list(map(repr, after))
    assert ("text", "times") == type(after[2]).__match_args__
    assert "ccc" == replace(after[2], text="c", times=3).said


def test_fields_that_are_named_or_made_are_so_still(tmp_path: Path) -> None:
    """A list that is made is another each time, and one that is given is that very one, empty or not."""
    for module in both(tmp_path, SAMPLE):
        given: list[str] = []
        one, other = module.Named(text="a"), module.Named(text="a")

        assert one == other
        assert one.parts is not other.parts
        assert given is module.Named(text="a", parts=given).parts
        assert "a" not in repr(one).replace("Named", "").replace("parts", "")
        with pytest.raises(TypeError):
            module.Named("a")


def test_numbers_in_capitals_become_final(tmp_path: Path) -> None:
    """What else stands in capitals may be changed, or is no number."""
    text = unfreezing.finalise(CONSTANTS)
    before, after = tmp_path / "before.py", tmp_path / "after.py"
    before.write_text(CONSTANTS)
    after.write_text(text)

    assert ["SECOND", "LONG", "COUNT", "_HIDDEN"] == re.findall(r"^(\w+): _Final = ", text, re.MULTILINE)
    assert load("final_before", before).use() == load("final_after", after).use()
    assert "class Nothing:\n    x: str\n" == unfreezing.finalise("class Nothing:\n    x: str\n")


def test_what_is_not_plain_stays_as_it_is() -> None:
    """Mutable, ordered, derived or with fields that need more than an assignment."""
    assert {"Base"} == unfreezing.bases_in(KEPT)
    assert KEPT == unfreezing.unfreeze(KEPT, unfreezing.bases_in(KEPT))


def test_classes_of_modules_are_named_in_cases(tmp_path: Path) -> None:
    """Those that are asked for elsewhere, or are the file's own, stay as they are."""
    text = unfreezing.name_classes(CASES)
    before, after = tmp_path / "before.py", tmp_path / "after.py"
    before.write_text(CASES)
    after.write_text(text)

    assert 2 == text.count(" as _words_")
    assert "case _words_Tick() | _words_Bye(hold=1):" in text
    assert "words.Tick()" in text
    assert ["spoke", "spoke", "own", "else"] == load("cases_before", before).told()
    assert ["spoke", "spoke", "own", "else"] == load("cases_after", after).told()
    assert SAMPLE == unfreezing.name_classes(SAMPLE)


@pytest.mark.parametrize("name", ["engine/effects", "engine/events", "lvrrp/events", "vrrp/events", "links"])
def test_our_own_dataclasses_keep_their_fields(name: str, tmp_path: Path) -> None:
    """Those that are made most."""
    before, after = both(tmp_path, (TOP / "linkbalancer" / f"{name}.py").read_text())

    kinds = [
        kind
        for kind in vars(before).values()
        if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == before.__name__
    ]
    assert kinds
    for kind in kinds:
        written = vars(after)[kind.__name__]
        assert [(one.name, one.default) for one in fields(kind)] == [(one.name, one.default) for one in fields(written)]
