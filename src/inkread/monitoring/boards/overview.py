"""The dashboard to look at first: is it there, does it answer, how fast, is anything wrong?

Usage: ``overview().build()``
"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from inkread.monitoring.panels import board, graph, number, row, states

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
                says="TECHNICAL_GUIDE.md has a section for each.",
            )
        )
    )
