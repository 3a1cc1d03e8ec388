"""The tables of docs/protocol.md that are results of the code: rules, limits, and the datagrams of a failover."""

from collections.abc import Iterator
from itertools import product

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND
from linkbalancer.links import GroupState, GroupWord, OnProbeLoss, Role
from linkbalancer.lvrrp import adjusting, detection, figures, keys, miswiring, obeying, packet, probing, session, tlv
from linkbalancer.lvrrp.events import Words
from linkbalancer.lvrrp.rules import Stance, Tier, controlled_stance, controller_stance, is_open_for, tier_priority
from linkbalancer.vrrp import backup
from tests.lvrrp.pair import FAR, NEAR, Pair

DEMOTED = "backup or master at priority 1"
PEERS: dict[str, GroupWord | None] = {
    "none, too old, unknown": None,
    **{state.name.lower(): GroupWord(1, state, 100, 1) for state in GroupState if state is not GroupState.UNKNOWN},
    DEMOTED: GroupWord(1, GroupState.MASTER, 1, 1),
}
BASES = (2, 254)


def stance(role: Role, peer: str, loss: OnProbeLoss, base: int, *, is_open: bool, fault: bool) -> Stance:
    """Return the stance as a gateway takes it: the link's openness is judged for the VID first."""
    word = PEERS[peer]
    decide = controller_stance if role is Role.CONTROLLER else controlled_stance
    is_open = is_open_for(link_open=is_open, role=role, peer=word)
    return decide(base=base, link_open=is_open, peer=word, fault="a fault" if fault else None, on_probe_loss=loss)


def _effect(role: Role, peer: str, loss: OnProbeLoss, *, is_open: bool, fault: bool) -> str:
    low, high = (stance(role, peer, loss, base, is_open=is_open, fault=fault) for base in BASES)
    if not low.runs:
        return f"does not run | - | {low.stopped_as.name.lower()}"
    if low.tier is None:
        return "runs | the base | its router's"
    words = str(low.priority) if low.tier is Tier.DEAD else f"{tier_priority(low.tier, 1)}..{high.priority}"
    return f"runs | {words} ({low.tier.name}) | its router's"


def _cases(role: Role) -> Iterator[tuple[str, str, str, str, str]]:
    """Return every case: own fault, link, peer, on_probe_loss, effect; a closed link has no words."""
    for fault, link, peer, loss in product(("no", "yes"), ("open", "closed"), PEERS, OnProbeLoss):
        if link == "open" or PEERS[peer] is None:
            effect = _effect(role, peer, loss, is_open=link == "open", fault=fault == "yes")
            yield fault, link, peer, loss.value, effect


