"""What a gateway must be able to do with the service levels that its rules name, and what is hardly meant."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from linkbalancer.config.findings import Finding
from linkbalancer.config.rulefile import OptionUse, RuleFile
from linkbalancer.links import Role, Vid
from linkbalancer.routing.application import Application
from linkbalancer.routing.servicelevel import LEVELS_MAX

FIELD: Final = "sla"


def refusals(rules: RuleFile, configured: Mapping[str, Any]) -> Iterator[Finding]:
    """Refuse levels of VIDs whose links nobody measures, and more of them than links are judged by."""
    levels: set[str] = set()
    blind = _unmeasured(configured)
    for use, application in _uses(rules):
        levels.add(str(application.sla))
        if len(levels) > LEVELS_MAX:
            what = f"{len(levels)} different service levels, and a link is judged by {LEVELS_MAX} at most"
            yield _finding(rules, use, what, "give applications of one kind the same sla=")
        if configured.get("role") == Role.STANDALONE:
            what = "a standalone gateway measures no link, so no service level is kept or broken"
            yield _finding(rules, use, what, "leave sla= out")
        elif blind.issuperset(application.vids):
            what = "all VIDs of the line are static, and links without LVrrp are not measured"
            yield _finding(rules, use, what, "leave sla= out, or name a VID with a link")


def doubts(rules: RuleFile, configured: Mapping[str, Any]) -> Iterator[Finding]:
    """Warn of levels that can move nothing."""
    blind = _unmeasured(configured)
    for use, application in _uses(rules):
        static = [vid for vid in application.vids if vid in blind]
        if len(application.vids) == 1:
            what = f"{application.name} has no other VID to go to when its service level is broken"
            yield _finding(rules, use, what, "name another VID, or leave sla= out")
        elif static and len(static) < len(application.vids):
            what = f"VID {static[0]} is static: it is not measured, and always taken to keep the service level"
            yield _finding(rules, use, what, "name it last")


def _uses(rules: RuleFile) -> Iterator[tuple[OptionUse, Application]]:
    """Yield each application with a level, once, with the place where it is said first."""
    places = {use.line: use for use in rules.option_uses if use.field == FIELD}
    for name, application in rules.applications.items():
        use = places.get(rules.first_line(name))
        if application.sla is not None and use is not None:
            yield use, application


def _unmeasured(configured: Mapping[str, Any]) -> frozenset[Vid]:
    groups = configured.get("groups")
    named = groups.items() if isinstance(groups, Mapping) else ()
    return frozenset(
        vid for vid, one in named if isinstance(vid, int) and isinstance(one, Mapping) and one.get("mode") == "static"
    )


def _finding(rules: RuleFile, use: OptionUse, what: str, remedy: str) -> Finding:
    return Finding(rules.file, use.line, use.column, what, remedy)
