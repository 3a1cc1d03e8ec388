"""What `explain` says of balanced steps: which of their VIDs a packet takes."""

from typing import Any

from linkbalancer.routing.application import Application
from linkbalancer.routing.balance import order_of, step_in_words
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.slot import slot_of


def slots(application: Application, packet: Packet) -> list[dict[str, Any] | None]:
    """Return, for each balanced step, the packet's slot and the VIDs in the order in which it takes them."""
    slot = slot_of(packet, application.sticky)
    return [
        {"step": step_in_words(step), "slot": slot, "order": list(order_of(step, slot))} if len(step) > 1 else None
        for step in application.steps
    ]


def slot_in_words(slot: dict[str, Any]) -> str:
    """Write such a slot for people."""
    return f"of {slot['step']}: slot {slot['slot']} takes VID {', else '.join(map(str, slot['order']))}"
