"""Writes out what frozen dataclasses are made of, so that mypyc makes machine code of it: `scripts/compile` alone.

mypyc leaves the methods of a dataclass to Python: one that is made costs ten times what a plain native class does, and
one that is compared too. In the copy that is compiled, every plain frozen dataclass gets the very methods that
`dataclass` would give it (`__init__`, `__eq__`, `__hash__`), as text, and is not frozen any more, as machine code could
not set its fields either. The text that people read, and that tests and mypy hold to its promises, stays as it is.

    python scripts/unfreeze.py FILE...      # in place
"""

import ast
import sys
from pathlib import Path

FROZEN = {"frozen", "slots"}
"""The options that such a dataclass may have."""
WRITTEN = {"__init__", "__eq__", "__hash__", "__post_init__", "__setattr__"}
"""A class that has one of these itself stays as it is."""


def unfreeze(text: str, bases: frozenset[str] = frozenset()) -> str:
    """Return a module's text with its plain frozen dataclasses written out, but for those of `bases`."""
    tree = ast.parse(text)
    lines = text.splitlines()
    found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name not in bases]
    for node in reversed(found):
        fields = _fields(node)
        if fields is None:
            continue
        assert node.end_lineno is not None
        lines[node.end_lineno : node.end_lineno] = _methods(node.name, fields)
        lines[node.decorator_list[0].lineno - 1] = "@dataclass(init=False, eq=False, slots=True)"
    return "\n".join(lines) + "\n"


def bases_in(text: str) -> frozenset[str]:
    """Return the names of the classes that others derive from: an equal object of those may be of another class."""
    classes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
    return frozenset(ast.unparse(base).rpartition(".")[2] for node in classes for base in node.bases)


def _fields(node: ast.ClassDef) -> list[ast.AnnAssign] | None:
    """Return the fields of a plain frozen dataclass; None for any other class."""
    if node.bases or node.keywords or len(node.decorator_list) != 1:
        return None
    decorator = node.decorator_list[0]
    if not isinstance(decorator, ast.Call) or ast.unparse(decorator.func) != "dataclass":
        return None
    options = {one.arg for one in decorator.keywords}
    if "frozen" not in options or not options <= FROZEN:
        return None
    if any(isinstance(one, ast.FunctionDef) and one.name in WRITTEN for one in node.body):
        return None
    fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
    special = ("ClassVar", "InitVar", "KW_ONLY", "Final")
    plain = all(
        isinstance(one.target, ast.Name)
        and not any(word in ast.unparse(one.annotation) for word in special)
        and not (isinstance(one.value, ast.Call) and ast.unparse(one.value.func) == "field")
        for one in fields
    )
    return fields if plain else None


def _methods(name: str, fields: list[ast.AnnAssign]) -> list[str]:
    names = [ast.unparse(one.target) for one in fields]
    taken = "".join(
        f", {ast.unparse(one.target)}: {ast.unparse(one.annotation)}"
        + (f" = {ast.unparse(one.value)}" if one.value is not None else "")
        for one in fields
    )
    same = " and ".join(f"self.{one} == other.{one}" for one in names) or "True"
    every = "".join(f"self.{one}, " for one in names)
    return [
        "",
        f"    def __init__(self{taken}) -> None:",
        *([f"        self.{one} = {one}" for one in names] or ["        pass"]),
        "",
        "    def __eq__(self, other: object) -> bool:",
        f"        if not isinstance(other, {name}):",
        "            return NotImplemented",
        f"        return {same}",
        "",
        "    def __hash__(self) -> int:",
        f"        return hash(({every}))",
    ]


if __name__ == "__main__":
    texts = {Path(name): Path(name).read_text(encoding="utf-8") for name in sys.argv[1:]}
    derived_from = frozenset[str]().union(*map(bases_in, texts.values()))
    for place, text in texts.items():
        place.write_text(unfreeze(text, derived_from), encoding="utf-8")
