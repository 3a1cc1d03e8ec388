"""`linkbalancer check PATH...`: every error of configurations and rule files at once, with places and remedies."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from linkbalancer.cli.output import add_json_option, complain, emit, unreadable, write
from linkbalancer.config import keyfile, sitechecks
from linkbalancer.config.crossing import crossing
from linkbalancer.config.findings import ConfigErrors, Finding
from linkbalancer.config.keyfile import Doubt
from linkbalancer.config.load import Loaded, load, load_as
from linkbalancer.config.model import Config
from linkbalancer.config.reading import read_text
from linkbalancer.config.rules import parse_rules
from linkbalancer.config.schema import json_schema
from linkbalancer.config.shadows import shadowed
from linkbalancer.host.account import service_group
from linkbalancer.lab.document import TopologyDocument
from linkbalancer.links import OnProbeLoss

GATEWAY_FILE = "linkbalancer.yaml"
TOPOLOGY_FILE = "topology.yaml"
YAML = {".yaml", ".yml"}
RULES = {".conf"}
INSTALLED = Path("/etc/linkbalancer")
"""Where the service's own files are: the service must be able to read them."""


DARK = {
    OnProbeLoss.STOP: "this gateway leaves VID {}, whose virtual IPs it answers for no more",
    OnProbeLoss.DEMOTE: "this gateway stays in VID {}, and tells hosts that there is no way",
}
NAMES_MAX = 6


class NothingToCheckError(Exception):
    """What is named is no file that can be checked; the argument says it in a sentence."""


@dataclass(slots=True)
class Verdict:
    """What is to be said of one file."""

    file: str
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    loaded: Loaded | None = None
    dark: dict[str, list[str]] = field(default_factory=dict)
    """What becomes of the VIDs of links while every link is dead: by `on_probe_loss`."""
    notes: tuple[str, ...] = ()
    """What a link across other routers asks of them."""

    @property
    def good(self) -> bool:
        """Whether the file may be used."""
        return not self.errors

    def summary(self) -> str:
        """Say what is in a good file, what each `on_probe_loss` means, and what is asked of others, a line each."""
        counts = [f"{count} {what if count != 1 else what.removesuffix('s')}" for what, count in self.counts.items()]
        dark = [
            f"  if every link is dead (on_probe_loss: {loss}): {DARK[OnProbeLoss(loss)].format(_some(vids))}"
            for loss, vids in self.dark.items()
        ]
        notes = [f"{self.file}: {note}" for note in self.notes]
        return "\n".join([f"{self.file}: good: {', '.join(counts)}", *dark, *notes])


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return ", ".join(names[:NAMES_MAX]) + more


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    parser.add_argument("--schema", action="store_true", help=f"print the JSON Schema of {GATEWAY_FILE} and end")
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        type=Path,
        help=f"a gateway's {GATEWAY_FILE}, a rule file (*.conf), or a directory: all of them below it",
    )


def run(args: Namespace) -> int:
    """Check; 0: all good, 1: something is refused (errors are on standard error), 2: nothing there to check."""
    if args.schema:
        write(json.dumps(json_schema(), indent=2) + "\n")
        return 0
    if not args.paths:
        complain(f"name a {GATEWAY_FILE}, a rule file or a directory to check")
        return 2
    try:
        files = dict.fromkeys(file for path in args.paths for file in _files(path))
        verdicts = [_verdict(file) for file in files]
        _compare(verdicts)
    except NothingToCheckError as error:
        complain(str(error))
        return 2
    except OSError as error:
        complain(unreadable(error, "it"))
        return 2
    _tell(args, verdicts)
    return 0 if all(verdict.good for verdict in verdicts) else 1


def _files(path: Path) -> Iterator[Path]:
    """Yield the files that a path on the command line means."""
    if path.is_dir():
        found = sorted(
            file for file in path.rglob("*") if file.name in {GATEWAY_FILE, TOPOLOGY_FILE} or file.suffix in RULES
        )
        if not found:
            raise NothingToCheckError(f"there is no {GATEWAY_FILE} and no rule file (*.conf) in {path}")
        yield from found
    elif path.exists() and path.suffix not in YAML | RULES:
        raise NothingToCheckError(f"{path} is neither a configuration (*.yaml) nor a rule file (*.conf)")
    else:
        yield path


def _verdict(path: Path) -> Verdict:
    try:
        if path.suffix in RULES:
            return _rules(str(path))
        return _topology(str(path)) if path.name == TOPOLOGY_FILE else _gateway(str(path))
    except ConfigErrors as error:
        return Verdict(str(path), error.findings)
    except OSError as error:
        raise NothingToCheckError(unreadable(error, path)) from error


