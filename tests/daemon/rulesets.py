"""Rule sets as other programs load them into nftables, shortened to what they hook and mark, and what doctor says.

Written by hand after what the programs publish of themselves; none of them is installed where these tests run.
"""

FIREWALLD = """
table inet firewalld {
    chain mangle_PREROUTING {
        type filter hook prerouting priority mangle + 10; policy accept;
        jump mangle_PREROUTING_ZONES
    }
    chain mangle_PREROUTING_ZONES {
    }
    chain filter_PREROUTING {
        type filter hook prerouting priority filter + 10; policy accept;
        icmpv6 type { nd-neighbor-solicit, nd-router-advert } accept
        meta nfproto ipv6 fib saddr . mark . iif oif missing drop
    }
    chain filter_INPUT {
        type filter hook input priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        jump filter_INPUT_ZONES
        reject with icmpx admin-prohibited
    }
    chain filter_FORWARD {
        type filter hook forward priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        jump filter_FORWARD_ZONES
        reject with icmpx admin-prohibited
    }
    chain filter_INPUT_ZONES {
        tcp dport 22 accept
    }
    chain filter_FORWARD_ZONES {
    }
}
"""

DOCKER = """
table ip filter {
    chain DOCKER {
        iifname != "docker0" oifname "docker0" counter drop
    }
    chain DOCKER-BRIDGE {
        oifname "docker0" counter jump DOCKER
    }
    chain DOCKER-CT {
        oifname "docker0" ct state related,established counter accept
    }
    chain DOCKER-FORWARD {
        counter jump DOCKER-CT
        counter jump DOCKER-BRIDGE
        iifname "docker0" counter accept
    }
    chain DOCKER-USER {
    }
    chain FORWARD {
        type filter hook forward priority filter; policy drop;
        counter jump DOCKER-USER
        counter jump DOCKER-FORWARD
    }
}
table ip raw {
    chain PREROUTING {
        type filter hook prerouting priority raw; policy accept;
        iifname != "docker0" ip daddr 172.17.0.2 counter drop
    }
}
"""

TAILSCALE = """
table ip filter {
    chain FORWARD {
        type filter hook forward priority filter; policy accept;
        counter jump ts-forward
    }
    chain ts-forward {
        iifname "tailscale0*" counter meta mark set meta mark & 0xff00ffff | 0x00040000
        meta mark & 0x00ff0000 == 0x00040000 counter accept
        oifname "tailscale0*" ip saddr 100.64.0.0/10 counter drop
        oifname "tailscale0*" counter accept
    }
}
"""
TAILSCALE_RULES = (
    "ip rule add priority 5210 fwmark 0x80000/0xff0000 lookup main",
    "ip rule add priority 5230 fwmark 0x80000/0xff0000 lookup default",
    "ip rule add priority 5250 fwmark 0x80000/0xff0000 unreachable",
    "ip rule add priority 5270 lookup 52",
)

WG_QUICK = """
table ip wg-quick-wg0 {
    chain preraw {
        type filter hook prerouting priority raw; policy accept;
        iifname != "wg0" ip daddr 10.9.0.2 fib saddr type != local drop
    }
    chain premangle {
        type filter hook prerouting priority mangle; policy accept;
        meta l4proto udp meta mark set ct mark
    }
    chain postmangle {
        type filter hook postrouting priority mangle; policy accept;
        meta l4proto udp meta mark 0x0000ca6c ct mark set meta mark
    }
}
"""
WG_QUICK_RULES = (
    "ip rule add priority 32764 lookup main suppress_prefixlength 0",
    "ip rule add priority 32765 not fwmark 51820 lookup 51820",
)
