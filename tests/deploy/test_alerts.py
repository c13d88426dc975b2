"""Each alert fires when it should and not otherwise, by promtool; routes and inhibition, by amtool."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.tools import DEPLOY, ROOT, tool

RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
ALERTS = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus" / "rules" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
NODE = 'instance="node-exporter:9100",job="node"'
DISK = f'{{{NODE},device="/dev/sda1",fstype="ext4",mountpoint="/data"}}'
PREDICT = 'http_requests_total{job="prediction",handler="/predict",method="POST",status='
BUCKET = 'http_request_duration_seconds_bucket{job="gateway",handler="/predict",le='
GROUPS = ["requests", "reading", "service_alerts", "reading_alerts", "job_alerts", "machine_alerts"]
QUEUE = 'job="prediction",instance="prediction:8300"'
DOCUMENTS = 'job="gateway",instance="gateway:8000"'
READ_OF_DOCUMENTS = f'inkread_document_pages_total{{{DOCUMENTS},outcome="read"}}'


@dataclass(frozen=True)
class Case:
    """Series in promtool's notation and what comes of them after ``at``."""

    alert: str
    says: str
    series: dict[str, str]
    at: str
    fires: dict[str, str] | None
    step: str = "1m"


def confidence(lines: int, first: float, then: float) -> dict[str, str]:
    """So many lines in 20 minutes, over ten days; their mean confidence in the first eight days and in the others."""
    total = lines * (576 * first + then)
    return {
        'inkread_line_confidence_sum{job="prediction"}': (f"0+{lines * first:g}x576 {total:g}+{lines * then:g}x143"),
        'inkread_line_confidence_count{job="prediction"}': f"0+{lines}x720",
        'inkread_lines_total{job="prediction"}': f"0+{lines}x720",
    }


def latency(slow: int) -> dict[str, str]:
    """Of 100 requests a minute so many take 10 to 30 seconds, the others less than one."""
    return {
        f'{BUCKET}"1"}}': f"0+{100 - slow}x60",
        f'{BUCKET}"10"}}': f"0+{100 - slow}x60",
        f'{BUCKET}"30"}}': "0+100x60",
        f'{BUCKET}"+Inf"}}': "0+100x60",
    }


def load(value: float) -> dict[str, str]:
    """A machine of two processors."""
    idle = {f'node_cpu_seconds_total{{{NODE},cpu="{cpu}",mode="idle"}}': "0+30x60" for cpu in (0, 1)}
    return {f"node_load15{{{NODE}}}": f"{value}x60", **idle}


GATEWAY = {"severity": "critical", "service": "gateway", "job": "gateway", "instance": "gateway:8000"}
UP = 'up{job="gateway",instance="gateway:8000"}'
PREDICTION = {"severity": "warning", "service": "prediction"}
MACHINE = {"service": "node-exporter:9100", "instance": "node-exporter:9100"}
FULL_DISK = {**MACHINE, "severity": "critical", "job": "node", "device": "/dev/sda1", "fstype": "ext4"}
FULL_DISK["mountpoint"] = "/data"
HEALTH = 'inkread_jobs_finished_total{job="training",kind="health",state='
TRAIN = 'inkread_jobs_finished_total{job="training",kind="train",state='

