"""The states of an end's sessions, found by letting it hear every kind of datagram in every state it gets into."""

import copy
import random
from collections.abc import Callable

from linkbalancer.clock import Instant
from linkbalancer.links import Role
from linkbalancer.lvrrp.packet import Datagram, MessageType
from linkbalancer.lvrrp.session import CANDIDATE_AGE_MIN, Candidate, Confirmed, Sessions

LAST = 1000
"""The last sequence of a session, made small."""

STATES = ("alone", "asked", "paired", "paired, asked")
STRANGER = 1


def said(session: int, echoed: int, sequence: int) -> Datagram:
    """Return an authentic datagram."""
    return Datagram(
        kind=MessageType.STATE, key_id=1, session=session, echoed=echoed, sequence=sequence, detect=0, sent=0,
        echo_sent=0, echo_delay=0,
    )  # fmt: skip


def state(sessions: Sessions) -> str:
    """Return what a person would call the state."""
    words = ["paired"] if sessions.pair else []
    words += ["asked"] if sessions._candidates else []
    return ", ".join(words) or "alone"


def stranger(sessions: Sessions) -> int:
    """Return a session that nobody has used yet."""
    used = {one.peer for one in sessions._candidates} | {sessions.pair.peer if sessions.pair else 0}
    return max(used | {sessions._retired.session}) + STRANGER


Hear = Callable[[Sessions], Datagram | None]
"""Return the datagram to hear, None where there can be none of the kind."""


def of_pair(sessions: Sessions, *, right: bool, later: int) -> Datagram | None:
    """Return a datagram in the confirmed peer's session."""
    pair = sessions.pair
    return None if pair is None else said(pair.peer, pair.own if right else 4711, pair.heard_sequence + later)


def of_candidate(sessions: Sessions, *, fresh: bool, later: int) -> Datagram | None:
    """Return a datagram in the newest candidate's session."""
    if not sessions._candidates:
        return None
    one = sessions._candidates[-1]
    return said(one.peer, one.own if fresh else sessions.speaking.own, one.heard_sequence + later)


def of_retired(sessions: Sessions) -> Datagram | None:
    """Return a datagram in the retired session."""
    return said(sessions._retired.session, sessions.speaking.own, 500) if sessions._retired.session else None


KINDS: dict[str, Hear] = {
    "one of my own sessions": lambda one: said(one.speaking.own, 0, 1),
    "the pair's: right echo, higher sequence": lambda one: of_pair(one, right=True, later=1),
    "the pair's: right echo, sequence not higher": lambda one: of_pair(one, right=True, later=0),
    "the pair's: another echo": lambda one: of_pair(one, right=False, later=1),
    "a retired one": of_retired,
    "a candidate's: sequence not higher": lambda one: of_candidate(one, fresh=True, later=0),
    "a candidate's: echoes the value drawn for it": lambda one: of_candidate(one, fresh=True, later=1),
    "a candidate's: echoes the session I query in": lambda one: of_candidate(one, fresh=False, later=1),
    "unknown: echoes a candidate's value": lambda one: (
        said(stranger(one), one._candidates[-1].own, 1) if one._candidates else None
    ),
    "unknown: echoes my hello, nothing confirmed": lambda one: (
        None if one.pair else said(stranger(one), one._hello.own, 1)
    ),
    "unknown: echoes my confirmed session": lambda one: (
        None if one.pair is None else said(stranger(one), one.pair.own, 1)
    ),
    "unknown: echoes nothing": lambda one: said(stranger(one), 0, 1),
    "unknown: echoes anything else": lambda one: said(stranger(one), 4711, 1),
}


def hear(sessions: Sessions, now: Instant, datagram: Datagram) -> str:
    """Let it hear; return in words what came of it."""
    heard = sessions.hear(now, datagram)
    match heard:
        case Confirmed(adopted=True):
            return "**confirms**"
        case Confirmed():
            return "believed"
        case Candidate():
            return "candidate"
        case _:
            return f"`{heard}`"


def use_up(sessions: Sessions) -> None:
    """Send the last datagram that a session has a number for."""
    sessions.speaking.sequence = LAST - 1
    sessions.next_sequence(0, sessions.speaking)


Found = set[tuple[str, str, str, str]]


def explore(role: Role) -> Found:
    """Return for each state and kind what came of it, and the state afterwards; two candidates are no new state."""
    first = Sessions(role, random.Random(1), 0, sequence_last=LAST)
    waiting, known = [first], {(state(first), 0, False)}
    found: Found = set()
    while waiting:
        sessions = waiting.pop()
        for name, after, outcome in _outcomes(sessions):
            found.add((state(sessions), name, outcome, state(after)))
            place = (state(after), len(after._candidates), bool(after._retired.session))
            if place not in known:
                known.add(place)
                waiting.append(after)
    return found


def _outcomes(sessions: Sessions) -> list[tuple[str, Sessions, str]]:
    found = []
    for name, kind in KINDS.items():
        for now in (0, CANDIDATE_AGE_MIN):
            after = copy.deepcopy(sessions)
            datagram = kind(after)
            if datagram is not None:
                found.append((name, after, hear(after, now, datagram)))
    left, used = copy.deepcopy(sessions), copy.deepcopy(sessions)
    left.forget(0)
    use_up(used)
    return [*found, ("leave", left, ""), ("my sequence used up", used, "")]


def table(role: Role) -> list[str]:
    """Return what becomes of each kind of datagram in each state; the state afterwards where it is another."""
    found = explore(role)
    states = [name for name in STATES if any(one[0] == name for one in found)]
    lines = [f"| its session | {' | '.join(states)} |", "|---|" + "---|" * len(states)]
    for kind in KINDS:
        cells = [_cell([one for one in found if one[:2] == (name, kind)]) for name in states]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return lines


def _cell(found: list[tuple[str, str, str, str]]) -> str:
    """Say what can come of a datagram: what moves first."""
    outcomes = {outcome + (f" → {after}" if after != before else "") for before, _, outcome, after in found}
    return " or ".join(sorted(outcomes, key=lambda text: ("`" in text, text))) or "-"


def draw(role: Role) -> list[str]:
    """Return the diagram: what changes the state."""
    kinds = {"**confirms**": "fresh echo", "candidate": "unknown session"}
    lines = {"[*] --> alone"}
    for before, name, outcome, after in explore(role):
        if before != after:
            lines.add(f"{_key(before)} --> {_key(after)}: {kinds.get(outcome, name)}")
    return ["```mermaid", "stateDiagram-v2", *(f"    {line}" for line in sorted(lines)), "```"]


def _key(name: str) -> str:
    return name.replace(", ", "_")
