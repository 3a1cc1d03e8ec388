"""What connection tracking remembers of flows, read from the kernel's list."""

from linkbalancer.lab.whereabouts import entries, parts_company
from linkbalancer.routing.application import Application, Member
from linkbalancer.routing.handover import Handover, Mode

LIST = """ipv4     2 udp      17 119 src=192.168.2.100 dst=192.168.1.100 sport=31003 dport=40137 src=192.168.1.100 \
dst=192.168.2.100 sport=40137 dport=31003 [ASSURED] mark=65538 zone=0 use=2
ipv4     2 tcp      6 99 SYN_SENT src=10.0.0.1 dst=10.0.0.2 sport=5 dport=6 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 \
sport=6 dport=5 mark=0 zone=0 use=2
ipv4     2 icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=1 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=1 \
mark=3 zone=0 use=2
"""


def test_a_conversation_is_found_from_either_end() -> None:
    """By protocol and ports; what has no ports is nobody's."""
    assert dict(entries(LIST)) == {
        ("udp", 31003, 40137): 65538,
        ("udp", 40137, 31003): 65538,
        ("tcp", 5, 6): 0,
        ("tcp", 6, 5): 0,
    }


def test_only_flows_that_may_part_company_are_looked_for() -> None:
    """Balanced ones, and those that stay where they are; others are where their application is."""
    steps = ((Member(1),), (Member(2),))
    assert parts_company(Application("web", ((Member(1), Member(2)),)))
    assert parts_company(Application("ssh", steps, Handover(Mode.KEEP)))
    assert parts_company(Application("db", steps, Handover(Mode.RESET), failback=Handover(Mode.KEEP)))
    assert not parts_company(Application("rest", steps))
    assert not parts_company(Application("log", steps, Handover(Mode.RESET)))
