"""What a link leaves to the successor of its process: openness, proof and the peer's words; never sessions or keys."""

from typing import Any

from linkbalancer.clock import Instant
from linkbalancer.lvrrp.detection import Closed, Detection, Open, Openness
from linkbalancer.lvrrp.peer import Peer

SCHEMA = 1


def take(detection: Detection, peer: Peer) -> dict[str, Any]:
    """Return the snapshot, JSON-able."""
    state = detection.state
    return {
        "schema": SCHEMA,
        "open": isinstance(state, Open),
        "since": state.since,
        "reason": state.reason,
        "frozen_until": state.frozen_until if isinstance(state, Open) else None,
        "proof_at": detection.proof_at,
        "peer_stated": detection.peer_stated,
        "penalty": detection.penalty,
        "rtt": detection.rtt,
        "peer": peer.snapshot(),
    }


def restore(now: Instant, found: dict[str, Any], detection: Detection, peer: Peer) -> bool:
    """Fill a new detection and peer from a snapshot; return False, nothing touched, when it is none of ours."""
    try:
        proof_at, frozen_until, rtt = (_instant(found[key]) for key in ("proof_at", "frozen_until", "rtt"))
        since, reason = int(found["since"]), str(found["reason"])
        if found["schema"] != SCHEMA or max(since, proof_at or 0) > now:
            return False
        peer_stated, penalty, is_open = int(found["peer_stated"]), int(found["penalty"]), bool(found["open"])
        peer.restore(found["peer"])
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        return False
    state: Openness = Open(since, reason, frozen_until) if is_open and proof_at else Closed(since, reason)
    detection.peer_stated = peer_stated
    detection.rtt = rtt
    detection.restore(state, proof_at, penalty)
    return True


def counters(found: dict[str, Any]) -> dict[str, int]:
    """Return the predecessor's counters, as far as they are numbers."""
    counted = found.get("counters")
    if not isinstance(counted, dict):
        return {}
    return {str(name): count for name, count in counted.items() if isinstance(count, int)}


def _instant(value: object) -> int | None:
    """Return an integer or None as it is; raises TypeError for anything else."""
    if value is None or isinstance(value, int):
        return value
    raise TypeError("neither a number nor null")
