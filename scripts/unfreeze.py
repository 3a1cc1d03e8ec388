"""Writes out what mypyc would leave to Python, so that it makes machine code of it: `scripts/compile` alone.

- mypyc leaves the methods of a dataclass to Python: one that is made costs ten times what a plain native class does,
  and one that is compared too. In the copy that is compiled, every plain frozen dataclass gets the very methods that
  `dataclass` would give it (`__init__`, `__eq__`, `__hash__`), as text, and is not frozen any more, as machine code
  could not set its fields either.
- mypyc looks a module's constant up by its name each time, unless it is `Final`: whole numbers in capitals become that.
- It looks up `module.Class` in a `case` by its name as well, but knows a class that the file itself imports.

The text that people read, and that tests and mypy hold to its promises, stays as it is.

    python scripts/unfreeze.py FILE...      # in place
"""

import ast
import sys
from pathlib import Path

FROZEN = {"frozen", "slots", "kw_only"}
"""The options that such a dataclass may have."""
WRITTEN = {"__init__", "__eq__", "__hash__", "__post_init__", "__setattr__"}
"""A class that has one of these itself stays as it is."""
FIELD = {"default_factory", "repr"}
"""What may be said of a field, beside its default."""


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
        lines[node.end_lineno : node.end_lineno] = _methods(node.name, fields, named=_is_named(node))
        lines[node.decorator_list[0].lineno - 1] = "@dataclass(init=False, eq=False, slots=True)"
    return "\n".join(lines) + "\n"


def finalise(text: str) -> str:
    """Return a module's text with its constants that are whole numbers, or sums of such, made `Final`."""
    tree = ast.parse(text)
    lines = text.splitlines()
    constants = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign) and _is_number(node)]
    if not constants:
        return text
    for node in constants:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        assert node.value is not None
        assert node.end_lineno is not None
        written = f"{ast.unparse(target)}: _Final = {ast.unparse(node.value)}"
        lines[node.lineno - 1 : node.end_lineno] = [written] + [""] * (node.end_lineno - node.lineno)
    return _with_imports(tree, lines, ["from typing import Final as _Final"])


def name_classes(text: str) -> str:
    """Return a module's text with every `case module.Class(...)` of an imported module naming a class imported here."""
    tree = ast.parse(text)
    modules = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.level == 0
        for alias in node.names
    }
    asked = [
        (node.cls.value.id, node.cls)
        for node in ast.walk(tree)
        if isinstance(node, ast.MatchClass)
        and isinstance(node.cls, ast.Attribute)
        and isinstance(node.cls.value, ast.Name)
        and node.cls.value.id in modules
    ]
    lines = text.splitlines()
    for alias, name in sorted(asked, key=lambda one: (one[1].lineno, one[1].col_offset), reverse=True):
        line = lines[name.lineno - 1]
        lines[name.lineno - 1] = f"{line[: name.col_offset]}_{alias}_{name.attr}{line[name.end_col_offset :]}"
    imports = sorted({f"from {modules[alias]} import {one.attr} as _{alias}_{one.attr}" for alias, one in asked})
    return _with_imports(tree, lines, imports)


def _with_imports(tree: ast.Module, lines: list[str], imports: list[str]) -> str:
    """Return lines with these imports before the first thing that is done there."""
    first = next((place for place, node in enumerate(tree.body) if not _is_text(node)), 0)
    lines[tree.body[first].lineno - 1 : tree.body[first].lineno - 1] = imports
    return "\n".join(lines) + "\n"


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_number(node: ast.Assign | ast.AnnAssign) -> bool:
    """Tell whether a name in capitals is given a whole number, once and for all."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if len(targets) != 1 or not isinstance(targets[0], ast.Name) or not targets[0].id.isupper():
        return False
    annotation = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else "int"
    return annotation in {"int", "Duration", "Instant"} and node.value is not None and _is_whole(node.value)


def _is_whole(value: ast.expr) -> bool:
    match value:
        case ast.Constant(int(number)):
            return not isinstance(number, bool)
        case ast.Name(name):
            return name.isupper()
        case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult() | ast.FloorDiv() | ast.Pow() | ast.LShift(), right):
            return _is_whole(left) and _is_whole(right)
        case _:
            return False


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
    return fields if all(map(_is_plain, fields)) else None


def _is_plain(one: ast.AnnAssign) -> bool:
    """Tell whether a field is set to what is given, or to a default, or to what a factory makes where none is given."""
    annotation = ast.unparse(one.annotation)
    special = ("ClassVar", "InitVar", "KW_ONLY", "Final")
    if not isinstance(one.target, ast.Name) or any(word in annotation for word in special):
        return False
    options = _options(one)
    nothing = "None" in annotation or "'" in annotation  # nothing given, and None, must be two things
    return options.keys() <= FIELD and not ("default_factory" in options and nothing)


def _is_named(node: ast.ClassDef) -> bool:
    """Tell whether a class takes its fields by name alone."""
    decorator = node.decorator_list[0]
    return isinstance(decorator, ast.Call) and any(one.arg == "kw_only" for one in decorator.keywords)


def _options(one: ast.AnnAssign) -> dict[str, str]:
    """Return what `field()` says of a field."""
    value = one.value
    if not isinstance(value, ast.Call) or ast.unparse(value.func) != "field":
        return {}
    return {str(option.arg): ast.unparse(option.value) for option in value.keywords}


def _methods(name: str, fields: list[ast.AnnAssign], *, named: bool) -> list[str]:
    names = [ast.unparse(one.target) for one in fields]
    taken = "".join(f", {_parameter(one)}" for one in fields)
    same = " and ".join(f"self.{one} == other.{one}" for one in names) or "True"
    every = "".join(f"self.{one}, " for one in names)
    return [
        "",
        f"    def __init__(self{', *' if named and fields else ''}{taken}) -> None:",
        *(list(map(_setting, fields)) or ["        pass"]),
        "",
        "    def __eq__(self, other: object) -> bool:",
        f"        if not isinstance(other, {name}):",
        "            return NotImplemented",
        f"        return {same}",
        "",
        "    def __hash__(self) -> int:",
        f"        return hash(({every}))",
    ]


def _parameter(one: ast.AnnAssign) -> str:
    """Return a field as `__init__` takes it; where a factory makes its default, None stands for none."""
    given = f"{ast.unparse(one.target)}: {ast.unparse(one.annotation)}"
    options = _options(one)
    if "default_factory" in options:
        return f"{given} | None = None"
    return given if one.value is None or options else f"{given} = {ast.unparse(one.value)}"


def _setting(one: ast.AnnAssign) -> str:
    name, factory = ast.unparse(one.target), _options(one).get("default_factory")
    return f"        self.{name} = {name}" + (f" if {name} is not None else {factory}()" if factory else "")


if __name__ == "__main__":
    texts = {Path(name): Path(name).read_text(encoding="utf-8") for name in sys.argv[1:]}
    derived_from = frozenset[str]().union(*map(bases_in, texts.values()))
    for place, text in texts.items():
        place.write_text(finalise(name_classes(unfreeze(text, derived_from))), encoding="utf-8")
