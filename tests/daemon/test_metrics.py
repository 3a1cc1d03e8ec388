"""The metrics: of any status, of a real daemon, and what dashboard, alerts and document say of them."""

import http.client
import json
import math
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from linkbalancer.daemon.families import FAMILIES, Family, Kind
from linkbalancer.daemon.metrics import expose
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import Shape
from tests.daemon.gateway import ROOT, Gateway
from tests.daemon.test_scrape import OPENMETRICS
from tests.daemon.waiting import until
from tests.engine.statuses import link, metrics
from tests.namespaces import Namespace

PROMETHEUS = ROOT / "conf" / "prometheus"
DASHBOARD = ROOT / "conf" / "grafana" / "linkbalancer.json"


def samples(status: dict[str, Any] | None) -> dict[str, float]:
    """Return every sample as it is written, with its value."""
    found = {}
    for metric in expose(status).collect():
        for sample in metric.samples:
            labels = ",".join(f'{key}="{value}"' for key, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


@pytest.fixture(scope="module")
def status() -> dict[str, Any]:
    """Return the status of a gateway of the simulator that carries VID 1 and 3, with what the daemon adds."""
    node = healthy(Shape(), 1).nodes["b1"]
    assert node.agent is not None
    answer: dict[str, Any] = json.loads(json.dumps(node.agent.status(node.clock)))
    lateness = {"<1us": 5, "<2us": 2, "<16us": 1, "<8388608us": 1, "worst_us": 9_000_000, "total_us": 9_000_010}
    return {
        **answer,
        "processes": {"supervisor": os.getpid(), "agent": 0, "app:app1": 7},
        "daemon": {"put_back": 3, "timer_lateness": lateness},
    }


def test_a_link_a_vid_and_an_application(status: dict[str, Any]) -> None:
    """Each has its facts in base units."""
    found = samples(status)
    assert found['linkbalancer_link_open{link="l1"}'] == 1
    assert 0 < found['linkbalancer_link_rtt_seconds{link="l1"}'] < 0.1
    assert 0 <= found['linkbalancer_link_jitter_seconds{link="l1"}'] < 0.1
    assert found['linkbalancer_link_loss_ratio{link="l1"}'] == 0
    queries = found['linkbalancer_link_datagrams_total{link="l1",reason="queries"}']
    assert 0 < found['linkbalancer_link_datagrams_total{link="l1",reason="queries_answered"}'] <= queries
    assert found['linkbalancer_vid_state{vid="1",linkbalancer_vid_state="master"}'] == 1
    assert sum(value for name, value in found.items() if name.startswith('linkbalancer_vid_state{vid="1"')) == 1
    assert found['linkbalancer_vid_is_master{vid="2"}'] == 0
    assert found['linkbalancer_application_path_info{application="app1",vid="1",link="l1"}'] == 1
    assert found['linkbalancer_application_preferred{application="app1"}'] == 1
    assert found['linkbalancer_events_total{part="vrrp",reason="received"}'] > 0


def test_an_application_with_a_service_level(status: dict[str, Any]) -> None:
    """Whether the VID that it is on keeps it; nothing where it asks for none."""
    asks = {**status["applications"]["app1"], "sla": {"level": "rtt<80ms", "breaks": {"1": "x"}}}
    found = samples(
        {**status, "applications": {"app1": asks, "app2": {**asks, "vid": 2}, "app3": {**asks, "sla": None}}}
    )

    assert found['linkbalancer_application_keeps_sla{application="app1"}'] == 0
    assert found['linkbalancer_application_keeps_sla{application="app2"}'] == 1
    assert 'linkbalancer_application_keeps_sla{application="app3"}' not in found


def test_what_was_counted(status: dict[str, Any]) -> None:
    """By application, VID and direction; what has no VID has an empty label, and nothing is there where nothing is."""
    ways = [
        {"vid": 1, "direction": "out", "packets": 3, "bytes": 300, "flows": 1},
        {"vid": None, "direction": "in", "packets": 2, "bytes": 2**53, "flows": 0},
    ]
    found = samples({**status, "counts": {"applications": {"app1": ways}}})

    def of(name: str, vid: str, direction: str) -> float | None:
        labels = f'application="app1",vid="{vid}",direction="{direction}"'
        return found.get(f"linkbalancer_application_{name}_total{{{labels}}}")

    assert [of(name, "1", "out") for name in ("packets", "bytes", "flows")] == [3, 300, 1]
    assert [of(name, "", "in") for name in ("packets", "bytes", "flows")] == [2, 2**53, 0]
    assert not [name for name in samples(status) if "application_bytes" in name]


def test_what_both_ends_measured_of_a_link(status: dict[str, Any]) -> None:
    """By direction as seen from here, and by who says so; what nobody knows has no sample."""
    here = metrics()
    peer = {**here["here"], "in": {**here["here"]["in"], "loss": None, "rate_bps": 8_000}}
    told = {**status, "links": {"l1": link(metrics={**here, "peer": peer}), "l2": link(metrics=here), "l3": link()}}
    found = samples(told)

    def of(name: str, direction: str, end: str = "here") -> float | None:
        return found.get(f'linkbalancer_link_{name}{{link="l1",direction="{direction}",end="{end}"}}')

    assert of("rate_bytes_per_second", "out") == 12_345_678 / 8
    assert of("capacity_bytes_per_second", "in") == 12_500_000
    assert (of("backlog_bytes", "out"), of("backlog_bytes", "in")) == (1514, None)
    assert (of("drops_per_second", "out"), of("one_way_loss_ratio", "in")) == (0, 0)
    assert (of("rate_bytes_per_second", "in", "peer"), of("one_way_loss_ratio", "in", "peer")) == (1000, None)
    assert found['linkbalancer_link_peak_bytes_per_second{link="l1",direction="out"}'] == 10_000_000
    assert found['linkbalancer_link_used_ratio{link="l1",direction="in"}'] == 0.123457
    assert not [name for name in found if 'link="l2"' in name and 'end="peer"' in name]
    assert not [name for name in found if 'link="l3"' in name and "direction" in name]


def test_the_histogram_is_cumulative(status: dict[str, Any]) -> None:
    """What was late beyond the last bound is in the infinite bucket alone."""
    found = samples(status)
    assert found['linkbalancer_timer_lateness_seconds_bucket{le="1e-06"}'] == 5
    assert found['linkbalancer_timer_lateness_seconds_bucket{le="8e-06"}'] == 7
    assert found['linkbalancer_timer_lateness_seconds_bucket{le="4.194304"}'] == 8
    assert found['linkbalancer_timer_lateness_seconds_bucket{le="+Inf"}'] == 9
    assert found["linkbalancer_timer_lateness_seconds_count{}"] == 9
    assert math.isclose(found["linkbalancer_timer_lateness_seconds_sum{}"], 9.00001)


def test_what_other_parts_of_the_daemon_add(status: dict[str, Any]) -> None:
    """Health, configuration, what is drained, and the findings are there when the status has them."""
    more = {
        "health": "degraded",
        "configuration": {"entry": 7, "state": "pending", "lines": []},
        "drained": [{"kind": "link", "name": "l1"}, {"kind": "vid", "name": "2"}, {"kind": "node", "name": "b1"}],
        "preflight": [{"severity": "error"}, {"severity": "note"}, {"severity": "error"}],
    }
    found = samples({**status, **more, "daemon": {**status["daemon"], "records_dropped": 4, "adverts_lost": 5}})
    assert found['linkbalancer_health{linkbalancer_health="degraded"}'] == 1
    assert found['linkbalancer_health{linkbalancer_health="good"}'] == 0
    assert found['linkbalancer_configuration_info{entry="7",state="pending"}'] == 1
    for one in ('kind="link",name="l1"', 'kind="vid",name="2"', 'kind="node",name="b1"'):
        assert found[f"linkbalancer_drained{{{one}}}"] == 1
    findings = [found[f'linkbalancer_preflight_findings{{severity="{one}"}}'] for one in ("error", "warning", "note")]
    assert findings == [2, 0, 1]
    assert found["linkbalancer_records_dropped_total{}"] == 4
    assert found["linkbalancer_adverts_lost_total{}"] == 5


def test_an_agent_that_does_not_answer() -> None:
    """The api still says so, and what it knows itself."""
    found = samples(None)
    assert found["linkbalancer_agent_up{}"] == 0
    assert {name.partition("{")[0] for name in found} == {
        "linkbalancer_build_info",
        "linkbalancer_agent_up",
        "linkbalancer_application_processes",
        "linkbalancer_process_start_time_seconds",
    }


def test_the_document_lists_what_there_is() -> None:
    """docs/metrics.md has every family as the code has it, and no other."""
    rows = re.findall(
        r"^\| `(\w+)` \| (\w+) \| (.*?)\| (.+?) \| (\w+) \|$", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE
    )
    documented = [
        Family(name, Kind(kind), says, tuple(re.findall(r"`(\w+)`", labels)), always=there == "always")
        for name, kind, labels, says, there in rows
    ]

    assert documented == list(FAMILIES)


def test_names_follow_the_conventions() -> None:
    """A prefix, a suffix by kind, base units; nothing twice."""
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert re.fullmatch(r"linkbalancer_[a-z_]+", family.name)
        assert family.name.endswith("_total") == (family.kind is Kind.COUNTER)
        assert family.name.endswith("_info") == (family.kind is Kind.INFO)
        assert not re.search(r"_(ms|us|ns|milliseconds|percent)\b", family.name)


def names_in(expression: str) -> set[str]:
    """Return the metrics that a PromQL expression reads."""
    found = set(re.findall(r"\blinkbalancer_\w+", re.sub(r'"[^"]*"', "", expression)))
    return {re.sub(r"(_seconds)_bucket$", r"\1", name) for name in found}


def test_dashboard_and_alerts_read_what_there_is() -> None:
    """Every metric that they name is one of ours, and the dashboard is well-formed."""
    known = {family.name for family in FAMILIES}
    dashboard = json.loads(DASHBOARD.read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    expressions += [one["definition"] for one in dashboard["templating"]["list"] if one["type"] == "query"]
    shown = set[str]().union(*map(names_in, expressions))

    assert shown <= known
    assert {"linkbalancer_link_rtt_seconds", "linkbalancer_vid_state", "linkbalancer_application_path_info"} <= shown
    assert names_in((PROMETHEUS / "alerts.yml").read_text()) <= known
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    spots = [tuple(panel["gridPos"][key] for key in "xyw") for panel in dashboard["panels"]]
    assert len(set(spots)) == len(spots)
    assert all(x + width <= 24 for x, _y, width in spots)


def promtool(*words: str, given: str | None = None) -> None:
    """Run promtool; what it refuses fails the test."""
    done = subprocess.run(["promtool", *words], input=given, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.lab
def test_the_alert_rules_fire_when_they_should() -> None:
    """Promtool reads them, and their own tests pass."""
    promtool("check", "rules", str(PROMETHEUS / "alerts.yml"))
    promtool("test", "rules", str(PROMETHEUS / "alerts_test.yml"))


@pytest.mark.lab
def test_every_alert_has_its_test() -> None:
    """One that fires, and one that does not."""
    alerts = re.findall(r"- alert: (\w+)", (PROMETHEUS / "alerts.yml").read_text())
    quiet, _, loud = (PROMETHEUS / "alerts_test.yml").read_text().partition("everything goes wrong")

    assert alerts
    for alert in alerts:
        assert f"alertname: {alert}}}" in quiet
        assert f"alertname: {alert}\n        exp_alerts" in loud


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a gateway with a peer that answers."""
    directory = tmp_path_factory.mktemp("metrics")
    with Namespace("near") as near, Namespace("far") as far, Namespace("lan") as lan:
        near.connect("eth1", far, "eth1")
        near.connect("eth0", lan, "near")
        far.connect("eth0", lan, "far")
        near("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        far("ip addr add 198.51.100.1/24 dev eth0", "ip addr add 10.1.0.2/24 dev eth1")
        ends = {"b1": ("controller", "10.1.0.1", "10.1.0.2", "192.0.2")}
        ends["f1"] = ("controlled", "10.1.0.2", "10.1.0.1", "198.51.100")
        pair = [
            Gateway(space, directory / node, node=node, role=role, local=local, peer=peer, lan=lan_)
            for space, (node, (role, local, peer, lan_)) in zip((near, far), ends.items(), strict=True)
        ]
        for one in pair:
            one.start()
        until(lambda: all(one.settled() for one in pair), 20)
        yield pair[0]
        for one in pair:
            one.stop()


def scrape(gateway: Gateway, accept: str) -> str:
    """Return what a gateway exposes on its Unix socket."""
    connection = http.client.HTTPConnection("gateway")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(10)
    connection.sock.connect(str(gateway.run_dir / "metrics.sock"))
    connection.request("GET", "/metrics", headers={"Accept": accept})
    response = connection.getresponse()
    assert response.status == 200
    body = response.read().decode()
    connection.close()
    return body


@pytest.mark.lab
def test_a_real_daemon_exposes_what_the_document_says(gateway: Gateway) -> None:
    """Every family that is always there, with the labels it should have, and none that is not documented."""
    found = {
        (sample.name, frozenset(sample.labels), metric.type)
        for metric in text_string_to_metric_families(scrape(gateway, OPENMETRICS))  # type: ignore[no-untyped-call]
        for sample in metric.samples
    }
    shown = {(re.sub(r"_seconds_(bucket|count|sum)$", "_seconds", name), kind) for name, _labels, kind in found}

    assert {(family.name, str(family.kind)) for family in FAMILIES if family.always} <= shown
    assert shown <= {(family.name, str(family.kind)) for family in FAMILIES}
    labels = {family.name: frozenset(family.labels) for family in FAMILIES}
    assert [name for name, given, _kind in found if given != labels.get(name, given)] == []


@pytest.mark.lab
def test_promtool_finds_nothing_wrong(gateway: Gateway) -> None:
    """Names, kinds, units and help of a real exposition are as Prometheus wants them."""
    promtool("check", "metrics", given=scrape(gateway, "text/plain"))


def test_repairs_by_kind_and_fights(status: dict[str, Any]) -> None:
    """Each kind has its counter; an agent of an older version has neither."""
    assert not [name for name in samples(status) if "repairs" in name or "fights" in name]
    daemon = {**status["daemon"], "put_back_by_kind": {"rule": 2, "nftables": 1}, "fights": ["somebody ..."]}
    found = samples({**status, "daemon": daemon})
    assert found['linkbalancer_repairs_total{kind="rule"}'] == 2
    assert found['linkbalancer_repairs_total{kind="nftables"}'] == 1
    assert found["linkbalancer_fights{}"] == 1


@pytest.mark.lab
def test_metrics_outlive_the_agent(gateway: Gateway) -> None:
    """While it is away the api says so, and its figures are back with it."""
    gateway.kill("agent")
    assert re.search(r"^linkbalancer_agent_up [01]\.0$", scrape(gateway, "text/plain"), re.MULTILINE)
    until(lambda: "linkbalancer_agent_up 1.0" in scrape(gateway, "text/plain"))


def test_a_document_for_every_file() -> None:
    """The files that the document names are where it says (tests/test_tidy.py looks into the rest of it)."""
    text = (ROOT / "docs" / "metrics.md").read_text()
    assert [] == [name for name in re.findall(r"`(conf/[\w/.]+)`", text) if not Path(ROOT, name).exists()]
