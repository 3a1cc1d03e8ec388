"""What Keepalived's keywords say that has no counterpart here: why, and what to do about it, keyword by keyword."""

from typing import Final, NamedTuple

from linkbalancer.config.keepalived.remarks import Kind
from linkbalancer.config.keepalived.statements import Ledger, Statement


class Foreign(NamedTuple):
    """What is said of a keyword."""

    kind: Kind
    what: str
    remedy: str


_LVS: Final = Foreign(Kind.LOST, "is of the virtual server (LVS)", "keep Keepalived for it, without its VRRP (-C)")
_OWN_PROCESS: Final = Foreign(Kind.NEEDLESS, "is about Keepalived's own processes", "nothing to do")
_OWN_FILES: Final = Foreign(Kind.NEEDLESS, "is about Keepalived's own files", "nothing to do")
_NETLINK: Final = Foreign(Kind.NEEDLESS, "sizes Keepalived's buffers", "nothing to do")
_FIREWALL: Final = Foreign(Kind.NEEDLESS, "is about the tables that Keepalived makes itself", "nothing to do")
_REAL_TIME: Final = Foreign(
    Kind.NEEDLESS, "is about how Keepalived's processes are scheduled", "see real time in docs/configuration.md"
)
_SNMP: Final = Foreign(Kind.LOST, "is SNMP's, which is not spoken here", "read the metrics (docs/metrics.md)")
_DBUS: Final = Foreign(Kind.LOST, "is D-Bus's, which is not spoken here", "ask the api (docs/api.md)")
_NAMESPACE: Final = Foreign(
    Kind.LOST, "runs Keepalived in a network namespace", "start `linkbalancer run` in it (`ip netns exec`)"
)
_SCRIPT: Final = Foreign(
    Kind.LOST, "runs a script when Keepalived starts or stops", "make it ExecStartPre or ExecStopPost of the unit"
)
_STATIC: Final = Foreign(
    Kind.LOST, "sets addresses, routes or rules that never move", "set them where the host's network is configured"
)
_BFD: Final = Foreign(Kind.LOST, "is BFD, which is not spoken here", "probe the neighbour by a link, or by a tracker")
_LINKBEAT: Final = Foreign(Kind.NEEDLESS, "polls for carrier; the kernel tells it", "nothing to do")
_ROUTES: Final = Foreign(
    Kind.LOST,
    "are set by the Master alone",
    "a notification's script may set them; which way packets take is apps.conf's (docs/rules.md)",
)
_ARPS: Final = Foreign(
    Kind.LOST,
    "is one part of Keepalived's announcing that has no counterpart",
    "see announce in conf/linkbalancer.yaml",
)
_VMAC: Final = Foreign(
    Kind.LOST, "names Keepalived's devices", "ours are vr4-VRID and vr6-VRID; change what names them"
)

