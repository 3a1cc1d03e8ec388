"""The metrics of one scrape: what the status says, as the families that Prometheus reads."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from linkbalancer import __version__
from linkbalancer.daemon.families import FAMILIES, Kind
from linkbalancer.daemon.loop import BUCKETS
from linkbalancer.engine.naming.overview import EMPTY, FAILING, RESOLVED, UNRESOLVED
from linkbalancer.host.process import started_at

VID_STATES: Final = ("observing", "stopped", "initialising", "held", "fault", "backup", "master", "static")
HEALTH: Final = ("good", "degraded", "broken")


_SUFFIXES: Final = {Kind.COUNTER: "_total", Kind.INFO: "_info"}
_BY_NAME: Final = {family.name: family for family in FAMILIES}


class Exposition(Collector):
    """The families of one scrape; families without a sample are left out."""

    def __init__(self) -> None:
        self._metrics: dict[str, Metric] = {}

    def collect(self) -> Iterable[Metric]:
        """Return the families in the order of the document (prometheus-client asks)."""
        return [self._metrics[family.name] for family in FAMILIES if family.name in self._metrics]

    def set(self, name: str, value: float | None, /, **labels: object) -> None:
        """Give one sample; None is no sample."""
        if value is not None:
            self._metric(name).add_sample(name, {key: str(one) for key, one in labels.items()}, float(value))

    def states(self, name: str, states: Iterable[str], state: str, /, **labels: object) -> None:
        """Give one sample for each state that can be, 1 for the present one; one that is not among them is added."""
        for one in dict.fromkeys((*states, state)):
            self.set(name, one == state, **labels, **{name: one})

    def histogram(self, name: str, counts: Mapping[float, int], total: float) -> None:
        """Give a histogram by its upper bounds, in order; the last bound may be infinite and is added if it is not."""
        metric, sum_of = self._metric(name), 0
        for bound, count in {**counts, float("inf"): counts.get(float("inf"), 0)}.items():
            sum_of += count
            metric.add_sample(f"{name}_bucket", {"le": "+Inf" if bound == float("inf") else repr(bound)}, sum_of)
        metric.add_sample(f"{name}_count", {}, sum_of)
        metric.add_sample(f"{name}_sum", {}, total)

    def _metric(self, name: str) -> Metric:
        if name not in self._metrics:
            family = _BY_NAME[name]
            self._metrics[name] = Metric(name.removesuffix(_SUFFIXES.get(family.kind, "")), family.says, family.kind)
        return self._metrics[name]


def expose(status: Mapping[str, Any] | None) -> Exposition:
    """Return the metrics of a status, or of an agent that does not answer."""
    to = Exposition()
    to.set("linkbalancer_build_info", 1, version=__version__)
    to.set("linkbalancer_agent_up", status is not None)
    processes = {"api": os.getpid()}
    if status is not None:
        processes |= status.get("processes", {})
        to.set("linkbalancer_node_info", 1, node=status["node"], role=status["role"])
        to.set("linkbalancer_settled", status["settled"])
        _whole(to, status)
        _lateness(to, status.get("daemon", {}).get("timer_lateness", {}))
        for reason, count in status.get("counters", {}).items():
            part, _, what = reason.rpartition(":")
            to.set("linkbalancer_events_total", count, part=part or "agent", reason=what)
        for name, link in status["links"].items():
            _link(to, name, link)
        for vid, group in status["groups"].items():
            _vid(to, vid, group)
        for device, interface in status.get("interfaces", {}).items():
            for name, count in interface["counters"].items():
                to.set("linkbalancer_device_vrrp_total", count, device=device, counter=name)
        for name, application in status["applications"].items():
            _application(to, name, application, status)
        _counts(to, status.get("counts", {}).get("applications", {}))
    to.set(
        "linkbalancer_application_processes", len({pid for name, pid in processes.items() if name.startswith("app:")})
    )
    for name, pid in processes.items():
        if ":" not in name:
            to.set("linkbalancer_process_start_time_seconds", started_at(pid), process=name)
    return to


def _whole(to: Exposition, status: Mapping[str, Any]) -> None:
    """Give what is said of the gateway as a whole; each part may be absent."""
    daemon = status.get("daemon", {})
    to.set("linkbalancer_put_back_total", daemon.get("put_back"))
    for kind, count in daemon.get("put_back_by_kind", {}).items():
        to.set("linkbalancer_repairs_total", count, kind=kind)
    if "fights" in daemon:
        to.set("linkbalancer_fights", len(daemon["fights"]))
    for name in ("records_dropped", "adverts_lost", "adverts_unsent"):
        to.set(f"linkbalancer_{name}_total", daemon.get(name))
    if isinstance(status.get("health"), str):
        to.states("linkbalancer_health", HEALTH, status["health"])
    _notifications(to, status.get("notifications", {}))
    _names(to, status.get("names") or {})
    for name, tracker in status.get("trackers", {}).items():
        _tracker(to, name, tracker)
    configuration = status.get("configuration")
    if isinstance(configuration, dict):
        labels = {key: configuration.get(key) for key in ("entry", "state")}
        to.set("linkbalancer_configuration_info", 1, **{key: "" if one is None else one for key, one in labels.items()})
    for kind, name in _drained(status.get("drained")):
        to.set("linkbalancer_drained", 1, kind=kind, name=name)
    if isinstance(status.get("preflight"), list):
        severities = [finding["severity"] for finding in status["preflight"]]
        for severity in ("error", "warning", "note"):
            to.set("linkbalancer_preflight_findings", severities.count(severity), severity=severity)


def _notifications(to: Exposition, notifications: Mapping[str, Mapping[str, Any]]) -> None:
    for name, one in notifications.items():
        to.set("linkbalancer_notifications_waiting", one["waiting"], notification=name, way=one["way"])
        for result in ("delivered", "failed", "given_up", "merged", "dropped"):
            labels = {"notification": name, "way": one["way"], "result": result}
            to.set("linkbalancer_notifications_total", one[result], **labels)


def _names(to: Exposition, names: Mapping[str, Any]) -> None:
    hosts = list(names.get("hosts", {}).values())
    if hosts:
        states = [one["state"] for one in hosts]
        for state in (RESOLVED, FAILING, EMPTY, UNRESOLVED):
            to.set("linkbalancer_host_names", states.count(state), state=state)
        longest = max(one["failing_ms"] or 0 for one in hosts)
        to.set("linkbalancer_host_name_failing_seconds", longest / 1000)


def _drained(drained: object) -> Iterator[tuple[str, str]]:
    for one in drained if isinstance(drained, list) else ():
        yield one["kind"], one["name"]


def _lateness(to: Exposition, lateness: Mapping[str, int]) -> None:
    """Give the histogram: the agent counts what was late by less than each power of two of a microsecond.

    The last of its buckets takes everything beyond, and so has no bound.
    """
    if lateness:
        bounds = [(1 << bucket) for bucket in range(BUCKETS)]
        counts = {bound / 1_000_000: lateness.get(f"<{bound}us", 0) for bound in bounds[:-1]}
        counts[float("inf")] = lateness.get(f"<{bounds[-1]}us", 0)
        to.histogram("linkbalancer_timer_lateness_seconds", counts, lateness.get("total_us", 0) / 1_000_000)
        to.set("linkbalancer_timer_lateness_worst_seconds", lateness["worst_us"] / 1_000_000)


def _link(to: Exposition, name: str, link: Mapping[str, Any]) -> None:
    to.set(
        "linkbalancer_link_info",
        1,
        link=name,
        device=link["device"],
        peer=link["peer"],
        peer_node=link["peer_node"] or "",
    )
    to.set("linkbalancer_link_open", link["open"], link=name)
    to.set("linkbalancer_link_fault", link["fault"] is not None, link=name)
    to.set("linkbalancer_link_unchanged_seconds", link["since_ms"] / 1000, link=name)
    to.set("linkbalancer_link_rtt_seconds", _seconds(link["rtt_ms"]), link=name)
    to.set("linkbalancer_link_jitter_seconds", _seconds(link.get("jitter_ms")), link=name)
    to.set("linkbalancer_link_loss_ratio", link.get("loss"), link=name)
    if "metrics" in link:
        _measures(to, name, link["metrics"])
    for reason, count in link["counters"].items():
        to.set("linkbalancer_link_datagrams_total", count, link=name, reason=reason)


def _measures(to: Exposition, name: str, metrics: Mapping[str, Any]) -> None:
    """Give what both ends measured, in each direction."""
    for way in ("out", "in"):
        to.set("linkbalancer_link_used_ratio", metrics[way]["used"], link=name, direction=way)
        to.set("linkbalancer_link_peak_bytes_per_second", _bytes(metrics[way]["peak_bps"]), link=name, direction=way)
        for end in ("here", "peer"):
            if metrics[end] is not None:
                _lane(to, metrics[end][way], {"link": name, "direction": way, "end": end})


def _lane(to: Exposition, lane: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    to.set("linkbalancer_link_rate_bytes_per_second", _bytes(lane["rate_bps"]), **labels)
    to.set("linkbalancer_link_capacity_bytes_per_second", _bytes(lane["capacity_bps"]), **labels)
    to.set("linkbalancer_link_backlog_bytes", lane["backlog_bytes"], **labels)
    to.set("linkbalancer_link_drops_per_second", lane["drops_per_s"], **labels)
    to.set("linkbalancer_link_one_way_loss_ratio", lane["loss"], **labels)


def _bytes(bits: float | None) -> float | None:
    return None if bits is None else bits / 8


def _vid(to: Exposition, vid: str, group: Mapping[str, Any]) -> None:
    to.set("linkbalancer_vid_info", 1, vid=vid, device=group["device"], link=group["link"] or "", mode=group["mode"])
    to.states("linkbalancer_vid_state", VID_STATES, group["state"], vid=vid)
    to.set("linkbalancer_vid_priority", group["priority"], vid=vid)
    to.set("linkbalancer_vid_is_master", group["master"] == "self", vid=vid)
    to.set("linkbalancer_vid_works", group["works"], vid=vid)
    to.set("linkbalancer_vid_transitions_total", group["transitions"], vid=vid)
    to.set("linkbalancer_vid_unchanged_seconds", group["since_ms"] / 1000, vid=vid)
    if "gateway" in group:
        _gateway(to, vid, group["gateway"])
    counters = dict(group.get("counters", {}))
    words = {name: counters.pop(name) for name in ("new_master_reason", "last_event") if name in counters}
    if words:
        to.set("linkbalancer_vid_mastership_info", 1, vid=vid, **words)
    for name, count in counters.items():
        to.set("linkbalancer_vid_vrrp_total", count, vid=vid, counter=name)


def _tracker(to: Exposition, name: str, tracker: Mapping[str, Any]) -> None:
    if tracker["ok"] is not None:
        to.set("linkbalancer_tracker_good", tracker["ok"], tracker=name, kind=tracker["kind"])
        to.set("linkbalancer_tracker_unchanged_seconds", tracker["since_ms"] / 1000, tracker=name)
    to.set("linkbalancer_tracker_value", tracker["value"], tracker=name)
    for vid, one in tracker["groups"].items():
        to.set("linkbalancer_tracker_adds", one["adds"], tracker=name, vid=vid)
        to.set("linkbalancer_tracker_fault", one["fault"], tracker=name, vid=vid)


def _gateway(to: Exposition, vid: str, gateway: Mapping[str, Any]) -> None:
    to.set("linkbalancer_gateway_answers", gateway["answers"], vid=vid)
    for probe in gateway["probes"]:
        to.set("linkbalancer_gateway_probe_good", probe["ok"], vid=vid, probe=probe["probe"])


def _application(to: Exposition, name: str, application: Mapping[str, Any], status: Mapping[str, Any]) -> None:
    vid = application["vid"]
    group = status["groups"].get(str(vid), {})
    hop = group.get("next_hop")
    link = hop if hop in status["links"] else ""
    to.set("linkbalancer_application_path_info", 1, application=name, vid="" if vid is None else vid, link=link)
    to.set("linkbalancer_application_works", group.get("works", False), application=name)
    first = application["vids"][0] if application["vids"] else ()
    to.set("linkbalancer_application_preferred", any(one["vid"] == vid for one in first), application=name)
    level = application.get("sla")
    if level is not None:
        to.set("linkbalancer_application_keeps_sla", str(vid) not in level["breaks"], application=name)


def _counts(to: Exposition, applications: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    """Give what the kernel counted; of flows that have no VID here, the label is empty."""
    for name, ways in applications.items():
        for one in ways:
            labels = {"application": name, "vid": one["vid"] or "", "direction": one["direction"]}
            for what in ("packets", "bytes", "flows"):
                to.set(f"linkbalancer_application_{what}_total", one[what], **labels)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