def _gateway(file: str) -> Verdict:
    loaded = load(file, read, key_state)
    counts = {
        "links": len(loaded.config.links),
        "VIDs": len(loaded.config.groups),
        "applications": len(loaded.rules.applications),
        **_host_names(loaded.rules.names),
    }
    return Verdict(file, (), loaded.warnings, counts, loaded, _dark(loaded.config), tuple(crossing(loaded.config)))


def _compare(verdicts: list[Verdict]) -> None:
    """Add to each gateway of a site (a folder with a folder for each) what is doubtful beside the others."""
    sites: dict[Path, dict[str, Verdict]] = {}
    for verdict in verdicts:
        if verdict.loaded is not None:
            sites.setdefault(Path(verdict.file).resolve().parent.parent, {})[verdict.file] = verdict
    for site in sites.values():
        gateways = [verdict.loaded for verdict in site.values() if verdict.loaded is not None]
        if len({one.config.node for one in gateways}) < len(gateways):
            continue  # versions of one gateway, and no site
        for finding in sitechecks.check(gateways, {file: read(file) for file in site}):
            site[finding.file].warnings += (finding,)


def _dark(config: Config) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for group, settings in sorted(config.groups.items()):
        if settings.link is not None:
            found.setdefault(str(config.links[settings.link].on_probe_loss), []).append(str(group))
    return found


def _topology(file: str) -> Verdict:
    document = load_as(TopologyDocument, file, read)
    return Verdict(
        file, (), (), {"LANs": len(document.lans), "gateways": len(document.gateways), "hosts": len(document.hosts)}
    )


def _rules(file: str) -> Verdict:
    parsed = parse_rules(read_text(file, read), file, read)
    counts = {"rules": len(parsed.columns), "applications": len(parsed.applications)}
    counts |= _host_names(parsed.ruleset.names)
    return Verdict(file, tuple(sorted(parsed.errors)), tuple(sorted([*parsed.warnings, *shadowed(parsed)])), counts)


def _host_names(names: Sequence[str]) -> dict[str, int]:
    """Count the names of hosts, where there are any: whether they exist, only the running daemon knows."""
    return {"host names": len(names)} if names else {}


def read(path: str) -> str:
    """Return the text of a file.

    Raises:
        OSError: It cannot be read.
        UnicodeDecodeError: It is not UTF-8.
    """
    return Path(path).read_text(encoding="utf-8-sig")


def key_state(path: str, content: Callable[[str], Doubt | None] = keyfile.content) -> Doubt | None:
    """Say what is wrong with the file of a key, or of what else `content` judges, None when nothing is."""
    try:
        text = read(path)
        status, group = Path(path).stat(), service_group()
        exposed = keyfile.exposure(status.st_mode, own_group=status.st_gid == group)
        if exposed is not None and exposed.refused:
            return exposed
        if exposed is None and group is not None and status.st_uid == 0 and Path(path).is_relative_to(INSTALLED):
            exposed = keyfile.reach(status.st_mode, own_group=status.st_gid == group)
        return content(text) or exposed
    except FileNotFoundError:
        return keyfile.MISSING
    except OSError as error:
        return Doubt(f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return keyfile.NO_TEXT


def _tell(args: Namespace, verdicts: list[Verdict]) -> None:
    """Write findings to standard error, each once, and the summaries."""
    # A rule file is read for every gateway that names it, by as many paths.
    told: set[Finding] = set()
    for word, finding in sorted(
        [("warning: ", warning) for verdict in verdicts for warning in verdict.warnings]
        + [("", error) for verdict in verdicts for error in verdict.errors],
        key=lambda one: one[1],
    ):
        once = replace(finding, file=str(Path(finding.file).resolve()))
        if once not in told:
            told.add(once)
            place = f"{finding.file}:{finding.line}:{finding.column}"
            sys.stderr.write(f"{place}: {word}{finding.what}; {finding.remedy}\n")
    data = {
        "good": all(verdict.good for verdict in verdicts),
        "files": [
            {
                "file": verdict.file,
                "good": verdict.good,
                **verdict.counts,
                **({"all_links_dead": verdict.dark} if verdict.dark else {}),
                "errors": [asdict(error) for error in verdict.errors],
                "warnings": [asdict(warning) for warning in verdict.warnings],
                "notes": list(verdict.notes),
            }
            for verdict in verdicts
        ],
    }
    good = [verdict.summary() for verdict in verdicts if verdict.good]
    if args.json or good:
        emit(args, data, "\n".join(good))