def rules() -> list[str]:
    """Return the rules as a table: cases of the same effect are one line, in which `any` stands for all there are."""
    lines = [
        "| gateway | own fault, or drained | link | peer's word | `on_probe_loss` | VRRP | priority | tells |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for role in (Role.CONTROLLER, Role.CONTROLLED):
        cases = list(_cases(role))
        merged: dict[tuple[str, str, str, str], list[tuple[str, str]]] = {}
        for fault, link, peer, loss, effect in cases:
            if fault == "yes":
                merged.setdefault(("yes", "any", effect, ""), []).append((peer, loss))
            else:
                same = {one[4] for one in cases if one[:3] == (fault, link, peer)}
                merged.setdefault((fault, link, effect, "any" if len(same) == 1 else loss), []).append((peer, loss))
        for (fault, link, effect, loss), found in merged.items():
            peers = list(dict.fromkeys(peer for peer, _ in found))
            said = "any" if fault == "yes" else "-" if link == "closed" else _peers(peers)
            lines.append(f"| {role} | {fault} | {link} | {said} | {loss or 'any'} | {effect} |")
    return lines


def _peers(peers: list[str]) -> str:
    others = [peer for peer in PEERS if peer not in peers]
    return f"anything but {others[0]}" if len(others) == 1 else "; ".join(peers)


def tiers() -> list[str]:
    """Return the priority of several base priorities in each tier."""
    bases = (1, 2, 50, 100, 150, 200, 253, 254)
    rows = [(tier.name, *(str(tier_priority(tier, base)) for base in bases)) for tier in Tier]
    return [f"| base | {' | '.join(map(str, bases))} |", "|---|" + "---|" * len(bases), *map(_row, rows)]


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def limits() -> list[str]:
    """Return every constant that an implementation needs, beside the settings."""
    found = [
        ("longest datagram, its tag included", f"{packet.LENGTH_MAX} bytes"),
        ("header, tag", f"{packet.HEADER_LENGTH} bytes, {packet.TAG_LENGTH} bytes"),
        ("words in one datagram that is sent", f"{tlv.WORDS_MAX}"),
        ("elements in one WEIGHT or ADJUST that is sent, of either kind", f"{figures.PAGE}"),
        ("priorities that may be adjusted to", f"{figures.PRIORITY_MIN}..{figures.PRIORITY_MAX}"),
        (
            "slowest repeat of an ADJUST; of an unchanged WEIGHT",
            f"{_ms(adjusting.REPEAT_MAX)}; {_ms(adjusting.WEIGHTS_AGAIN)}",
        ),
        ("what is in force is believed unconfirmed for", f"{obeying.CONFIRM // SECOND} s"),
        ("shortest secret; keys of one link", f"{keys.SECRET_LENGTH_MIN} bytes; {keys.KEYS_MAX}"),
        ("controller: back to its first key after", f"{keys.RETRY // SECOND} s"),
        (
            "candidates; one gives way to its like when it is; to one that had more turns",
            f"{session.CANDIDATES_MAX}; {_ms(session.CANDIDATE_AGE_MIN)} old; {_ms(session.TURN_MAX)}",
        ),
        ("sessions whose turns are remembered", str(session.TURNS_MAX)),
        ("one without a place is answered aside every", _ms(session.ASIDE_EVERY)),
        ("a retired session is remembered for", _ms(session.RETIRED_MEMORY)),
        ("a timely candidate is kept from others for", _ms(session.TIMELY_AGE_MIN)),
        (
            "a timely stamp differs from the expected by, at most",
            f"{_ms(session.TIMELY)} and 1/1000 of the time, {_ms(session.TIMELY_MAX)} in all",
        ),
        ("last sequence of a session", f"{session.SEQUENCE_LAST:#x}"),
        ("shortest patience, and pace of repeats", _ms(probing.REPEAT_MIN)),
        ("the RTT counts, at most, as", _ms(probing.RTT_MAX)),
        ("chance at which misses are no accident", f"{probing._FALSE_ALARM / probing._ONE:.0e}"),
        ("most misses, where fewer are configured", f"{probing.MISSES_MAX}"),
        ("share of a new sample in q; in RTT and jitter", f"1/{probing._GAIN}; 1/8"),
        ("queries that are remembered as outstanding", f"{probing.OUTSTANDING_MAX}"),
        ("highest penalty", f"{detection.PENALTY_MAX}"),
        ("a penalty is forgiven for each", f"{detection.FORGIVEN_AFTER} detect times"),
        ("longest hold that is granted", _ms(detection.HOLD_MAX)),
        (
            "an echo delay may exceed the echo's age by",
            f"{_ms(detection._TOLERANCE)} and 1/{detection._DRIFT} of that age",
        ),
        ("a miswiring, and a doubt of the key, last for", _ms(miswiring.FAULT_MEMORY)),
        ("alarms of miswirings on one link, at most one in", _ms(miswiring.ALARM_INTERVAL)),
        ("longest wait of a claim for a counter-advert", _ms(backup.LONGEST_CLAIM_WAIT)),
    ]
    return ["| what | value |", "|---|---|", *(f"| {what} | {value} |" for what, value in found)]


def _ms(duration: int) -> str:
    return f"{duration // MILLISECOND} ms"


FIRST, LOST, LAST = 800 * MILLISECOND, 1100 * MILLISECOND, 1700 * MILLISECOND


def failover() -> list[str]:
    """Return every datagram on a link that falls silent at 1,100 ms, both ways, until both ends have closed it."""
    pair = Pair()
    pair.do(NEAR, Words((GroupWord(1, GroupState.MASTER, 219, 3, 1),)))
    pair.do(FAR, Words((GroupWord(1, GroupState.MASTER, 150, 2, 1),)))
    pair.start().run(LOST)
    pair.fate = lambda _sender, _now: []
    pair.run(LAST - LOST)
    lines = ["| ms | at | what | the end's next deadline, ms |", "|---|---|---|---|"]
    repeats = 0
    for record in pair.records:
        at = record["at_us"]
        done = [_done(effect) for effect in record["effects"] if not effect.startswith("peer spoke")]
        came = record["event"].removeprefix("received ") if record["event"].startswith("received ") else ""
        if at < FIRST // MICROSECOND or not (came or done):
            continue
        repeats += at >= LOST // MICROSECOND and done[0].startswith("sends QUERY")
        if repeats > 4 and done[0].startswith("sends"):
            lines += ["| ... | b1 | the same every 25 ms | |"] if repeats == 5 else []
            continue
        what = "; ".join(([f"hears {came}"] if came else []) + done)
        due = "" if record["deadline_us"] is None else f"{record['deadline_us'] / 1000:g}"
        lines.append(f"| {at / 1000:g} | {'b1' if record['end'] == NEAR else 'f1'} | {what} | {due} |")
    return lines


def _done(effect: str) -> str:
    return effect.replace("transmit ", "sends ", 1)
