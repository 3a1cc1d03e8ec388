"""What `whatif` found, in words: the worst first, what comes to the same together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from linkbalancer.cli.blocks import Block, Cell, Remarks, Row, at, few, some
from linkbalancer.cli.idle import idle_lines, tie_lines
from linkbalancer.engine.foresight.failure import Failure, Failures
from linkbalancer.engine.foresight.idle import Idle
from linkbalancer.engine.foresight.outcome import Fate, Oracle, Outcome, Part, Place, Places
from linkbalancer.engine.foresight.settled import MAIN
from linkbalancer.engine.foresight.site import SIDES, Site
from linkbalancer.engine.foresight.survey import Alike, Survey
from linkbalancer.links import GroupId, Role

NO_REFUSALS: Mapping[str, object] = {}

MOVES_MAX = 6
"""How many lines say where applications go after one failure."""


def survey_blocks(survey: Survey, accepted: frozenset[Failure]) -> Iterator[Block | Remarks]:
    """Yield everything that is to be said of a survey."""
    alike = survey.merged(survey.singles)
    labels = {one: _label(number) for number, one in enumerate(alike)}
    yield from assumed_blocks(survey.site)
    yield from healthy_blocks(survey.oracle)
    yield from refused_blocks(survey.site, survey.oracle.healthy)
    yield Block(
        "If one thing fails, the worst first",
        ("", "fails", "nowhere to go", "what then"),
        tuple(_row(survey.oracle, labels[one], one, accepted) for one in alike),
    )
    yield Remarks("If two things fail", tuple(_pairs(survey, alike, labels)))
    if survey.dark is not None:
        yield Remarks("If every link is dead", tuple(dark_lines(survey.site, survey.dark)))
    idle = Idle(survey)
    for title, lines in (
        ("Can never matter, whatever one or two things fail", idle_lines(idle)),
        ("Not decided by any priority", tie_lines(idle)),
    ):
        told = few(tuple(lines), "--json has all")
        if told:
            yield Remarks(title, told)


def outcome_blocks(oracle: Oracle, outcome: Outcome) -> Iterator[Block | Remarks]:
    """Yield everything that is to be said of certain failures."""
    yield from assumed_blocks(oracle.site)
    changed = _changed(oracle, outcome)
    groups = tuple(
        Row(
            (*_standing_cells(outcome, group), (_change(outcome, group) if group in changed else "",)), group in changed
        )
        for group in _groups(outcome)
    )
    if groups:
        yield Block("VIDs", ("VID", *_sides(oracle.site), "over", ""), groups)
    words = {Fate.STAYS: "", Fate.MOVES: "moved", Fate.UNKNOWN: "not known", Fate.NOWHERE: "nowhere to go"}
    apps = sorted(outcome.places, key=lambda app: -oracle.fate(outcome, app))
    rows = tuple(
        Row(
            (
                (app,),
                (_places_words(outcome.places[app]),),
                (_places_words(oracle.healthy.places[app]),),
                (words[oracle.fate(outcome, app)],),
            ),
            min(oracle.fate(outcome, app), 2),
        )
        for app in apps
    )
    yield Block("Applications, the worst first", ("application", "goes to", "with nothing failed", ""), rows)
    yield from refused_blocks(oracle.site, outcome)


def assumed_blocks(site: Site) -> Iterator[Remarks]:
    """Yield what had to be assumed; with all files there may be something still, as where links are weighed."""
    if site.notes:
        yield Remarks("Assumed" if site.whole else "Assumed, for files are missing", site.notes)


def refused_blocks(site: Site, outcome: Outcome) -> Iterator[Remarks]:
    """Yield whose IPv6 packets are refused, and by which VIDs."""
    lines = tuple(refused_lines(outcome, len(site.applications)))
    if lines:
        title = "IPv6 is refused, for the way has no peer6 or gateway6 (programs go on over IPv4)"
        yield Remarks(title, few(lines, "--json has all"))


def refused_lines(outcome: Outcome, of: int, known: Mapping[str, object] = NO_REFUSALS) -> Iterator[str]:
    """Yield applications whose IPv6 packets are refused, by VID; those that are `known` to be so are left out."""
    by_vids: dict[str, list[str]] = {}
    for app, vids in outcome.refused_ipv6().items():
        if known.get(app) != vids:
            by_vids.setdefault(", ".join(map(str, vids)), []).append(app)
    yield from (f"{some(apps, of)}: by VID {vids}" for vids, apps in by_vids.items())


def dark_lines(site: Site, outcome: Outcome) -> Iterator[str]:
    """Yield what hosts of each side see while no link is there, which `on_probe_loss` decides."""
    for role, side in SIDES.items():
        standings = {group: standing for (of, group), standing in outcome.standings.items() if of is role}
        lost = {group: standing.master for group, standing in standings.items() if standing.via is None}
        stays, gone = ([str(group) for group in sorted(lost) if bool(lost[group]) is kept] for kept in (True, False))
        if stays:
            yield f"{side}: VID {some(stays)}: the virtual IPs answer, and what needs a link is refused (demote)"
        if gone:
            yield f"{side}: VID {some(gone)}: {'nobody' if site.whole else 'none of these gateways'} answers (stop)"


def healthy_blocks(oracle: Oracle) -> Iterator[Block]:
    """Yield the VIDs as they are while nothing fails; and the applications, where plain gateways make no such table."""
    healthy = oracle.healthy
    users: dict[int, list[str]] = {}
    for app, sides in healthy.places.items():
        for vid in dict.fromkeys(vid for places in sides.values() for place in places for vid in place.vids):
            users.setdefault(vid, []).append(app)
    rows = tuple(
        Row(
            (*_standing_cells(healthy, group), (some(users.get(group.vid, []) if group == GroupId(group.vid) else []),))
        )
        for group in _groups(healthy)
    )
    if rows:
        yield Block("If nothing fails", ("VID", *_sides(oracle.site), "over", "applications"), rows)
    if any(member.upstream for gateway in oracle.site.gateways for member in gateway.members.values()):
        places = tuple(Row(((app,), (_places_words(sides),))) for app, sides in healthy.places.items())
        yield Block("Applications, if nothing fails", ("application", "goes to"), places)


def effects(oracle: Oracle, outcome: Outcome) -> Iterator[str]:
    """Yield what some failures change, a line each."""
    moved: dict[str, list[str]] = {}
    for group in _changed(oracle, outcome):
        words = UNKNOWN if not oracle.site.whole and _is_lost(outcome, group) else _standing_words(outcome, group)
        moved.setdefault(words, []).append(str(group))
    for words, groups in moved.items():
        yield f"VID {some(groups)}: {words}"
    gone: dict[str, list[str]] = {}
    for app, sides in outcome.places.items():
        before = oracle.healthy.places[app]
        if oracle.fate(outcome, app) is Fate.MOVES and _vids(sides) != _vids(before):
            gone.setdefault(_places_words(sides), []).append(app)
    most_first = sorted(gone.items(), key=lambda one: -len(one[1]))
    lines = tuple(f"{some(apps, len(outcome.places))}: to {words}" for words, apps in most_first)
    yield from few(lines, "--fail shows all", MOVES_MAX)
    refused = refused_lines(outcome, len(outcome.places), oracle.healthy.refused_ipv6())
    yield from (f"IPv6 is refused: {line}" for line in refused)


def _row(oracle: Oracle, label: str, alike: Alike, accepted: frozenset[Failure]) -> Row:
    fails = tuple(f"{one}{' (accepted)' if one in accepted else ''}" for (one,) in alike.failures)
    stays = all(oracle.fate(alike.outcome, app) is Fate.STAYS for app in alike.outcome.places)
    lines = tuple(effects(oracle, alike.outcome)) or ("nothing changes" if stays else "no way is left",)
    lost = _lost_words(oracle, alike.outcome)
    return Row(((label,), fails, (lost,), lines), _badness(oracle, alike.outcome))


def _badness(oracle: Oracle, outcome: Outcome) -> int:
    if any(oracle.fate(outcome, app) >= Fate.UNKNOWN for app in outcome.places):
        return 2
    return 1 if outcome.unanswered() else 0


def _lost_words(oracle: Oracle, outcome: Outcome) -> str:
    total = len(outcome.places)
    for fate, after in ((Fate.NOWHERE, ""), (Fate.UNKNOWN, " (not known)")):
        names = [app for app in outcome.places if oracle.fate(outcome, app) is fate]
        if names:
            return some(names, total) + after
    return "none"


def _pairs(survey: Survey, alike: Sequence[Alike], labels: Mapping[Alike, str]) -> Iterator[str]:
    """Yield the pairs that take away more than either alone; whole rows of the table by their letters."""
    rows = {one: labels[row] for row in alike for (one,) in row.failures}
    sizes = {labels[row]: len(row.failures) for row in alike}
    together = survey.together()
    for lost, pairs in together:
        names = some([app for app in survey.site.applications if app in lost], len(survey.site.applications))
        fate = "nowhere to go for" if survey.site.whole else "not known where to go for"
        what = " applications" if names.startswith("all ") else ""
        yield f"{'; '.join(_combined(pairs, rows, sizes))}: {fate} {names}{what}"
    rest = len(survey.doubles) - sum(len(pairs) for _, pairs in together)
    others = "the other " if together else ""
    yield f"{others}{rest} of {len(survey.doubles)} pairs take away no more than either does alone"


def _combined(pairs: Iterable[Failures], rows: Mapping[Failure, str], sizes: Mapping[str, int]) -> Iterator[str]:
    by_rows: dict[tuple[str, str], list[Failures]] = {}
    for one, other in pairs:
        first, second = sorted((rows[one], rows[other]))
        by_rows.setdefault((first, second), []).append((one, other))
    rest: list[str] = []
    partners: dict[str, list[str]] = {}
    for (first, second), found in by_rows.items():
        size = sizes[first]
        if len(found) != (size * (size - 1) // 2 if first == second else size * sizes[second]):
            rest += [" with ".join(map(str, both)) for both in found]
        elif first == second:
            yield f"any two of {first}"
        else:
            partners.setdefault(second, []).append(first)
    for second, firsts in partners.items():
        yield f"any of {', '.join(sorted(firsts))} with any of {second}"
    if rest:
        yield some(rest)


def _label(number: int) -> str:
    letters = ""
    while number >= 0:
        letters, number = chr(ord("A") + number % 26) + letters, number // 26 - 1
    return letters


def _groups(outcome: Outcome) -> list[GroupId]:
    return sorted({group for _, group in outcome.standings})


def _sides(site: Site) -> tuple[str, ...]:
    elected = {role for role, _, _ in site.groups}
    return tuple(f"Master {SIDES[role]}" for role in site.roles if role in elected)


def _of(outcome: Outcome, group: GroupId) -> dict[Role, tuple[str | None, str | None]]:
    """Return Master and way of a group on each side, near before far."""
    return {role: outcome.standings[role, group].facts for role in SIDES if (role, group) in outcome.standings}


def _changed(oracle: Oracle, outcome: Outcome) -> list[GroupId]:
    return [group for group in _groups(outcome) if _of(outcome, group) != _of(oracle.healthy, group)]


def _standing_cells(outcome: Outcome, group: GroupId) -> tuple[Cell, ...]:
    elected = {role for role, _ in outcome.standings}
    of = _of(outcome, group)
    masters = tuple((of[role][0] or "nobody" if role in of else "-",) for role in SIDES if role in elected)
    return (str(group),), *masters, (_ways(of),)


def _change(outcome: Outcome, group: GroupId) -> str:
    of = _of(outcome, group)
    if any(master is None for master, _ in of.values()):
        return "virtual IPs unanswered"
    return "does not work" if _is_lost(outcome, group) else "moved"


def _standing_words(outcome: Outcome, group: GroupId) -> str:
    of = _of(outcome, group)
    held = [f"{master}{at(SIDES[role])}" for role, (master, _) in of.items() if master is not None]
    nobody = [SIDES[role] for role, (master, _) in of.items() if master is None]
    words = [f"Master {' and '.join(held)}, {_ways(of, over='over ')}"] if held else []
    return "; ".join([*words, *([f"nobody answers for its virtual IPs {' and '.join(nobody)}"] if nobody else [])])


NO_WAY = "no link"
UNKNOWN = "not known: gateways whose files are missing may take it over"


def _is_lost(outcome: Outcome, group: GroupId) -> bool:
    return not all(way for _, way in _of(outcome, group).values())


def _ways(of: Mapping[Role, tuple[str | None, str | None]], over: str = "") -> str:
    ways = {role: NO_WAY if way is None else f"{over}{way}" for role, (_, way) in of.items()}
    if len(set(ways.values())) == 1:
        return next(iter(ways.values()))
    return ", ".join(f"{way}{at(SIDES[role])}" for role, way in ways.items())


def _vids(sides: Mapping[Role, Places]) -> list[list[int | None]]:
    return [[place.vid for place in places] for places in sides.values()]


def _places_words(sides: Mapping[Role, Places]) -> str:
    """Write where an application goes: once where both sides send it the same way."""
    words = {SIDES[role]: ", ".join(map(_place_words, places)) for role, places in sides.items()}
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return "; ".join(f"{side}: {word}" for side, word in words.items())


def _place_words(place: Place) -> str:
    at = f" at {some(place.gateways)}" if place.gateways else ""
    if place.vid is None:
        return f"nowhere{at}"
    if place.parts:
        shares = (f"{one.vid} {one.share:.0%} ({_way(one)})" for one in place.parts)
        return f"VIDs {', '.join(shares)}{at}"
    return f"VID {place.vid} ({_way(place)}){at}"


def _way(place: Place | Part) -> str:
    return ("main table" if place.via == MAIN else f"{place.via}") + (", no IPv6" if place.ipv6 is False else "")