GLOBAL: Final[dict[str, Foreign]] = {
    **dict.fromkeys(
        (
            "process_names",
            "process_name",
            "vrrp_process_name",
            "checker_process_name",
            "bfd_process_name",
            "child_wait_time",
            "max_auto_priority",
            "min_auto_priority_delay",
            "umask",
            "dynamic_interfaces",
            "vrrp_skip_check_adv_addr",
            "random_seed",
            "snmp_socket_timeout",
            "shutdown_script_timeout",
            "startup_script_timeout",
            "reload_check_config",
            "reload_repeat",
            "reload_time_file",
        ),
        _OWN_PROCESS,
    ),
    **dict.fromkeys(
        (
            "tmp_config_directory",
            "config_save_dir",
            "use_pid_dir",
            "data_use_instance",
            "include_check",
            "reload_file",
            "instance",
            "use_symlink_paths",
        ),
        _OWN_FILES,
    ),
    **dict.fromkeys(
        (
            "vrrp_netlink_cmd_rcv_bufs",
            "vrrp_netlink_cmd_rcv_bufs_force",
            "vrrp_netlink_monitor_rcv_bufs",
            "vrrp_netlink_monitor_rcv_bufs_force",
            "lvs_netlink_cmd_rcv_bufs",
            "lvs_netlink_cmd_rcv_bufs_force",
            "lvs_netlink_monitor_rcv_bufs",
            "lvs_netlink_monitor_rcv_bufs_force",
            "process_monitor_rcv_bufs",
            "process_monitor_rcv_bufs_force",
            "vrrp_rx_bufs_policy",
            "vrrp_rx_bufs_multiplier",
        ),
        _NETLINK,
    ),
    **dict.fromkeys(
        (
            "nftables",
            "nftables_priority",
            "nftables_counters",
            "nftables_ifindex",
            "vrrp_iptables",
            "vrrp_ipsets",
            "namespace_with_ipsets",
            "iptables",
            "ipsets",
            "disable_local_igmp",
        ),
        _FIREWALL,
    ),
    **dict.fromkeys(
        (
            "vrrp_priority",
            "checker_priority",
            "bfd_priority",
            "vrrp_no_swap",
            "checker_no_swap",
            "bfd_no_swap",
            "vrrp_cpu_affinity",
            "checker_cpu_affinity",
            "bfd_cpu_affinity",
            "vrrp_rt_priority",
            "checker_rt_priority",
            "bfd_rt_priority",
            "vrrp_rlimit_rttime",
            "checker_rlimit_rttime",
            "bfd_rlimit_rttime",
        ),
        _REAL_TIME,
    ),
    **dict.fromkeys(
        (
            "lvs_sync_daemon",
            "lvs_timeouts",
            "lvs_flush",
            "lvs_flush_on_stop",
            "lvs_flush_onstop",
            "checker_log_all_failures",
            "smtp_alert_checker",
            "lvs_notify_fifo",
            "lvs_notify_fifo_script",
            "rs_init_notifies",
            "no_checker_emails",
            "nftables_ipvs",
            "nftables_ipvs_priority",
            "nftables_ipvs_start_fwmark",
            "net_namespace_ipvs",
        ),
        _LVS,
    ),
    **dict.fromkeys(
        (
            "snmp_socket",
            "enable_snmp_keepalived",
            "enable_snmp_vrrp",
            "enable_snmp_checker",
            "enable_snmp_rfc",
            "enable_snmp_rfcv2",
            "enable_snmp_rfcv3",
            "enable_traps",
        ),
        _SNMP,
    ),
    **dict.fromkeys(("enable_dbus", "dbus_service_name"), _DBUS),
    **dict.fromkeys(("startup_script", "shutdown_script"), _SCRIPT),
    **dict.fromkeys(("vmac_prefix", "vmac_addr_prefix"), _VMAC),
    **dict.fromkeys(("vrrp_garp_lower_prio_delay", "vrrp_garp_lower_prio_repeat", "vrrp_garp_extra_if"), _ARPS),
    "net_namespace": _NAMESPACE,
    "default_interface": Foreign(Kind.NEEDLESS, "is for static addresses", "nothing to do"),
    "linkbeat_use_polling": _LINKBEAT,
    "vrrp_check_unicast_src": Foreign(
        Kind.NEEDLESS, "is always so: adverts are taken from peers alone", "nothing to do"
    ),
    "enable_script_security": Foreign(
        Kind.NEEDLESS, "is always so: what others may write is not run as root", "nothing to do"
    ),
    "log_unknown_vrids": Foreign(
        Kind.NEEDLESS, "counts in `linkbalancer status`, as vrid errors", "`linkbalancer scan DEV` says who it is"
    ),
    "fifo_write_vrrp_states_on_reload": Foreign(
        Kind.LOST, "has states told again at a reload; ours tells only changes", "ask `linkbalancer status` there"
    ),
    "vrrp_higher_prio_send_advert": Foreign(
        Kind.NEEDLESS, "has no counterpart: the winner announces again by itself", "nothing to do"
    ),
}
"""Keywords of global_defs (and of the top level, where Keepalived takes some of them too)."""

