"""What a gateway's links are told, and what they say back."""

from typing import assert_never

from linkbalancer.clock import Instant
from linkbalancer.engine import standing
from linkbalancer.engine.effects import SendDatagram
from linkbalancer.engine.gateway import Gateway
from linkbalancer.links import LinkName
from linkbalancer.lvrrp import events


def tell_link(gateway: Gateway, now: Instant, name: LinkName, event: events.Event) -> None:
    """Hand a link an event, and do what it wants."""
    link = gateway.links[name]
    wanted = link.handle(now, event)
    gateway.link_deadlines[name] = link.deadline()
    for effect in wanted:
        match effect:
            case events.Transmit(data):
                gateway.out.append(SendDatagram(name, data))
            case events.Opened() | events.Closed():
                gateway.told.forget_heard()
                gateway.touch()
                gateway.known.change(now)
                gateway.out.append(gateway.chronicle.turned(now, link, effect))
                gateway.scales.turned(name, effect)
                gateway.ledger.closed(now, name)  # what was known before it opened is as old
            case events.PeerSpoke(words):
                fault = link.peer.fault
                if not gateway.told.is_heard(name, words, fault):  # most words are those of before
                    gateway.out += gateway.chronicle.peer(name, words)
                    gateway.dirty |= gateway.told.hear(name, words, fault) & gateway.memberships.keys()
                    gateway.scales.peer_spoke(name, link)
            case events.Adjusted(changes):
                standing.tell_adjusted(gateway, now, name, changes)
            case events.Alarm(text):
                gateway.record("alarm", name, text, link=name)
            case _:
                assert_never(effect)
    gateway.out += gateway.concord.compare(name, link)
