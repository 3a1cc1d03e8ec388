"""Rules as people read them: as `iptables-save` writes them."""

from linkbalancer.drivers.iptables.rule import Rule


def test_a_rule_is_written_as_iptables_save_does() -> None:
    """What it asks for first, then where the packet goes: there and back, or there alone."""
    asks = Rule("LB-A2", source="10.0.0.0/8", protocol=6, matches=(("multiport", (("dports", "53,80:90"),)),))
    assert str(asks) == "-s 10.0.0.0/8 -p 6 -m multiport --dports 53,80:90 -g LB-A2"
    assert str(Rule("LB-MEMBERS", returns=True, device="eth0")) == "-i eth0 -j LB-MEMBERS"
    assert str(Rule(target="RETURN", destination="ff00::/8", matches=(("mark", (("mark", "!0x1/0x1"),)),))) == (
        "-d ff00::/8 -m mark ! --mark 0x1/0x1 -j RETURN"
    )