CASES = [
    Case("ServiceDown", "a service that does not answer", {UP: "1x5 0x10"}, "8m", GATEWAY),
    Case("ServiceDown", "a restart of half a minute", {UP: "1x5 0 1x10"}, "6m", None),
    Case("ServiceDown", "a node exporter that does not answer", {f"up{{{NODE}}}": "0x20"}, "15m", None),
    Case(
        "ServiceNotReady",
        "two failed health checks in a row",
        {f'{HEALTH}"failed"}}': "0x9 1x4 2x30"},
        "18m",
        {"severity": "warning", "service": "health"},
    ),
    Case("ServiceNotReady", "one failed health check", {f'{HEALTH}"failed"}}': "0x9 1x40"}, "18m", None),
    Case(
        "ErrorRateHigh",
        "a tenth of the requests failing",
        {f'{PREDICT}"5xx"}}': "0+1x30", f'{PREDICT}"2xx"}}': "0+9x30"},
        "15m",
        {"severity": "critical", "service": "prediction", "job": "prediction"},
    ),
    Case(
        "ErrorRateHigh",
        "one request in a hundred failing",
        {f'{PREDICT}"5xx"}}': "0+1x30", f'{PREDICT}"2xx"}}': "0+99x30"},
        "15m",
        None,
    ),
    Case("ErrorRateHigh", "errors of the client", {f'{PREDICT}"4xx"}}': "0+9x30"}, "15m", None),
    Case(
        "ErrorRateHigh",
        "health checks that answer 503",
        {'http_requests_total{job="prediction",handler="/readyz",method="GET",status="5xx"}': "0+9x30"},
        "15m",
        None,
    ),
    Case(
        "LatencyHigh",
        "a tenth of the pages taking 10 seconds",
        latency(10),
        "30m",
        {"severity": "warning", "service": "gateway", "job": "gateway"},
    ),
    Case("LatencyHigh", "three pages in a hundred taking 10 seconds", latency(3), "30m", None),
    Case(
        "QueueFull",
        "a full queue",
        {f"inkread_queue_pages{{{QUEUE}}}": "63x20", f"inkread_queue_capacity_pages{{{QUEUE}}}": "64x20"},
        "10m",
        PREDICTION,
    ),
    Case(
        "QueueFull",
        "pages that are turned away between two looks at the queue",
        {f'inkread_requests_rejected_total{{{QUEUE},reason="queue_full"}}': "0+3x20"},
        "10m",
        PREDICTION,
    ),
    Case(
        "QueueFull",
        "a half full queue, and uploads that are too large",
        {
            f"inkread_queue_pages{{{QUEUE}}}": "32x20",
            f"inkread_queue_capacity_pages{{{QUEUE}}}": "64x20",
            f'inkread_requests_rejected_total{{{QUEUE},reason="too_large"}}': "0+3x20",
        },
        "10m",
        None,
    ),
    Case(
        "DocumentsStuck",
        "pages that wait while none is read",
        {f'inkread_documents_waiting{{{DOCUMENTS},what="page"}}': "5x40", READ_OF_DOCUMENTS: "7x40"},
        "30m",
        {"severity": "warning", "service": "gateway"},
    ),
    Case(
        "DocumentsStuck",
        "a page read every five minutes",
        {f'inkread_documents_waiting{{{DOCUMENTS},what="page"}}': "5x40", READ_OF_DOCUMENTS: "0+0.2x40"},
        "30m",
        None,
    ),
    Case(
        "DocumentsStuck",
        "nothing that waits",
        {f'inkread_documents_waiting{{{DOCUMENTS},what="page"}}': "0x40", READ_OF_DOCUMENTS: "7x40"},
        "30m",
        None,
    ),
    Case(
        "LoginAttack",
        "ten wrong passwords a minute",
        {'inkread_logins_total{job="gateway",result="failed"}': "0+10x20"},
        "10m",
        {"severity": "critical", "service": "gateway"},
    ),
    Case(
        "LoginAttack",
        "a wrong password now and then among many right ones",
        {
            'inkread_logins_total{job="gateway",result="failed"}': "0+1x20",
            'inkread_logins_total{job="gateway",result="succeeded"}': "0+50x20",
        },
        "10m",
        None,
    ),
    Case(
        "ConfidenceDropped",
        "a mean confidence of 0.8 where it was 0.9 a week ago",
        confidence(1000, 0.9, 0.8),
        "215h",
        {**PREDICTION, "compared": "week"},
        step="20m",
    ),
    Case(
        "ConfidenceDropped",
        "a mean confidence of 0.5, now and a week ago",
        confidence(1000, 0.5, 0.5),
        "215h",
        {**PREDICTION, "compared": "floor"},
        step="20m",
    ),
    Case(
        "ConfidenceDropped",
        "a mean confidence of 0.88 where it was 0.9",
        confidence(1000, 0.9, 0.88),
        "215h",
        None,
        step="20m",
    ),
    Case("ConfidenceDropped", "few lines, all of them bad", confidence(20, 0.9, 0.3), "215h", None, step="20m"),
    Case(
        "PagesDrifted",
        "pages of another slant for a quarter of an hour",
        {
            'inkread_drift_index{job="prediction",figure="slant"}': "0.1x5 0.9x20",
            'inkread_drift_index{job="prediction",figure="ink"}': "0.1x30",
        },
        "20m",
        {**PREDICTION, "figure": "slant"},
    ),
    Case(
        "PagesDrifted",
        "an odd document among usual ones",
        {'inkread_drift_index{job="prediction",figure="slant"}': "0.1x5 0.9x5 0.2x20"},
        "20m",
        None,
    ),
    Case(
        "FormFieldDrifted",
        "a field of one form that is suddenly empty",
        {
            'inkread_form_drift{job="gateway",template="claim"}': "0x5 0.6x20",
            'inkread_form_drift{job="gateway",template="order"}': "0x30",
        },
        "20m",
        {"severity": "warning", "service": "gateway", "template": "claim"},
    ),
    Case(
        "FormFieldDrifted",
        "a field that is unsure a little more often",
        {'inkread_form_drift{job="gateway",template="claim"}': "0.15x30"},
        "20m",
        None,
    ),
    Case(
        "ModelSwapFailed",
        "a model that cannot be loaded",
        {'inkread_model_swaps_total{job="prediction",result="failed"}': "0x5 1x20"},
        "10m",
        PREDICTION,
    ),
    Case(
        "ModelSwapFailed",
        "a model that was loaded",
        {
            'inkread_model_swaps_total{job="prediction",result="failed"}': "0x30",
            'inkread_model_swaps_total{job="prediction",result="succeeded"}': "0x5 1x20",
        },
        "10m",
        None,
    ),
    Case(
        "JobFailed",
        "a training that failed",
        {f'{TRAIN}"failed"}}': "0x5 1x60"},
        "30m",
        {"severity": "warning", "service": "jobs", "kind": "train"},
    ),
    Case(
        "JobFailed",
        "jobs that succeeded or were cancelled, and failed health checks",
        {
            f'{TRAIN}"failed"}}': "0x60",
            f'{TRAIN}"succeeded"}}': "0x5 1x60",
            f'{TRAIN}"cancelled"}}': "0x5 1x60",
            f'{HEALTH}"failed"}}': "0x5 1x60",
        },
        "30m",
        None,
    ),
    Case(
        "DiskFilling",
        "a disk with 5 % left",
        {f"node_filesystem_avail_bytes{DISK}": "5e9x60", f"node_filesystem_size_bytes{DISK}": "1e11x60"},
        "40m",
        FULL_DISK,
    ),
    Case(
        "DiskFilling",
        "a disk that will be full tomorrow",
        {
            f"node_filesystem_avail_bytes{DISK}": "48e9-3e7x600",
            f"node_filesystem_size_bytes{DISK}": "1e11x600",
        },
        "8h",
        FULL_DISK,
    ),
    Case(
        "DiskFilling",
        "a disk that something large was written to since Prometheus started",
        {
            f"node_filesystem_avail_bytes{DISK}": "39e9-3e7x600",
            f"node_filesystem_size_bytes{DISK}": "1e11x600",
        },
        "50m",
        None,
    ),
    Case(
        "DiskFilling",
        "a disk that is half full and fills slowly",
        {
            f"node_filesystem_avail_bytes{DISK}": "50e9-1e6x600",
            f"node_filesystem_size_bytes{DISK}": "1e11x600",
        },
        "8h",
        None,
    ),
    Case(
        "LoadHigh", "a load of 6 on two processors", load(6), "40m", {**MACHINE, "job": "node", "severity": "warning"}
    ),
    Case("LoadHigh", "a load of 3 on two processors", load(3), "40m", None),
]


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.alert} {'on' if case.fires else 'not on'} {case.says}" for case in CASES]
)
def test_an_alert_fires_or_stays_silent(case: Case, tmp_path: Path) -> None:
    question = f'ALERTS{{alertname="{case.alert}",alertstate="firing"}}'
    labels = "".join(f',{name}="{value}"' for name, value in (case.fires or {}).items())
    expected = [{"labels": f"{question[:-1]}{labels}}}", "value": 1}] if case.fires else []
    written = {
        "rule_files": [str(path) for path in RULES],
        "evaluation_interval": case.step,
        "group_eval_order": GROUPS,
        "tests": [
            {
                "interval": case.step,
                "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
                "promql_expr_test": [{"expr": question, "eval_time": case.at, "exp_samples": expected}],
            }
        ],
    }
    file = tmp_path / "case.yml"
    file.write_text(yaml.safe_dump(written), encoding="utf-8")
    answer = subprocess.run([tool("promtool"), "test", "rules", file], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_alert_is_seen_on_and_off() -> None:
    names = {alert["alert"] for alert in ALERTS}
    assert {case.alert for case in CASES if case.fires} == names
    assert {case.alert for case in CASES if not case.fires} == names


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_says_how_urgent_it_is_and_leads_to_the_runbook(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert "service" in alert["labels"], "Alertmanager groups and inhibits by it"
    assert alert["annotations"]["summary"] and alert["annotations"]["description"]
    guide, _, anchor = alert["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / guide).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_prometheus_takes_the_rules_and_the_configuration() -> None:
    rules = [str(path) for path in RULES]
    config = str(DEPLOY / "prometheus" / "prometheus.yml")
    for command in (["check", "rules", "--lint-fatal", *rules], ["check", "config", "--syntax-only", config]):
        answer = subprocess.run([tool("promtool"), *command], capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("name", ["alertmanager.yml", "receivers.example.yml"])
def test_alertmanager_takes_the_configuration(name: str) -> None:
    command = [tool("amtool"), "check-config", str(DEPLOY / "alertmanager" / name)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["alertname=ServiceDown", "severity=critical"], "webhook-critical"),
        (["alertname=LoadHigh", "severity=warning"], "webhook"),
    ],
)
def test_alerts_are_routed_by_severity(labels: list[str], receiver: str) -> None:
    config = DEPLOY / "alertmanager" / "alertmanager.yml"
    command = [tool("amtool"), "config", "routes", "test", f"--config.file={config}", *labels]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == receiver
