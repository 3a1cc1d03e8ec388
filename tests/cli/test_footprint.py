"""What a configuration leaves in the kernel, in a line each."""

from linkbalancer.cli.footprint import footprint, kernel_changes
from tests.config.test_translationchecks import OTHER, PAIR, static
from tests.config.texts import CONFIG, changed, loaded


def test_translation_is_part_of_it() -> None:
    """What becomes of what leaves by each way, and what is answered there."""
    config = loaded(static(f"nat: {{masquerade: true, {PAIR}}}, mss_clamp: auto", "mtu: 1400, mss_clamp: 1300"))
    found = [line for line in footprint(config, {}, {}) if "over eth" in line or "by eth" in line]
    assert found == [
        "nft chain inet linkbalancer translate_sources: by 203.0.113.1 over eth1: masquerade",
        (
            "nft chains inet linkbalancer hold_back, untranslated: by 203.0.113.1 over eth1: "
            "what began elsewhere does not leave untranslated"
        ),
        (
            "nft chains inet linkbalancer translate_sources, translate_destinations: by eth1: "
            "fd00:1::/48 as 2001:db8:1::/48"
        ),
        "nft chain inet linkbalancer clamp_segments: segments by eth1: what fits at most",
        "nft chain inet linkbalancer clamp_segments: segments by eth2: 1300 bytes at most",
        "ip route mtu 1400: by 192.0.2.1 over eth2",
        "nft chains inet linkbalancer asked, answer: what begins by 203.0.113.1 over eth1 is answered there",
        "nft chains inet linkbalancer asked, answer: what begins by 192.0.2.1 over eth2 is answered there",
    ]


def test_another_translation_is_a_change() -> None:
    """The line that goes, and the one that comes."""
    was, will = (loaded(static(f"nat: {{{pair}}}")) for pair in (PAIR, OTHER))
    assert kernel_changes(was, will, {}, {}) == [
        (
            "- nft chains inet linkbalancer translate_sources, translate_destinations: by eth1: "
            "fd00:1::/48 as 2001:db8:1::/48"
        ),
        (
            "+ nft chains inet linkbalancer translate_sources, translate_destinations: by eth1: "
            "fd00:1::/48 as 2001:db8:2::/48"
        ),
    ]


def test_ipv6_has_rules_and_tables_of_its_own() -> None:
    """With the numbers of IPv4's, where it is steered."""
    was, will = (loaded(changed(("peer: 10.1.0.2", f"peer: 10.1.0.2{more}"))) for more in ("", ", peer6: fe80::2"))
    found = kernel_changes(was, will, {}, {})
    assert found[0] == "+ ip -6 rule 10: from all suppress_prefixlength 0 lookup 254"
    assert "+ ip -6 rule 21: from all fwmark 0x10000/0x1ff0000 lookup 20001" in found
    assert "+ ip -6 route table 20001, 20257: VID 1" in found
    assert {line.partition(" rule")[0].partition(" route")[0] for line in found} == {"+ ip -6"}


def test_chains_of_iptables_are_named_instead_of_the_table() -> None:
    """What stays the same is the same; an application that moves is one line."""
    config = loaded(CONFIG + "firewall: iptables\n")
    found = list(footprint(config, {"web": 3}, {}))
    assert not any("nft" in line for line in found)
    assert found[-3:] == [
        "iptables and ip6tables -t mangle, chains LB-PREROUTING, LB-OUTPUT, LB-NEW, LB-BACK: 2 rules",
        "iptables and ip6tables -t mangle, a chain for application rest: the next free id",
        "iptables and ip6tables -t mangle, chain LB-A3: application web, VID 2, mark 0x00020000/0x00ff0000",
    ]
    changes = kernel_changes(loaded(), config, {"web": 3, "rest": 2}, {"web": 1})
    assert {line[0] for line in changes if "nft" in line} == {"-"}
    assert {line[0] for line in changes if "iptables" in line} == {"+"}


def test_what_counts_is_part_of_it() -> None:
    """A table, and an element for each application that is counted."""
    was, will = loaded(), loaded(CONFIG + "metrics: {count: all}\n")
    assert kernel_changes(was, will, {"web": 2}, {}) == [
        "+ nft table inet linkbalancer_counts: what passes of applications that are counted",
        "+ nft element inet linkbalancer_counts counted { the next free id }: application rest",
        "+ nft element inet linkbalancer_counts counted { 0x00000002 }: application web",
    ]
