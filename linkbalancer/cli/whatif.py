"""`linkbalancer whatif [DIR|FILE]`: what every single and double failure comes to, from configurations alone."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address
from pathlib import Path

from linkbalancer.cli.blocks import Block, Remarks, plain, show, some
from linkbalancer.cli.client import add_run_dir_option
from linkbalancer.cli.foreseen import outcome_blocks, survey_blocks
from linkbalancer.cli.output import add_json_option, complain, emit, unreadable
from linkbalancer.cli.places import DEFAULT, GATEWAY_FILE, in_use
from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.load import Loaded, load, load_as
from linkbalancer.engine.foresight.document import single_document, survey_document
from linkbalancer.engine.foresight.failure import Failures, UnknownFailureError, read_failures
from linkbalancer.engine.foresight.outcome import Fate, Oracle, Outcome
from linkbalancer.engine.foresight.site import Site, SiteError, site_of
from linkbalancer.engine.foresight.survey import Survey, survey
from linkbalancer.lab.document import TopologyDocument
from linkbalancer.links import DeviceName, NodeName
from linkbalancer.routing.application import Application, Member

EXAMPLES = (
    ("whatif conf/examples/two-links", "every single and double failure of a directory with a folder for each gateway"),
    ("whatif conf/examples/two-links --fail link:l1", "what happens when this link is pulled"),
    ("whatif conf/examples/two-links --fail gateway:b1 --fail link:l2", "and when these two are gone"),
    ("whatif conf/examples/two-links/b1 conf/examples/two-links/f1", "of these two gateways, whose files are apart"),
)

TOPOLOGY = "topology.yaml"


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    add_run_dir_option(parser)
    words = "link:NAME, gateway:NAME, leg:GATEWAY/DEVICE or upstream:ADDRESS"
    parser.add_argument(
        "--fail",
        action="append",
        default=[],
        metavar="WHAT",
        help=f"only this, with all that it changes: {words}; may be repeated",
    )
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="WHAT",
        help="this single failure may leave applications with nowhere to go",
    )
    parser.add_argument(
        "config",
        nargs="*",
        type=Path,
        metavar="DIR|FILE",
        help=f"a directory with a folder for each gateway, or the {GATEWAY_FILE} of one; several are one site "
        f"(default: {DEFAULT})",
    )


def run(args: Namespace) -> int:
    """Foretell; 0: no single failure leaves an application with nowhere to go, 1: one does, 2: it cannot be told."""
    if args.fail and args.accept:
        complain("--accept is about every single failure, and --fail about these alone; name one of the two")
        return 2
    paths: list[Path] = args.config or [in_use(args.run_dir)]
    try:
        site = read_site(*paths)
        failed, accepted = read_failures(args.fail, site), read_failures(args.accept, site)
    except ConfigErrors as error:
        sys.stderr.writelines(f"{finding}\n" for finding in error.findings)
        return 2
    except (SiteError, UnknownFailureError) as error:
        complain(str(error))
        return 2
    except OSError as error:
        complain(unreadable(error, error.filename or paths[0]))
        return 2
    return _one(args, site, failed) if failed else _all(args, site, accepted)


def read_site(*paths: Path) -> Site:
    """Read the gateways at some paths, together one site: as of the near side in one directory, the far one in another.

    Raises:
        ConfigErrors: a file has errors; those of all files are in it.
        SiteError: the files do not fit together, or there are none.
        OSError: a file cannot be read.
    """
    loaded = _loaded(file for path in paths for file in _files(path))
    first, *others = loaded.values()
    for other in others:
        if other.rules != first.rules:
            raise SiteError(f"the rule files of {first.path} and {other.path} differ; all gateways must have the same")
    applications: Mapping[str, Application] = first.rules.applications
    if not applications:
        vids = sorted({vid for one in loaded.values() for vid in one.config.vids})
        applications = {f"VID {vid}": Application(f"VID {vid}", ((Member(vid),),)) for vid in vids}
    configs = {node: one.config for node, one in loaded.items()}
    name = " and ".join(path.resolve().name for path in paths) if len(loaded) > len(paths) else " and ".join(loaded)
    six = {rule.application for rule in first.rules.rules if rule.selector.family != 4}
    ipv4_only = frozenset(first.rules.applications).difference(six)
    addresses = {node: one for path in paths for node, one in _addresses(path / TOPOLOGY).items()}
    return site_of(name, configs, applications, addresses, ipv4_only)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    if (path / GATEWAY_FILE).exists():
        return [path / GATEWAY_FILE]
    found = sorted(path.glob(f"*/{GATEWAY_FILE}"))
    if not found:
        raise SiteError(
            f"there is no {GATEWAY_FILE} in {path}, and none in a folder of it; name a gateway's, or such a directory"
        )
    return found


def _loaded(files: Iterable[Path]) -> dict[NodeName, Loaded]:
    found: dict[NodeName, Loaded] = {}
    errors: ConfigErrors | None = None
    for file in files:
        try:
            loaded = load(str(file), _read)
        except ConfigErrors as error:
            errors = ConfigErrors([*(errors.findings if errors else ()), *error.findings])
            continue
        node = loaded.config.node
        if node in found:
            raise SiteError(f"{found[node].path} and {file} are both of gateway {node}; give each gateway its own name")
        found[node] = loaded
    if errors is not None:
        raise errors
    return found


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8-sig")


def _addresses(file: Path) -> dict[NodeName, dict[DeviceName, IPv4Address]]:
    """Return the gateways' own addresses, where somebody wrote them down for the drill: they break ties."""
    if not file.exists():
        return {}
    gateways = load_as(TopologyDocument, str(file), _read).gateways
    return {node: {device: one.ip for device, one in devices.items()} for node, devices in gateways.items()}


