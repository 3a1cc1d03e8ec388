"""A survey as JSON-able values (docs/whatif.md)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from linkbalancer.engine.foresight.failure import Failures
from linkbalancer.engine.foresight.idle import Idle
from linkbalancer.engine.foresight.outcome import Fate, Oracle, Outcome, Part, Place, Places
from linkbalancer.engine.foresight.site import SIDES, Site
from linkbalancer.engine.foresight.survey import Alike, Survey
from linkbalancer.links import Role

SCHEMA: Final = 1


def survey_document(survey: Survey, stranded: Iterable[Outcome]) -> dict[str, Any]:
    """Return a whole survey; `stranded` are the outcomes that it fails by."""
    return {
        **_site(survey.site),
        "good": not list(stranded),
        "counted": {"single": len(survey.singles), "double": len(survey.doubles)},
        "healthy": outcome_document(survey.oracle, survey.oracle.healthy, whole=True),
        "single": [_alike(survey.oracle, one) for one in survey.merged(survey.singles)],
        "double": [_alike(survey.oracle, one) for one in survey.merged(survey.doubles)],
        "dark": None if survey.dark is None else outcome_document(survey.oracle, survey.dark),
        "together": [
            {"applications": [app for app in survey.site.applications if app in lost], "pairs": _words(pairs)}
            for lost, pairs in survey.together()
        ],
        "idle": _idle(Idle(survey)),
    }


def single_document(oracle: Oracle, outcome: Outcome) -> dict[str, Any]:
    """Return what certain failures come to."""
    return {
        **_site(oracle.site),
        "good": all(oracle.fate(outcome, app) < Fate.UNKNOWN for app in outcome.places),
        "failed": [one.word for one in outcome.failed],
        "healthy": outcome_document(oracle, oracle.healthy, whole=True),
        "outcome": outcome_document(oracle, outcome, whole=True),
    }


def outcome_document(oracle: Oracle, outcome: Outcome, *, whole: bool = False) -> dict[str, Any]:
    """Return one outcome; its `applications` are all (`whole`), or those that do not stay where they are."""
    fates = {app: oracle.fate(outcome, app) for app in outcome.places}
    masters: dict[str, dict[str, str | None]] = {}
    links: dict[str, dict[str, str | None]] = {}
    rivals: dict[str, dict[str, list[str]]] = {}
    for (role, group), standing in sorted(outcome.standings.items(), key=lambda one: one[0][1]):
        masters.setdefault(SIDES[role], {})[str(group)] = standing.master
        links.setdefault(SIDES[role], {})[str(group)] = standing.via
        if standing.rivals:
            rivals.setdefault(SIDES[role], {})[str(group)] = list(standing.rivals)
    return {
        "nowhere": [app for app, fate in fates.items() if fate is Fate.NOWHERE],
        "unknown": [app for app, fate in fates.items() if fate is Fate.UNKNOWN],
        "moves": [app for app, fate in fates.items() if fate is Fate.MOVES],
        "refused": {app: list(vids) for app, vids in outcome.refused_ipv6().items()},
        "unanswered": [{"side": SIDES[role], "group": str(group)} for role, group in outcome.unanswered()],
        "masters": masters,
        "rivals": rivals,
        "links": links,
        "applications": {
            app: _places(outcome.places[app]) for app, fate in fates.items() if whole or fate is not Fate.STAYS
        },
    }


def _site(site: Site) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "name": site.name,
        "gateways": [one.name for one in site.gateways],
        "links": list(site.ends),
        "complete": site.whole,
        "assumed": list(site.notes),
    }


def _alike(oracle: Oracle, alike: Alike) -> dict[str, Any]:
    return {"failures": _words(alike.failures), **outcome_document(oracle, alike.outcome)}


def _words(some: Iterable[Failures]) -> list[list[str]]:
    return [[one.word for one in failures] for failures in some]


def _places(sides: Mapping[Role, Places]) -> dict[str, Any]:
    return {
        SIDES[role]: [
            {
                "vid": one.vid,
                "link": one.via,
                **_ipv6(one),
                **({"gateways": list(one.gateways)} if one.gateways else {}),
                **(
                    {
                        "shares": [
                            {"vid": part.vid, "link": part.via, "share": part.share, **_ipv6(part)}
                            for part in one.parts
                        ]
                    }
                    if one.parts
                    else {}
                ),
            }
            for one in places
        ]
        for role, places in sides.items()
    }


def _ipv6(place: Place | Part) -> dict[str, str]:
    return {} if place.ipv6 is None else {"ipv6": "carried" if place.ipv6 else "refused"}


def _idle(idle: Idle) -> dict[str, Any]:
    return {
        "priorities": [{**one._asdict(), "group": str(one.group)} for one in idle.priorities()],
        "weights": [{**one._asdict(), "group": str(one.group)} for one in idle.weights()],
        "steps": [one._asdict() for one in idle.steps()],
        "ties": [{**one._asdict(), "group": str(one.group)} for one in idle.ties()],
    }
