"""Loading: the text of a configuration and its rule file become values, or every error with its place.

Pure: files are read through the callable that is handed in, and nothing else is asked of the host.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from linkbalancer.config.checks import Complaint, Outline, check
from linkbalancer.config.complaints import complaints
from linkbalancer.config.document import Document, Value, parse
from linkbalancer.config.fields import File
from linkbalancer.config.findings import ConfigErrors, Finding
from linkbalancer.config.model import Config, Group, Lan, Link
from linkbalancer.config.parts import Part, part
from linkbalancer.config.rules import RuleFile, load_rules, parse_rules, read_text
from linkbalancer.routing.application import steps_in_words
from linkbalancer.routing.rule import RuleSet

__all__ = ["ConfigErrors", "Finding", "Loaded", "load", "load_as", "load_rules"]

ModelT = TypeVar("ModelT", bound=BaseModel)
NameT = TypeVar("NameT", str, int)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A good configuration: values, rules, what is doubtful in it, and the file that it came from."""

    config: Config
    rules: RuleSet
    warnings: tuple[Finding, ...] = ()
    path: str = "linkbalancer.yaml"

    def beside(self, name: str) -> str:
        """Return the path of a file that the configuration names: relative ones start at its own folder."""
        return beside(self.path, name)


def beside(path: str, name: str) -> str:
    """Return the path of `name` as a file at `path` means it."""
    return str(PurePosixPath(path).parent / name)


def load(path: str, read: Callable[[str], str], key_state: Callable[[str], str | None] | None = None) -> Loaded:
    """Load a gateway's configuration and the rule file that it names.

    `read` returns a file's text, or raises OSError or UnicodeDecodeError. `key_state`, where given, says what is wrong
    with the key file at a path, which is a warning: keys are kept elsewhere than configurations.

    Raises:
        ConfigErrors: It has errors; all of them, in both files, are in `findings`.
        OSError: `read` cannot read the file at `path` itself.
    """
    document = parse(read_text(path, read), path)
    found = _Findings(document)
    config = found.validated(Config)
    outline = _outline(document.values)
    found.take(check(outline))
    rules = found.rules(read)
    if key_state is not None:
        found.take(_keys(path, outline, key_state))
    if found.errors or config is None or rules is None:
        raise ConfigErrors(found.errors)
    return Loaded(config, rules.ruleset, tuple(sorted(found.warnings)), path)


def load_as(model: type[ModelT], path: str, read: Callable[[str], str]) -> ModelT:
    """Load any other YAML file that a model describes, with the same errors.

    Raises:
        ConfigErrors: It has errors; all of them are in `findings`.
        OSError: `read` cannot read it.
    """
    document = parse(read_text(path, read), path)
    found = _Findings(document)
    value = found.validated(model)
    if value is None or found.errors:
        raise ConfigErrors(found.errors)
    return value


class _Findings:
    """What is found wrong while a configuration is loaded."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.errors: list[Finding] = list(document.errors)
        self.warnings: list[Finding] = []

    def take(self, some: Iterable[Complaint]) -> None:
        """Give complaints their places."""
        for one in some:
            finding = self._document.finding(one.path, one.what, one.remedy, at_key=one.at_key)
            (self.warnings if one.warning else self.errors).append(finding)

    def validated(self, model: type[ModelT]) -> ModelT | None:
        """Return what the document says, None when it is not right."""
        if self._document.values is None and self._document.errors:
            return None
        try:
            return model.model_validate(self._document.values)
        except ValidationError as error:
            self.take(complaints(error, model))
            return None

    def rules(self, read: Callable[[str], str]) -> RuleFile | None:
        """Return the rule file as far as it is right, None when the configuration names none that can be read."""
        values = self._document.values
        name = _valid_file(values.get("applications")) if isinstance(values, dict) else None
        if name is None:
            return None
        path = beside(self._document.file, name)
        try:
            parsed = parse_rules(read_text(path, read), path)
        except OSError as error:
            what = f"cannot read {path}: {error.strerror or error}"
            self.take([Complaint(("applications",), what, "name the rule file beside this one")])
            return None
        except ConfigErrors as error:
            self.errors += error.findings
            return None
        self.errors += parsed.errors
        self.warnings += parsed.warnings
        self.errors += _steered(parsed, values.get("groups"), self._document.file)
        return parsed


def _valid_file(raw: object) -> str | None:
    try:
        return TypeAdapter(File).validate_python(raw)
    except ValidationError:
        return None


def _outline(values: Value) -> Outline:
    top = part(Config, values, ())
    raw = values if isinstance(values, dict) else {}

    def each(key: str, model: type[Lan | Link | Group], kind: type[NameT]) -> dict[NameT, Part]:
        entries = raw.get(key)
        named = entries.items() if isinstance(entries, dict) else ()
        return {name: part(model, entry, (key, name)) for name, entry in named if isinstance(name, kind)}

    return Outline(
        top, each("lans", Lan, str), each("links", Link, str), each("groups", Group, int), top.inner("marks")
    )


def _steered(rules: RuleFile, groups: object, file: str) -> Iterator[Finding]:
    """Check what a gateway must be able to do with the steps that its rules name."""
    vids = sorted(vid for vid in groups if isinstance(vid, int)) if isinstance(groups, dict) else None
    for use in rules.uses:
        if len(use.step) > 1:
            one_each = " ".join(str(member.vid) for member in use.step)
            what = f"balanced steps are not steered yet: {steps_in_words((use.step,))[1:-1]}"
            yield Finding(rules.file, use.line, use.column, what, f"write the VIDs in order of preference: {one_each}")
        for member in use.step:
            if vids is not None and member.vid not in vids:
                what = f"there is no group for VID {member.vid} in {file}"
                named = ", ".join(map(str, vids)) or "none yet"
                yield Finding(rules.file, use.line, use.column, what, f"add the group, or use one of: {named}")


def _keys(path: str, outline: Outline, key_state: Callable[[str], str | None]) -> Iterator[Complaint]:
    for link in outline.links.values():
        if link.knows("key_file") and link["key_file"] is not None:
            file = beside(path, link["key_file"])
            wrong = key_state(file)
            if wrong is not None:
                what = f"the key file {file} {wrong}"
                remedy = "put `1 HEX` in it (HEX: 16 random bytes or more), readable by its owner alone"
                yield Complaint((*link.path, "key_file"), what, remedy, warning=True)
