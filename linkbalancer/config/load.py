"""Loading: the text of a configuration and its rule file become values, or every error with its place.

Pure: files are read through the callable that is handed in, and nothing else is asked of the host.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import PurePosixPath
from typing import Final, TypeAlias, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from linkbalancer.config import (
    balancechecks,
    counting,
    firewallchecks,
    ipv6checks,
    levelchecks,
    ruleoptions,
    synccheck,
    trackerchecks,
    translationchecks,
    upstreamchecks,
    weightchecks,
)
from linkbalancer.config.addresssets import Addresses
from linkbalancer.config.checks import Complaint, Outline, check
from linkbalancer.config.complaints import complaints
from linkbalancer.config.document import Document, Value, parse
from linkbalancer.config.fields import File
from linkbalancer.config.findings import ConfigErrors, FieldError, Finding
from linkbalancer.config.groupfields import parse_group
from linkbalancer.config.keepalived.section import check_keepalived
from linkbalancer.config.keyfile import Doubt, content, password_content, secret_content
from linkbalancer.config.model import Config, Group, Lan, Link
from linkbalancer.config.notifications import check_notifications, check_secrets
from linkbalancer.config.parts import Part, part
from linkbalancer.config.reading import read_text
from linkbalancer.config.rulefile import RuleFile
from linkbalancer.config.rules import load_rules, parse_rules
from linkbalancer.config.shadows import shadowed
from linkbalancer.config.synchrony import SyncGroup
from linkbalancer.config.trackers import Tracker
from linkbalancer.feed.codec import APPLICATIONS_MAX, NAMES_MAX, size_of_names
from linkbalancer.links import GroupId
from linkbalancer.routing.marks import FIRST_APPLICATION_ID, Marks
from linkbalancer.routing.rule import RuleSet

__all__ = ["ConfigErrors", "Finding", "Loaded", "load", "load_as", "load_rules"]

KeyState: TypeAlias = Callable[[str, Callable[[str], Doubt | None]], Doubt | None]
"""Says what is wrong with a secret's file, whose text is judged by a function."""

ModelT = TypeVar("ModelT", bound=BaseModel)


