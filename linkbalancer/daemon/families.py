"""Every metric there is: docs/metrics.md lists them in these words, and a real daemon exposes no other.

Base units, and names by Prometheus' conventions. Labels are what an operator configured, so their number is bounded by
the configuration: what comes from the wire is counted by reason, never by who sent it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The kinds of metrics, by OpenMetrics' names."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"
    STATE_SET = "stateset"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name as it is read, its kind, what it says, and its labels.

    `always`: whether every gateway with a link, a group and an application exposes it.
    """

    name: str
    kind: Kind
    says: str
    labels: tuple[str, ...] = ()
    always: bool = True


_COUNTED: Final = ("application", "vid", "direction")

FAMILIES: Final = (
    Family("linkbalancer_build_info", Kind.INFO, "The program's version.", ("version",)),
    Family("linkbalancer_node_info", Kind.INFO, "This gateway's name and role.", ("node", "role")),
    Family(
        "linkbalancer_agent_up", Kind.GAUGE, "Whether the agent answers; without it only what the api knows is here."
    ),
    Family(
        "linkbalancer_process_start_time_seconds",
        Kind.GAUGE,
        "When a process of the daemon was started, in seconds since 1970.",
        ("process",),
    ),
    Family(
        "linkbalancer_application_processes",
        Kind.GAUGE,
        "How many processes steer applications and answer; several applications may share one.",
    ),
    Family("linkbalancer_settled", Kind.GAUGE, "Whether nothing has changed for long enough to call it settled."),
    Family("linkbalancer_health", Kind.STATE_SET, "The gateway as a whole.", ("linkbalancer_health",), always=False),
    Family(
        "linkbalancer_configuration_info",
        Kind.INFO,
        "The configuration in force: its number among those kept, and whether it is good, pending, ...",
        ("entry", "state"),
        always=False,
    ),
    Family("linkbalancer_drained", Kind.GAUGE, "What is drained for maintenance.", ("kind", "name"), always=False),
    Family(
        "linkbalancer_preflight_findings",
        Kind.GAUGE,
        "What `doctor` found at the last look.",
        ("severity",),
        always=False,
    ),
    Family(
        "linkbalancer_host_names",
        Kind.GAUGE,
        "Host names of sets, by how they are: resolved, failing (the last addresses stay), empty, or unresolved.",
        ("state",),
        always=False,
    ),
    Family(
        "linkbalancer_host_name_failing_seconds",
        Kind.GAUGE,
        "For how long the host name that has failed longest is not answered; 0: all are.",
        always=False,
    ),
    Family("linkbalancer_put_back_total", Kind.COUNTER, "What others removed of ours and the daemon put back."),
    Family(
        "linkbalancer_repairs_total",
        Kind.COUNTER,
        "The same by its kind: address, route, rule, nftables (or iptables), steering, switch or device.",
        ("kind",),
        always=False,
    ),
    Family("linkbalancer_fights", Kind.GAUGE, "What somebody takes away again and again, at present.", always=False),
    Family(
        "linkbalancer_records_dropped_total",
        Kind.COUNTER,
        "Records of the history that the agent lost because nobody took them.",
    ),
    Family("linkbalancer_adverts_lost_total", Kind.COUNTER, "VRRP frames that came faster than the agent read them."),
    Family("linkbalancer_adverts_unsent_total", Kind.COUNTER, "Adverts that the kernel would not send."),
    Family(
        "linkbalancer_notifications_total",
        Kind.COUNTER,
        "What became of news for a notification: delivered, failed (a try), given_up, merged or dropped.",
        ("notification", "way", "result"),
        always=False,
    ),
    Family(
        "linkbalancer_notifications_waiting",
        Kind.GAUGE,
        "News that are not told yet.",
        ("notification", "way"),
        always=False,
    ),
    Family("linkbalancer_timer_lateness_seconds", Kind.HISTOGRAM, "How late the agent judged its timers.", ("le",)),
    Family("linkbalancer_timer_lateness_worst_seconds", Kind.GAUGE, "The latest of all since the agent began."),
    Family(
        "linkbalancer_events_total",
        Kind.COUNTER,
        "What the agent counted: advertisements received, and everything refused or lost, by its reason.",
        ("part", "reason"),
    ),
    Family("linkbalancer_link_info", Kind.INFO, "A link and its far end.", ("link", "device", "peer", "peer_node")),
    Family("linkbalancer_link_open", Kind.GAUGE, "Whether round trips are proven.", ("link",)),
    Family("linkbalancer_link_fault", Kind.GAUGE, "Whether the wiring is wrong (another link's peer).", ("link",)),
    Family("linkbalancer_link_unchanged_seconds", Kind.GAUGE, "How long ago the link opened or closed.", ("link",)),
    Family("linkbalancer_link_rtt_seconds", Kind.GAUGE, "Smoothed round-trip time.", ("link",), always=False),
    Family(
        "linkbalancer_link_jitter_seconds",
        Kind.GAUGE,
        "Smoothed deviation of the round-trip time.",
        ("link",),
        always=False,
    ),
    Family(
        "linkbalancer_link_loss_ratio",
        Kind.GAUGE,
        "Share of round trips lost of late, 0 to 1; at the controller alone, which probes.",
        ("link",),
        always=False,
    ),
    Family(
        "linkbalancer_link_rate_bytes_per_second",
        Kind.GAUGE,
        "What a link carries in a direction, smoothed, as an end counts it.",
        ("link", "direction", "end"),
        always=False,
    ),
    Family(
        "linkbalancer_link_capacity_bytes_per_second",
        Kind.GAUGE,
        "What a link can carry in a direction, as configured at an end or as its hardware says.",
        ("link", "direction", "end"),
        always=False,
    ),
    Family(
        "linkbalancer_link_backlog_bytes",
        Kind.GAUGE,
        "What waits in the sender's queue, smoothed.",
        ("link", "direction", "end"),
        always=False,
    ),
    Family(
        "linkbalancer_link_drops_per_second",
        Kind.GAUGE,
        "Packets that the sender's queue or device drops, smoothed.",
        ("link", "direction", "end"),
        always=False,
    ),
    Family(
        "linkbalancer_link_one_way_loss_ratio",
        Kind.GAUGE,
        "Share of LVrrp's datagrams of a direction that did not arrive of late, 0 to 1; its receiver knows.",
        ("link", "direction", "end"),
        always=False,
    ),
    Family(
        "linkbalancer_link_peak_bytes_per_second",
        Kind.GAUGE,
        "The busiest interval of the last minute, as counted here.",
        ("link", "direction"),
        always=False,
    ),
    Family(
        "linkbalancer_link_used_ratio",
        Kind.GAUGE,
        "Share of its capacity that a link uses, by the larger rate and the smaller capacity that its ends know.",
        ("link", "direction"),
        always=False,
    ),
    Family(
        "linkbalancer_link_datagrams_total",
        Kind.COUNTER,
        "LVrrp datagrams of a link: sent, received, probes sent, answered and missed, and each reason for a refusal.",
        ("link", "reason"),
    ),
    Family("linkbalancer_vid_info", Kind.INFO, "A VID at this gateway.", ("vid", "device", "link", "mode")),
    Family("linkbalancer_vid_state", Kind.STATE_SET, "The VRRP state here.", ("vid", "linkbalancer_vid_state")),
    Family("linkbalancer_vid_priority", Kind.GAUGE, "The effective VRRP priority here.", ("vid",)),
    Family("linkbalancer_vid_is_master", Kind.GAUGE, "Whether this gateway is the Master.", ("vid",)),
    Family("linkbalancer_vid_works", Kind.GAUGE, "Whether some Master lives and its link is open.", ("vid",)),
    Family("linkbalancer_vid_transitions_total", Kind.COUNTER, "Changes of the VRRP state here.", ("vid",)),
    Family("linkbalancer_vid_unchanged_seconds", Kind.GAUGE, "How long ago the VID last changed.", ("vid",)),
    Family(
        "linkbalancer_vid_vrrp_total",
        Kind.COUNTER,
        "VRRP of a VID, by the names of RFC 6527: adverts sent, valid ones received, each reason for a refusal.",
        ("vid", "counter"),
    ),
    Family(
        "linkbalancer_vid_mastership_info",
        Kind.INFO,
        "Why this gateway last became Master, and what last changed its state, in the words of ietf-vrrp.",
        ("vid", "new_master_reason", "last_event"),
    ),
    Family(
        "linkbalancer_device_vrrp_total",
        Kind.COUNTER,
        "VRRP packets refused on a device that no VID here counts, by the names of RFC 6527.",
        ("device", "counter"),
    ),
    Family(
        "linkbalancer_gateway_answers",
        Kind.GAUGE,
        "Whether the gateway of a static group answers.",
        ("vid",),
        always=False,
    ),
    Family(
        "linkbalancer_gateway_probe_good",
        Kind.GAUGE,
        "Whether a probe of a static group's gateway passes.",
        ("vid", "probe"),
        always=False,
    ),
    Family("linkbalancer_tracker_good", Kind.GAUGE, "Whether a tracker is good.", ("tracker", "kind"), always=False),
    Family(
        "linkbalancer_tracker_unchanged_seconds",
        Kind.GAUGE,
        "How long ago a tracker last changed.",
        ("tracker",),
        always=False,
    ),
    Family(
        "linkbalancer_tracker_value", Kind.GAUGE, "The number that a tracker's file holds.", ("tracker",), always=False
    ),
    Family(
        "linkbalancer_tracker_adds",
        Kind.GAUGE,
        "What a tracker adds to the priority of a group now.",
        ("tracker", "vid"),
        always=False,
    ),
    Family(
        "linkbalancer_tracker_fault",
        Kind.GAUGE,
        "Whether a group may not run because of a tracker.",
        ("tracker", "vid"),
        always=False,
    ),
    Family(
        "linkbalancer_application_path_info",
        Kind.INFO,
        "Where an application goes: its VID (empty: nowhere), and this gateway's own link (empty: by another gateway).",
        ("application", "vid", "link"),
    ),
    Family("linkbalancer_application_works", Kind.GAUGE, "Whether the application's VID works.", ("application",)),
    Family(
        "linkbalancer_application_preferred",
        Kind.GAUGE,
        "Whether the application is on the first step of its list.",
        ("application",),
    ),
    Family(
        "linkbalancer_application_keeps_sla",
        Kind.GAUGE,
        "Whether the link of the application's VID keeps the service level that it asks for.",
        ("application",),
        always=False,
    ),
    *(
        Family(f"linkbalancer_application_{what}_total", Kind.COUNTER, says, _COUNTED, always=False)
        for what, says in (
            ("packets", "Packets of a counted application by its flows' VID, over this gateway's own ways: out or in."),
            ("bytes", "The same in bytes, from the IP header on."),
            ("flows", "Flows of a counted application that began, by VID and by the way of their first packet."),
        )
    ),
)
