"""The dashboard that shows whether reading gets worse: confidence, flagged lines, models, batches.

Usage: ``quality().build()``
"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from inkread.monitoring.panels import board, graph, number, row, spread

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
        .with_row(row("Models and batches"))
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
