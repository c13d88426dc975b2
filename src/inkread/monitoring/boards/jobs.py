"""The dashboard of ingestion, training and schedules.

Usage: ``jobs().build()``
"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from inkread.monitoring.panels import bars, board, graph, number, row

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