_CHECKS: Final = (
    check,
    trackerchecks.check,
    upstreamchecks.check,
    translationchecks.check,
    weightchecks.check,
    ipv6checks.check,
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A good configuration: values, rules, what is doubtful in it, and the file that it came from.

    `passwords` of version 2 are there once somebody has read them, and so are the `texts` of its own files
    (`daemon.judge`). `sets` are what the rule file's sets hold, by name; `set_files` where those are that it keeps in
    files of their own.
    """

    config: Config
    rules: RuleSet
    warnings: tuple[Finding, ...] = ()
    path: str = "linkbalancer.yaml"
    passwords: Mapping[GroupId, bytes] = field(default_factory=dict, repr=False)
    texts: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    sets: Mapping[str, Addresses] = field(default_factory=dict, repr=False, compare=False)
    set_files: tuple[str, ...] = field(default=(), compare=False)

    @property
    def rule_file(self) -> str:
        """The path of the rule file, empty where a gateway needs none."""
        return self.beside(self.config.applications) if self.config.applications else ""

    @property
    def own_files(self) -> tuple[str, ...]:
        """The paths of the files that say what it is, no secrets among them: its own, its rules', its sets'."""
        return tuple(path for path in (self.path, self.rule_file, *self.set_files) if path)

    def beside(self, name: str) -> str:
        """Return the path of a file that the configuration names: relative ones start at its own folder."""
        return beside(self.path, name)


def beside(path: str, name: str) -> str:
    """Return the path of `name` as a file at `path` means it."""
    return str(PurePosixPath(path).parent / name)


def load(path: str, read: Callable[[str], str], key_state: KeyState | None = None) -> Loaded:
    """Load a gateway's configuration and the rule file that it names.

    `read` returns a file's text, or raises OSError or UnicodeDecodeError. `key_state`, where given, says what is wrong
    with the file of a key or password at a path, whose text is judged by a function: a warning (keys are kept elsewhere
    than configurations) unless it refuses the file.

    Raises:
        ConfigErrors: It has errors; all of them, in both files, are in `findings`.
        OSError: `read` cannot read the file at `path` itself.
    """
    document = parse(read_text(path, read), path)
    found = _Findings(document)
    config = found.validated(Config)
    outline = _outline(document.values)
    for some in _CHECKS:
        found.take(some(outline))
    found.take(firewallchecks.check(outline))
    found.take(check_keepalived(outline.groups, outline.top.inner("keepalived")))
    found.take(check_notifications(document.values, outline.groups))
    found.take(synccheck.check(outline))
    rules = found.rules(read)
    if rules is not None:
        found.take(_mask(outline, rules))
        found.take(counting.check(document.values, rules.applications))
        found.errors += firewallchecks.refusals(rules) if firewallchecks.is_iptables(outline.top) else ()
    if key_state is not None:
        found.take(_keys(path, outline, key_state))
        found.take(_secrets(path, config, key_state))
    if found.errors or config is None or rules is None:
        raise ConfigErrors(found.errors)
    sets = rules.sets
    return Loaded(
        config, rules.ruleset, tuple(sorted(found.warnings)), path, sets=sets.contents(), set_files=sets.paths()
    )


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
            finding = self._document.finding(one.path, one.what, one.remedy, at_key=one.at_key, after=one.after)
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
            given = not isinstance(values, dict) or values.get("applications") is not None
            return None if given else parse_rules("", self._document.file)
        path = beside(self._document.file, name)
        try:
            parsed = parse_rules(read_text(path, read), path, read)
        except OSError as error:
            what = f"cannot read {path}: {error.strerror or error}"
            self.take([Complaint(("applications",), what, "name the rule file beside this one")])
            return None
        except ConfigErrors as error:
            self.errors += error.findings
            return None
        self.errors += parsed.errors
        self.warnings += [*parsed.warnings, *shadowed(parsed)]
        self.errors += _steered(parsed, values.get("groups"), self._document.file)
        self.errors += [*_crowd(parsed), *balancechecks.refusals(parsed), *levelchecks.refusals(parsed, values)]
        self.warnings += levelchecks.doubts(parsed, values)
        self.warnings += ipv6checks.doubts(parsed, values)
        return parsed


def _valid_file(raw: object) -> str | None:
    try:
        return TypeAdapter(File).validate_python(raw)
    except ValidationError:
        return None


def _outline(values: Value) -> Outline:
    top = part(Config, values, ())
    raw = values if isinstance(values, dict) else {}

    def each(key: str, model: type[Lan | Link | Group | SyncGroup | Tracker]) -> dict[str | int, Part]:
        entries = raw.get(key)
        named = entries.items() if isinstance(entries, dict) else ()
        return {name: part(model, entry, (key, name)) for name, entry in named}

    lans, links = ({str(name): one for name, one in each(*kind).items()} for kind in (("lans", Lan), ("links", Link)))
    groups = {_group(name): one for name, one in each("groups", Group).items()}
    known = {group: one for group, one in groups.items() if group}
    sync_groups = {str(name): one for name, one in each("sync_groups", SyncGroup).items()}
    trackers = {str(name): one for name, one in each("trackers", Tracker).items()}
    return Outline(top, lans, links, known, top.inner("marks"), sync_groups, trackers)


def _group(key: object) -> GroupId | None:
    try:
        return parse_group(key)
    except FieldError:
        return None


def _steered(rules: RuleFile, groups: object, file: str) -> Iterator[Finding]:
    """Check what a gateway must be able to do with the steps that its rules name."""
    vids = sorted(vid for vid in groups if isinstance(vid, int)) if isinstance(groups, dict) else None
    unknown = vids is not None and any(member.vid not in vids for step in rules.steps for member in step)
    for use in rules.uses if unknown else ():
        for member in use.step:
            if vids is not None and member.vid not in vids:
                what = f"there is no group for VID {member.vid} in {file}"
                named = ", ".join(map(str, vids)) or "none yet"
                yield Finding(rules.file, use.line, use.column, what, f"add the group, or use one of: {named}")
    for option in rules.option_uses:
        if option.field in ruleoptions.NOT_DONE_YET:
            what = f"no gateway does {option.words} yet"
            yield Finding(rules.file, option.line, option.column, what, "leave it out")


def _crowd(rules: RuleFile) -> Iterator[Finding]:
    """Refuse more applications than the feed carries to their processes."""
    names = tuple(rules.applications)
    if len(names) > APPLICATIONS_MAX:
        what = f"{len(names)} applications, and a gateway runs {APPLICATIONS_MAX} at most"
        line = rules.first_line(names[APPLICATIONS_MAX])
        yield Finding(rules.file, line, 1, what, "give lines with the same VIDs one name")
        return
    sizes = tuple(accumulate(size_of_names([name]) for name in names))
    late = next((name for name, size in zip(names, sizes, strict=True) if size > NAMES_MAX), None)
    if late is not None:
        taken = f"{sizes[-1]} bytes, {NAMES_MAX} at most"
        what = f"the names of {len(names)} applications are too long for the table of VIDs ({taken})"
        yield Finding(rules.file, rules.first_line(late), 1, what, "use shorter names, or fewer")


def _mask(outline: Outline, rules: RuleFile) -> Iterator[Complaint]:
    """Refuse more applications than the connection mask has numbers for."""
    if outline.marks.knows("connection"):
        mask, count = outline.marks["connection"], len(rules.applications)
        room = Marks(connection_mask=mask).application_limit - FIRST_APPLICATION_ID + 1
        if count > room:
            what = f"the connection mask {mask:#010x} has room for {room} applications, the rule file makes {count}"
            remedy = "widen it, or give lines with the same VIDs one name"
            yield Complaint((*outline.marks.path, "connection"), what, remedy)


def _secrets(path: str, config: Config | None, key_state: KeyState) -> Iterator[Complaint]:
    some = {} if config is None else config.notifications
    return check_secrets(some, partial(beside, path), lambda file: key_state(file, secret_content))


def _keys(path: str, outline: Outline, key_state: KeyState) -> Iterator[Complaint]:
    places = [(link, "key_file", content) for link in outline.links.values()]
    places += [(group, "password_file", password_content) for group in outline.groups.values()]
    for part_of, key, judge in places:
        if part_of.knows(key) and part_of[key] is not None:
            file = beside(path, part_of[key])
            doubt = key_state(file, judge)
            if doubt is not None:
                what = f"the {key.replace('_', ' ')} {file} {doubt.what}"
                yield Complaint((*part_of.path, key), what, doubt.remedy, warning=not doubt.refused)
