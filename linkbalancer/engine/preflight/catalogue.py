"""Every kind of finding there is; docs/doctor.md lists them in these words."""

from typing import Final

from linkbalancer.engine.preflight.finding import Kind, Severity

_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE

KERNEL_OLD: Final = Kind(
    "kernel-old", _E, "The daemon does not start: this Linux keeps no tag on addresses.", "Run Linux 5.18 or newer."
)
NFT_MISSING: Final = Kind(
    "nft-missing", _E, "No classifier can be loaded, so nothing is steered.", "Install the package nftables."
)
IPTABLES_MISSING: Final = Kind(
    "iptables-missing",
    _E,
    "With `firewall: iptables` no classifier can be loaded, so nothing is steered.",
    "Install the package iptables and python-iptables (`pip install linkbalancer[iptables]`).",
)
CONNTRACK_MISSING: Final = Kind(
    "conntrack-missing",
    _E,
    "Flows are not remembered: every packet is classified by itself.",
    "Load the kernel module nf_conntrack.",
)
CONNTRACK_FULL: Final = Kind(
    "conntrack-full",
    _W,
    "When the table of connections is full, new connections are dropped.",
    "Raise net.netfilter.nf_conntrack_max, and look for what makes so many connections.",
)
DEVICE_MISSING: Final = Kind(
    "device-missing", _E, "What is configured on it is dead.", "Create the device, or correct its name."
)
DEVICE_DOWN: Final = Kind(
    "device-down",
    _E,
    "What is configured on it is dead.",
    "Set it up: ip link set DEVICE up, and in its configuration.",
)
DEVICE_ENSLAVED: Final = Kind(
    "device-enslaved",
    _E,
    "A port of a bridge or bond receives no packets of its own.",
    "Name the bridge or bond itself in linkbalancer.yaml.",
)
MTU_NARROW: Final = Kind(
    "mtu-narrow",
    _N,
    "The LAN's largest packets do not fit: hosts are told so by ICMP (fragmentation needed), which must reach them.",
    "Let ICMP through to the LAN; where hosts do not listen to it, clamp TCP: `tcp option maxseg size set rt mtu`.",
)
BRIDGE_FILTER: Final = Kind(
    "bridge-filter",
    _W,
    "Packets that are only bridged between its ports are classified as if they were routed.",
    "Set net.bridge.bridge-nf-call-iptables to 0 (Docker and Kubernetes set it to 1).",
)
LINK_ADDRESS_MISSING: Final = Kind(
    "link-address-missing", _E, "The link cannot open.", "Give the device the link's local address, or correct `local`."
)
LAN_ADDRESS_MISSING: Final = Kind(
    "lan-address-missing",
    _E,
    "Without an address of its own in the LAN the gateway cannot advertise: VRRP does not run.",
    "Give the device an address of its own in the network of the virtual IPs; for IPv6 a link-local one.",
)
VIRTUAL_IP_FIXED: Final = Kind(
    "virtual-ip-fixed",
    _E,
    "This gateway answers for the virtual IP also when another is Master.",
    "Take the address out of the host's own network configuration.",
)
SWITCH_WRONG: Final = Kind(
    "switch-wrong",
    _E,
    "The daemon runs and wants another value: somebody sets it back, or the daemon may not set it.",
    "Find who sets it (its file, a firewall's start script); the daemon's log says whether it was refused.",
    fix="sets the switch",
)
SWITCH_BEFORE_START: Final = Kind(
    "switch-before-start",
    _N,
    "Nothing, once the daemon runs: it sets the switch.",
    "Nothing to do.",
)
SWITCH_FILE: Final = Kind(
    "switch-file",
    _N,
    "Whenever the file is applied, or a device appears, the daemon must set the switch again (within a second).",
    "Change the file, or write a later one that says what the gateway needs.",
    fix="writes /etc/sysctl.d/zz-linkbalancer.conf",
)
FORWARDING_OFF: Final = Kind(
    "forwarding-off",
    _E,
    "Nothing that enters by this device is forwarded.",
    "Set net.ipv4.conf.DEVICE.forwarding to 1, and take out what sets it to 0.",
    fix="sets the switch",
)
ARP_SILENT: Final = Kind(
    "arp-silent",
    _E,
    "The device answers no ARP request, so no host finds the virtual IP.",
    "Set net.ipv4.conf.DEVICE.arp_ignore (and that of all) to 0, 1 or 2.",
    fix="sets the switch",
)
RULE_TAKES_MARKS: Final = Kind(
    "rule-takes-marks",
    _E,
    "The rule looks at bits of the packet mark that are ours: it takes packets that we steer, or misses its own.",
    "Give one of the two other bits: `marks` in linkbalancer.yaml, or the other program's own setting.",
)
RULE_BEFORE_OURS: Final = Kind(
    "rule-before-ours",
    _W,
    "The packets that it means are routed by it before any VID's rule is asked: they are not steered.",
    "Give it a priority after ours, or make `tables: rules` of linkbalancer.yaml smaller.",
)
RULE_NUMBER: Final = Kind(
    "rule-number",
    _W,
    "It stands among our rules, in the range of priorities that is ours.",
    "Give it a priority outside, or give us others: `tables: rules` in linkbalancer.yaml.",
)
TABLE_TAKEN: Final = Kind(
    "table-taken",
    _E,
    "Packets of a VID meet routes, or come by rules, that are not ours.",
    "Give one of the two other tables: `tables: base` in linkbalancer.yaml, or the other program's own setting.",
)
PROTOCOL_TAKEN: Final = Kind(
    "protocol-taken",
    _W,
    "The tag 112 is how the daemon knows its own routes: it may remove this one.",
    "Give the route another protocol (/etc/iproute2/rt_protos), or remove it if it is left of an older configuration.",
)
LOCAL_RULE_LATE: Final = Kind(
    "local-rule-late",
    _E,
    "What is for this gateway itself meets our rules first: adverts, LVrrp and your own login may leave by a VID.",
    "Put the kernel's own rule back to where it belongs: ip rule add priority 0 lookup local.",
    fix="adds the rule",
)
MAIN_RULE_MISSING: Final = Kind(
    "main-rule-missing",
    _E,
    "What no VID carries has no way, this gateway's own traffic too: nobody asks the main table for its default.",
    "Put the kernel's own rule back: ip rule add priority 32766 lookup main.",
    fix="adds the rule",
)
RULE_MISSING: Final = Kind(
    "rule-missing",
    _E,
    "The daemon runs, and a rule of its is not there: what it should steer is not steered.",
    "Find who removes it; the daemon puts it back within a second, and its log says so.",
)
RULESET_MISSING: Final = Kind(
    "ruleset-missing",
    _E,
    "The daemon runs, and its nftables table is not there: nothing is steered.",
    "Find who flushes the rule set (nftables.service, a firewall's reload); the daemon loads it again.",
)
CHAINS_MISSING: Final = Kind(
    "chains-missing",
    _E,
    "The daemon runs, and nothing leads to its chains of iptables: nothing is steered.",
    "Find who flushes the table mangle (a firewall's reload); the daemon loads them again.",
)
MARK_OVERWRITTEN: Final = Kind(
    "mark-overwritten",
    _E,
    "A firewall rule writes bits of the mark that are ours: packets lose their VID, or flows their application.",
    "Have it write its own bits alone (`mark set mark and MASK or BITS`), or give one of the two other bits.",
)
FORWARD_DROPPED: Final = Kind(
    "forward-dropped",
    _W,
    "Forwarded packets are refused unless one of its rules accepts them, between every LAN and every link.",
    "See that it accepts what shall be forwarded, both ways, and packets that conntrack calls invalid.",
)
INPUT_DROPPED: Final = Kind(
    "input-dropped",
    _W,
    "LVrrp's datagrams may be dropped: none of its rules names the port, and the links would never open.",
    "Accept UDP to the links' ports from the link devices (VRRP and ARP need no rule).",
)
REVERSE_PATH_RULE: Final = Kind(
    "reverse-path-rule",
    _W,
    "A firewall's own reverse path filter: what comes by another way than its answers go is dropped, as by rp_filter.",
    "Take the rule out, or except our devices from it: with VIDs the two directions may cross different gateways.",
)
UNTRACKED: Final = Kind(
    "untracked",
    _W,
    "Flows that it means are not remembered: each packet is classified by itself, also in the answers' direction.",
    "Take the rule out, or narrow it to what no rule of ours steers.",
)
FLOW_OFFLOAD: Final = Kind(
    "flow-offload",
    _E,
    "Offloaded flows pass by the classifier: they stay on a dead link until they end.",
    "Take our devices out of the flowtable.",
)
LEGACY_IPTABLES: Final = Kind(
    "legacy-iptables",
    _W,
    "Rules of the old iptables are in use, and cannot be judged: they may write marks or drop packets.",
    "Look at `iptables-legacy-save`, and move to nftables or iptables-nft.",
)
NETWORKD_REMOVES: Final = Kind(
    "networkd-removes",
    _E,
    "systemd-networkd removes rules and routes that are not its own, at its start and when a device changes.",
    "Tell it not to, in a drop-in of networkd.conf, and restart it.",
    fix="writes /etc/systemd/networkd.conf.d/linkbalancer.conf and restarts systemd-networkd",
)
NETWORKMANAGER_MANAGES: Final = Kind(
    "networkmanager-manages",
    _W,
    "NetworkManager takes addresses off the device whenever its connection is activated; the daemon puts them back.",
    "Configure the device elsewhere, and name it in `unmanaged-devices` of NetworkManager.conf.",
)
DHCP_CLIENT: Final = Kind(
    "dhcp-client",
    _W,
    "A DHCP client may change the device's own address, or take addresses off it.",
    "Give gateways' devices fixed addresses, or name them in `denyinterfaces` of dhcpcd.conf.",
)
KEEPALIVED_VRID: Final = Kind(
    "keepalived-vrid",
    _E,
    "Two VRRP routers of one VRID on one host: each takes the other for a rival.",
    "Stop Keepalived, or take the instance out of it, before linkbalancer serves the VID.",
)
KEEPALIVED_RUNS: Final = Kind(
    "keepalived-runs",
    _N,
    "Nothing, as long as it serves other VRIDs or other devices.",
    "Nothing to do.",
)
FIREWALLD_RUNS: Final = Kind(
    "firewalld-runs",
    _W,
    "firewalld forwards between zones, and takes LVrrp's datagrams, only where its policies say so.",
    "Put the devices into zones that accept UDP to the links' ports, and allow forwarding between them.",
)
UFW_FORWARD: Final = Kind(
    "ufw-forward",
    _W,
    "ufw drops what is forwarded unless a route rule allows it.",
    'Say DEFAULT_FORWARD_POLICY="ACCEPT" in /etc/default/ufw, or add route rules, and `ufw reload`.',
)
NFTABLES_FLUSH: Final = Kind(
    "nftables-flush",
    _W,
    "Each reload of nftables.service removes our table too; nothing is steered until the daemon has loaded it again.",
    "Replace `flush ruleset` by `add table T` and `delete table T` for each table that the file itself makes.",
)

CATALOGUE: Final = tuple(value for value in list(globals().values()) if isinstance(value, Kind))