def _one(args: Namespace, site: Site, failed: Failures) -> int:
    """Tell what certain failures come to."""
    oracle = Oracle(site)
    outcome = oracle.outcome(failed)
    lost = [app for app in outcome.places if oracle.fate(outcome, app) >= Fate.UNKNOWN]
    what = " and ".join(map(str, failed))
    verdict = f"{site.name}, with {what} failed: {_verdict(site, lost, len(outcome.places))}"
    _tell(args, lambda: single_document(oracle, outcome), verdict, outcome_blocks(oracle, outcome), good=not lost)
    return 1 if lost else 0


def _verdict(site: Site, lost: list[str], of: int) -> str:
    if not lost:
        return "every application has somewhere to go"
    return f"{'nowhere to go' if site.whole else 'not known where to go'}: {some(lost, of)}"


def _all(args: Namespace, site: Site, accepted: Failures) -> int:
    """Tell what every failure comes to."""
    found = survey(site)
    stranded = found.stranded(accepted)
    verdict = f"{_size(found)}\n{_judgement(found, stranded, accepted)}"
    _tell(
        args,
        lambda: survey_document(found, stranded),
        verdict,
        survey_blocks(found, frozenset(accepted)),
        good=not stranded,
    )
    return 1 if stranded else 0


def _size(found: Survey) -> str:
    site = found.site
    counts = f"gateways {len(site.gateways)}, links {len(site.ends)}, applications {len(site.applications)}"
    return f"{site.name}: {counts}; {len(found.singles)} things that can fail, {len(found.doubles)} pairs of them"


def _judgement(found: Survey, stranded: list[Outcome], accepted: Failures) -> str:
    if not stranded:
        but = f" (accepted: {some([str(one) for one in accepted])})" if accepted else ""
        return f"Every application survives every single failure{but}."
    whole = found.site.whole
    if not stranded[0].failed:
        return f"An application has nowhere to go even while nothing fails: {some(sorted(found.losses(stranded[0])))}."
    names = some([str(failure) for one in stranded for failure in one.failed])
    return f"{'Applications have nowhere to go' if whole else 'It is not known where applications go'} after: {names}."


def _tell(
    args: Namespace, document: Callable[[], object], verdict: str, blocks: Iterable[Block | Remarks], *, good: bool
) -> None:
    if args.json:
        emit(args, document(), "")
    elif sys.stdout.isatty():
        show(verdict, blocks, good=good)
    else:
        emit(args, None, "\n".join(plain(verdict, blocks)))
