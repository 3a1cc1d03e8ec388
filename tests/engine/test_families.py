"""Tests of both families over one link: two agents, and every datagram of the one is the other's at once."""

from ipaddress import IPv4Address, IPv6Address
from random import Random

from linkbalancer.config.load import Loaded, load
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.effects import Effect, SendDatagram
from linkbalancer.engine.events import DatagramReceived, DeviceChanged, Event, Started, Tick
from linkbalancer.links import GroupState

MS = 1_000_000
OWN = {
    "b1": (IPv4Address("192.168.1.1"), IPv6Address("fe80::b1")),
    "f1": (IPv4Address("192.168.2.1"), IPv6Address("fe80::f1")),
}


def loaded(node: str) -> Loaded:
    """Return the configuration of one end of a link with the groups of both families."""
    near = node == "b1"
    lan, ends = (1, (1, 2)) if near else (2, (2, 1))
    text = f"""\
node: {node}
role: {"controller" if near else "controlled"}
links:
  l1: {{device: eth1, local: 10.0.0.{ends[0]}, peer: 10.0.0.{ends[1]}, insecure: true}}
groups:
  1: {{device: eth0, link: l1, virtual_ips: [192.168.{lan}.251/24], advert_interval: 200ms}}
  1/ipv6: {{device: eth0, link: l1, virtual_ips: ["fe80::251/64", "2001:db8:{lan}::251/64"], advert_interval: 200ms}}
applications: apps.conf
"""
    return load("gateway.yaml", {"gateway.yaml": text, "apps.conf": "App=* * * * * * [1] name=all\n"}.__getitem__)


class Ends:
    """Both ends of a link; `now` is their clock."""

    def __init__(self) -> None:
        self.now = 10**12
        self.agents = {
            node: Agent(loaded(node), {}, Random(node), {"all": 2}, session=1, boot=self.now) for node in ("b1", "f1")
        }
        for node in self.agents:
            self.lan(node)
            self.do(node, DeviceChanged("eth1", carrier=True, primary=IPv4Address("10.0.0.1")))
            self.do(node, Started())
        self.wait(5000)

    def lan(self, node: str, *, ipv6: bool = True) -> None:
        """Let a gateway's leg have an address of each family, or of IPv4 alone."""
        four, six = OWN[node]
        self.do(node, DeviceChanged("eth0", carrier=True, primary=four, link_local=six if ipv6 else None))

    def do(self, node: str, event: Event) -> None:
        """Hand in an event, and carry the datagrams that follow."""
        waiting: list[tuple[str, Event]] = [(node, event)]
        while waiting:
            receiver, one = waiting.pop(0)
            effects: list[Effect] = self.agents[receiver].handle(self.now, one)
            other = "f1" if receiver == "b1" else "b1"
            waiting += [(other, DatagramReceived("l1", one.data)) for one in effects if isinstance(one, SendDatagram)]

    def wait(self, ms: int) -> None:
        """Let time pass."""
        until = self.now + ms * MS
        while True:
            due = {node: at for node, agent in self.agents.items() if (at := agent.deadline()) is not None}
            node = min(due, key=lambda one: due[one])
            if due[node] > until:
                break
            self.now = max(self.now, due[node])
            self.do(node, Tick())
        self.now = until

    def states(self, node: str) -> dict[str, tuple[str, str | None]]:
        """Return what a gateway says of its groups: state and tier."""
        groups = self.agents[node].status(self.now)["groups"]
        return {name: (one["state"], one["tier"]) for name, one in groups.items()}


def test_each_family_follows_its_own_word() -> None:
    """The far end's state in IPv6 moves the near end's group of IPv6 alone, and comes back."""
    ends = Ends()
    high = ("master", "high")
    assert ends.states("b1") == {"1": high, "1/ipv6": high}
    assert ends.states("f1") == {"1": ("master", None), "1/ipv6": ("master", None)}

    ends.lan("f1", ipv6=False)
    ends.wait(2000)
    assert ends.states("f1")["1/ipv6"] == ("fault", None)
    assert ends.states("b1") == {"1": high, "1/ipv6": ("master", "dead")}
    works = {name: one["works"] for name, one in ends.agents["b1"].status(ends.now)["groups"].items()}
    assert works == {"1": True, "1/ipv6": False}

    ends.lan("f1")
    ends.wait(3000)
    assert ends.states("b1") == {"1": high, "1/ipv6": high}


def test_the_words_of_both_families_outlive_a_succession() -> None:
    """What is handed on has the family; a Master of IPv6 goes on."""
    ends = Ends()
    left = ends.agents["f1"].snapshot(ends.now)
    assert set(left["masters"]) == {"1", "1/ipv6"}
    words = ends.agents["b1"].links["l1"].peer.words()
    assert [(str(word.id), word.state) for word in words] == [("1", GroupState.MASTER), ("1/ipv6", GroupState.MASTER)]
    peer = ends.agents["b1"].links["l1"].peer
    peer.restore(peer.snapshot())
    assert peer.words() == words