TOP: Final[dict[str, Foreign]] = {
    **dict.fromkeys(("virtual_server", "virtual_server_group", "SSL", "real_server"), _LVS),
    **dict.fromkeys(("static_ipaddress", "static_routes", "static_rules", "track_group"), _STATIC),
    "bfd_instance": _BFD,
    "linkbeat_interfaces": _LINKBEAT,
    "garp_group": Foreign(
        Kind.LOST, "holds back announcements for some devices", "see announce_rate in conf/linkbalancer.yaml"
    ),
    "interface_up_down_delays": Foreign(
        Kind.LOST, "waits before a device counts as up or down", "give a tracker of the device its own delay"
    ),
}
"""Keywords of the top level."""

INSTANCE: Final[dict[str, Foreign]] = {
    **dict.fromkeys(("virtual_routes", "virtual_rules"), _ROUTES),
    **dict.fromkeys(("garp_lower_prio_delay", "garp_lower_prio_repeat", "garp_extra_if"), _ARPS),
    "use_vmac_addr": Foreign(
        Kind.LOST,
        "gives addresses on other devices a virtual MAC",
        "make a group of its own for that device, with virtual_mac: true",
    ),
    "vmac_xmit_base": Foreign(Kind.NEEDLESS, "is about Keepalived's macvlan", "ours hears adverts on both devices"),
    "use_ipvlan": Foreign(Kind.LOST, "puts the addresses on an ipvlan", "use the device itself, or virtual_mac: true"),
    "vrf": Foreign(Kind.LOST, "works in a VRF", "name the device"),
    "native_ipv6": Foreign(Kind.NEEDLESS, "follows from the addresses", "nothing to do"),
    "dont_track_primary": Foreign(
        Kind.LOST, "stays Master on a device without carrier; ours never does", "nothing to do, or a dummy device"
    ),
    "track_src_ip": Foreign(
        Kind.NEEDLESS, "is always so: without its source address a group cannot run", "nothing to do"
    ),
    "check_unicast_src": Foreign(Kind.NEEDLESS, "is always so: adverts are taken from peers alone", "nothing to do"),
    "unicast_fault_no_peer": Foreign(Kind.NEEDLESS, "is always so: unicast without peers is refused", "nothing to do"),
    "old_unicast_checksum": Foreign(Kind.LOST, "sends the checksum of Keepalived 1.3", "update the peers first"),
    "higher_prio_send_advert": Foreign(
        Kind.NEEDLESS, "has no counterpart: the winner announces again by itself", "nothing to do"
    ),
    "promote_secondaries": Foreign(
        Kind.NEEDLESS, "is about addresses that go with another", "ours are put back at once"
    ),
    "skip_check_adv_addr": Foreign(
        Kind.NEEDLESS, "saves Keepalived work; ours compares whole messages first", "nothing to do"
    ),
    "debug": Foreign(Kind.NEEDLESS, "is about Keepalived's log", "see `linkbalancer history`"),
    "track_bfd": _BFD,
    "lvs_sync_daemon_interface": _LVS,
    "linkbeat_use_polling": _LINKBEAT,
    "kernel_rx_buf_size": _NETLINK,
}
"""Keywords of vrrp_instance."""


def told(ledger: Ledger, statement: Statement, table: dict[str, Foreign]) -> bool:
    """Say what a table says of a statement; whether it says anything."""
    foreign = table.get(statement.keyword)
    if foreign is None:
        return False
    what = f"{statement.keyword} {foreign.what}"
    if foreign.kind is Kind.NEEDLESS:
        ledger.needless(statement, what, foreign.remedy)
    else:
        ledger.lost(statement, what, foreign.remedy)
    return True
