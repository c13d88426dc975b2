"""The Grafana dashboards as code: for everybody, for quality, for jobs, for machines.

Usage: ``python -m deploy.grafana.boards deploy/grafana/dashboards``
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard as Built

from deploy.grafana.panels import bars, board, graph, number, row, spread, states
from inkread.io.files import write_bytes

SERVICES = 'job=~"gateway|ingestion|training|prediction"'
ASKED = 'handler!~"/healthz|/readyz|/metrics"'


def overview() -> Dashboard:
    """Services, requests, errors, latency, log-ins."""
    return (
        board("Inkread: overview", "inkread-overview", "Is it there, does it answer, how fast, is anything wrong?")
        .with_row(row("Now"))
        .with_panel(
            states(
                "Alive", f"min by (job) (up{{{SERVICES}}})", "{{job}}", "up", "DOWN", says="As Prometheus sees them."
            )
        )
        .with_panel(
            states(
                "Ready",
                "max by (service) (inkread_service_up)",
                "{{service}}",
                "ready",
                "NOT READY",
                says="As the last health check saw them; the health schedule runs every 5 minutes.",
            )
        )
        .with_panel(number("Alerts", 'count(ALERTS{alertstate="firing"}) or vector(0)', limits=(1, 3)))
        .with_panel(number("Model", "max by (name, version) (inkread_model_info) == 1", "{{name}} {{version}}"))
        .with_panel(number("Requests a second", "sum(job:http_requests:rate5m)", unit="reqps"))
        .with_panel(number("Pages a minute", "60 * inkread:pages:rate5m"))
        .with_panel(
            number("Answers with errors", "max(job:http_errors:ratio5m)", unit="percentunit", limits=(0.01, 0.05))
        )
        .with_panel(
            number(
                "Reading, p95",
                'job:predict_seconds:p95_5m{job="gateway"}',
                unit="s",
                limits=(5, 10),
                says="Over all uploads, long PDFs included.",
            )
        )
        .with_panel(number("Queue", "inkread:queue_fill:max", unit="percentunit", limits=(0.5, 0.9)))
        .with_panel(number("Mean confidence", "inkread:line_confidence:mean1h", unit="percentunit", limits=(0.8, 0.6)))
        .with_row(row("Requests"))
        .with_panel(graph("Requests", ("job:http_requests:rate5m", "{{job}}"), unit="reqps"))
        .with_panel(
            graph(
                "Answers of the gateway",
                (
                    f'sum by (status) (rate(http_requests_total{{job="gateway",{ASKED}}}[$__rate_interval]))',
                    "{{status}}",
                ),
                unit="reqps",
                stacked=True,
            )
        )
        .with_panel(
            graph("Errors", ("job:http_errors:ratio5m", "{{job}}"), unit="percentunit", says="Share of 5xx answers.")
        )
        .with_panel(
            graph(
                "Time to answer, gateway",
                ('job:http_request_seconds:p50_5m{job="gateway"}', "p50"),
                ('job:http_request_seconds:p95_5m{job="gateway"}', "p95"),
                ('job:http_request_seconds:p99_5m{job="gateway"}', "p99"),
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Requests by handler",
                (f"sum by (handler) (rate(http_requests_total{{{ASKED}}}[$__rate_interval])) > 0", "{{handler}}"),
                unit="reqps",
            )
        )
        .with_panel(
            graph(
                "Turned away",
                ("sum by (reason) (rate(inkread_requests_rejected_total[$__rate_interval]))", "{{reason}}"),
                unit="reqps",
                stacked=True,
                says="Queue full, too large, over the rate limit, stopped coming, unreadable.",
            )
        )
        .with_row(row("Log-ins and alerts"))
        .with_panel(
            graph(
                "Log-ins", ("sum by (result) (increase(inkread_logins_total[5m]))", "{{result}}"), says="In 5 minutes."
            )
        )
        .with_panel(
            graph(
                "Alerts",
                ('count by (alertname) (ALERTS{alertstate="firing"})', "{{alertname}}"),
                says="docs/runbook.md has a section for each.",
            )
        )
    )


# Both job services count the jobs of the one database: their gauges say the same, so the highest is taken, not the sum.
BY_STATE = 'max by (kind, state) (inkread_jobs{kind!="health"})'


def jobs() -> Dashboard:
    """Jobs that wait, run, ended, and how long they took."""
    return (
        board("Inkread: training and jobs", "inkread-jobs", "What runs, what waits, what failed, how long it took.")
        .with_row(row("Now"))
        .with_panel(number("Running", f'sum({BY_STATE[:-2]},state="running"}}))', width=6))
        .with_panel(number("Waiting", f'sum({BY_STATE[:-2]},state="queued"}}))', limits=(5, 20), width=6))
        .with_panel(number("Failed, 7 days", f'sum({BY_STATE[:-2]},state="failed"}}))', limits=(1, 5), width=6))
        .with_panel(
            number(
                "Health checks failed, 1 h",
                'sum(increase(inkread_jobs_finished_total{kind="health",state="failed"}[1h]))',
                limits=(1, 3),
                width=6,
            )
        )
        .with_row(row("Jobs"))
        .with_panel(bars("Jobs of a week", (BY_STATE, "{{kind}} {{state}}"), says="Health checks left out."))
        .with_panel(graph("Jobs by state", (f"sum by (state) ({BY_STATE})", "{{state}}")))
        .with_panel(
            graph(
                "Jobs that ended",
                ("sum by (kind, state) (increase(inkread_jobs_finished_total[1h])) > 0", "{{kind}} {{state}}"),
                says="In an hour.",
            )
        )
        .with_panel(
            graph(
                "How long jobs took",
                (
                    "sum by (kind) (increase(inkread_job_seconds_sum[6h]))"
                    " / (sum by (kind) (increase(inkread_job_seconds_count[6h])) > 0)",
                    "{{kind}}",
                ),
                unit="s",
                says="Mean of those that ended within 6 hours.",
            )
        )
        .with_row(row("The services of jobs"))
        .with_panel(
            graph(
                "Requests",
                ('job:http_requests:rate5m{job=~"ingestion|training"}', "{{job}}"),
                unit="reqps",
            )
        )
        .with_panel(
            graph(
                "Memory",
                ('process_resident_memory_bytes{job=~"ingestion|training"}', "{{job}}"),
                unit="bytes",
                says="Of the services; the stages run beside them, see Resources.",
            )
        )
    )


CONFIDENCE = "inkread:line_confidence:mean1h"
MODEL = "max by (name, version) (inkread_model_info)"
BATCHES = "sum by (le) (rate(inkread_batch_seconds_bucket[$__rate_interval]))"


def quality() -> Dashboard:
    """Confidence, what is read, models, batches."""
    return (
        board("Inkread: prediction quality", "inkread-quality", "Does reading get worse, and since which model?")
        .with_row(row("Confidence"))
        .with_panel(number("Mean confidence, 1 h", CONFIDENCE, unit="percentunit", limits=(0.8, 0.6), width=6))
        .with_panel(
            number(
                "Against a week ago",
                f"{CONFIDENCE} - avg_over_time({CONFIDENCE}[2d] offset 6d)",
                unit="percentunit",
                limits=(-0.02, -0.05),
                width=6,
            )
        )
        .with_panel(
            number(
                "Lines flagged, 1 h", "inkread:lines_flagged:ratio1h", unit="percentunit", limits=(0.2, 0.5), width=6
            )
        )
        .with_panel(number("Model", f"{MODEL} == 1", "{{name}} {{version}}", width=6))
        .with_panel(
            graph(
                "Mean confidence of lines",
                (CONFIDENCE, "now"),
                (f"{CONFIDENCE} offset 1w", "a week ago"),
                unit="percentunit",
                most=1,
            )
        )
        .with_panel(
            spread(
                "Confidence of lines",
                "sum by (le) (increase(inkread_line_confidence_bucket[$__rate_interval]))",
                says="How many lines fell into each bucket of confidence.",
            )
        )
        .with_panel(
            graph("Lines flagged", ("inkread:lines_flagged:ratio1h", "share of lines"), unit="percentunit", most=1)
        )
        .with_panel(
            graph(
                "Very unsure lines",
                (
                    'sum(increase(inkread_line_confidence_bucket{le="0.5"}[1h]))'
                    " / (sum(increase(inkread_line_confidence_count[1h])) > 0)",
                    "confidence up to 0.5",
                ),
                unit="percentunit",
                most=1,
            )
        )
        .with_row(row("What is read"))
        .with_panel(graph("Pages a minute", ("60 * inkread:pages:rate5m", "pages")))
        .with_panel(
            graph(
                "A page has",
                (
                    "sum(rate(inkread_lines_total[$__rate_interval]))"
                    " / (sum(rate(inkread_pages_total[$__rate_interval])) > 0)",
                    "lines",
                ),
                says="Lines a page. A fall may mean that lines are not found.",
            )
        )
        .with_panel(
            graph(
                "A line has",
                (
                    "sum(rate(inkread_characters_total[$__rate_interval]))"
                    " / (sum(rate(inkread_lines_total[$__rate_interval])) > 0)",
                    "characters",
                ),
            )
        )
        .with_panel(
            graph(
                "Unreadable uploads",
                ('sum(rate(inkread_requests_rejected_total{reason="unreadable"}[$__rate_interval]))', "unreadable"),
                unit="reqps",
            )
        )
        .with_panel(
            graph(
                "Drift",
                ("max by (figure) (inkread_drift_index)", "{{figure}}"),
                says="Stability index of the last 50 pages; above 0.65 they differ from those the model is used to.",
            )
        )
        .with_panel(
            graph(
                "Shadow",
                (
                    "sum(rate(inkread_shadow_page_cer_sum[$__rate_interval]))"
                    " / sum(rate(inkread_shadow_page_cer_count[$__rate_interval]))",
                    "CER between the readings",
                ),
                (
                    'sum(rate(inkread_shadow_pages_total{outcome="differs"}[$__rate_interval]))'
                    ' / sum(rate(inkread_shadow_pages_total{outcome=~"same|differs"}[$__rate_interval]))',
                    "pages that differ",
                ),
                unit="percentunit",
                says="How a version that reads beside the champion differs from it; empty where none does.",
            )
        )
        .with_row(row("Models"))
        .with_panel(
            graph(
                "Model served",
                (MODEL, "{{name}} {{version}}"),
                says="1 while a version is served.",
            )
        )
        .with_panel(
            graph("Changes of the model", ("sum by (result) (increase(inkread_model_swaps_total[1h]))", "{{result}}"))
        )
        .with_panel(
            graph(
                "Queue",
                ("sum(inkread_queue_pages)", "pages that wait"),
                ("sum(inkread_queue_capacity_pages)", "pages that may wait"),
            )
        )
        .with_row(row("Documents"))
        .with_panel(
            graph(
                "Documents: waiting",
                ("max by (what) (inkread_documents_waiting)", "{{what}}"),
                says="Files to open and pages to read; those over the quota of an API key wait for the next day.",
            )
        )
        .with_panel(
            graph(
                "Documents: oldest waiting page",
                ("max(inkread_documents_oldest_seconds)", "waits for"),
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Documents: pages that ended",
                ("sum by (outcome) (increase(inkread_document_pages_total[5m]))", "{{outcome}}"),
                says="In 5 minutes.",
            )
        )
        .with_panel(
            graph(
                "Forms: fields that were read",
                ("sum by (state) (increase(inkread_form_fields_total[5m]))", "{{state}}"),
                says="In 5 minutes, by state against the threshold of their batch.",
            )
        )
        .with_panel(
            graph(
                "Forms: drift of fields",
                ("max by (template) (inkread_form_drift)", "{{template}}"),
                says="By how much a field is empty or unsure more often in the last 50 forms; alert above 0.2.",
            )
        )
        .with_row(row("Batches"))
        .with_panel(
            graph(
                "Time for a batch",
                *(
                    (
                        f"histogram_quantile({share}, {BATCHES})",
                        f"p{share * 100:.0f}",
                    )
                    for share in (0.5, 0.95)
                ),
                unit="s",
            )
        )
        .with_panel(spread("Pages in a batch", "sum by (le) (increase(inkread_batch_pages_bucket[$__rate_interval]))"))
        .with_panel(spread("Lines in a batch", "sum by (le) (increase(inkread_batch_lines_bucket[$__rate_interval]))"))
    )


DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs|fuse.*"'
CPUS = 'count by (instance) (node_cpu_seconds_total{mode="idle"})'


def resources() -> Dashboard:
    """Load, memory, disks, network; processes; containers where there are any."""
    return (
        board("Inkread: resources", "inkread-resources", "Processors, memory, disks; services and containers.")
        .with_row(row("Machine"))
        .with_panel(
            number(
                "Load a processor",
                f"max(node_load15 / on (instance) group_left {CPUS})",
                limits=(1, 2),
                width=6,
                says="Over 15 minutes.",
            )
        )
        .with_panel(
            number(
                "Memory in use",
                "max(1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
                unit="percentunit",
                limits=(0.8, 0.95),
                width=6,
            )
        )
        .with_panel(
            number(
                "Fullest disk",
                f"max(1 - node_filesystem_avail_bytes{{{DISKS}}} / node_filesystem_size_bytes)",
                unit="percentunit",
                limits=(0.8, 0.9),
                width=6,
            )
        )
        .with_panel(number("Running for", "max(time() - node_boot_time_seconds)", unit="s", width=6))
        .with_panel(
            graph(
                "Processors",
                (
                    'sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[$__rate_interval]))'
                    ' / scalar(count(node_cpu_seconds_total{mode="idle"}))',
                    "{{mode}}",
                ),
                unit="percentunit",
                stacked=True,
                most=1,
            )
        )
        .with_panel(graph("Load", ("node_load1", "1 min"), ("node_load15", "15 min"), (CPUS, "processors")))
        .with_panel(
            graph(
                "Memory",
                ("node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes", "in use"),
                ("node_memory_MemTotal_bytes", "there is"),
                unit="bytes",
            )
        )
        .with_panel(
            graph(
                "Disk space left",
                (f"node_filesystem_avail_bytes{{{DISKS}}} / node_filesystem_size_bytes", "{{mountpoint}}"),
                unit="percentunit",
                most=1,
            )
        )
        .with_panel(
            graph(
                "Disk",
                ("sum(rate(node_disk_read_bytes_total[$__rate_interval]))", "read"),
                ("sum(rate(node_disk_written_bytes_total[$__rate_interval]))", "written"),
                unit="Bps",
            )
        )
        .with_panel(
            graph(
                "Network",
                ('sum(rate(node_network_receive_bytes_total{device!="lo"}[$__rate_interval]))', "received"),
                ('sum(rate(node_network_transmit_bytes_total{device!="lo"}[$__rate_interval]))', "sent"),
                unit="Bps",
            )
        )
        .with_row(row("Services"))
        .with_panel(
            graph("Processors", (f"rate(process_cpu_seconds_total{{{SERVICES}}}[$__rate_interval])", "{{job}}"))
        )
        .with_panel(graph("Memory", (f"process_resident_memory_bytes{{{SERVICES}}}", "{{job}}"), unit="bytes"))
        .with_panel(graph("Open files", (f"process_open_fds{{{SERVICES}}}", "{{job}}")))
        .with_panel(
            graph(
                "Running for",
                (f"time() - process_start_time_seconds{{{SERVICES}}}", "{{job}}"),
                unit="s",
                says="A fall to 0 is a restart.",
            )
        )
        .with_row(row("Containers (with cAdvisor)"))
        .with_panel(
            graph(
                "Processors",
                ('sum by (name) (rate(container_cpu_usage_seconds_total{name!=""}[$__rate_interval]))', "{{name}}"),
            )
        )
        .with_panel(
            graph(
                "Memory",
                ('sum by (name) (container_memory_working_set_bytes{name!=""})', "{{name}}"),
                unit="bytes",
            )
        )
    )


BOARDS = {"overview": overview, "quality": quality, "jobs": jobs, "resources": resources}


def dashboards() -> Mapping[str, str]:
    """The text of each file by its name."""
    return {f"{name}.json": _json(make().build()) for name, make in BOARDS.items()}


def write_dashboards(folder: Path) -> None:
    """Write the files."""
    for name, text in dashboards().items():
        write_bytes(folder / name, text.encode())


def _json(board: Built) -> str:
    for place, panel in enumerate(board.panels or (), start=1):
        panel.id_val = place  # links to a panel go by it
    return JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode(board) + "\n"


if __name__ == "__main__":
    write_dashboards(Path(sys.argv[1]))
