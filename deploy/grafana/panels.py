"""The few kinds of panels that the dashboards are made of.

Usage: ``board("Overview", "inkread-overview", "…").with_panel(graph("Scraped", ("up", "{{job}}")))``
"""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_uppercase

from grafana_foundation_sdk.builders import bargauge, common, dashboard, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = models.DataSourceRef(type_val="prometheus", uid="prometheus")
TAG = "inkread"
GREEN, YELLOW, RED = "green", "yellow", "red"
WIDTH = 24
Query = tuple[str, str]
"""PromQL, and the legend of its series in Grafana's notation."""
Limits = tuple[float, float]
"""From the first on yellow, from the second on red; falling where the second is less."""


def board(title: str, uid: str, says: str) -> dashboard.Dashboard:
    """An empty dashboard of the last 6 hours, with links to the others."""
    others = dashboard.DashboardLink("Inkread").type(models.DashboardLinkType.DASHBOARDS).tags([TAG]).keep_time(True)
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(says)
        .tags([TAG])
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(others)
    )


def row(title: str) -> dashboard.Row:
    """A heading between panels."""
    return dashboard.Row(title)


def graph(
    title: str,
    *queries: Query,
    unit: str = "short",
    says: str = "",
    width: int = 12,
    stacked: bool = False,
    most: float | None = None,
) -> timeseries.Panel:
    """Lines over time.

    Args:
        title: above it.
        queries: what is drawn.
        unit: as Grafana names it.
        says: what the reader should know of it.
        width: of 24 columns.
        stacked: areas on top of each other.
        most: upper end of the axis.
    """
    legend = common.VizLegendOptions().display_mode(common_models.LegendDisplayMode.LIST).show_legend(True)
    legend = legend.placement(common_models.LegendPlacement.BOTTOM)
    tooltip = common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI)
    panel = timeseries.Panel().title(title).description(says).unit(unit).span(width).height(8).min(0).datasource(SOURCE)
    panel = panel.targets(list(_targets(queries))).legend(legend).tooltip(tooltip).fill_opacity(40 if stacked else 8)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
    return panel if most is None else panel.max(most)


def number(
    title: str,
    query: str,
    legend: str = "",
    unit: str = "short",
    limits: Limits | None = None,
    says: str = "",
    width: int = 4,
) -> stat.Panel:
    """The newest value, large, with its course behind it; with a legend, one value a series."""
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    mode = common_models.BigValueTextMode.VALUE_AND_NAME if legend else common_models.BigValueTextMode.VALUE
    return (
        stat.Panel()
        .title(title)
        .description(says)
        .unit(unit)
        .span(width)
        .height(4)
        .datasource(SOURCE)
        .targets(list(_targets([(query, legend)])))
        .thresholds(_thresholds(limits))
        .reduce_options(reduced)
        .color_mode(common_models.BigValueColorMode.VALUE)
        .graph_mode(common_models.BigValueGraphMode.NONE if legend else common_models.BigValueGraphMode.AREA)
        .text_mode(mode)
        .no_value("–")
    )


def states(title: str, query: str, legend: str, good: str, bad: str, width: int = 8, says: str = "") -> stat.Panel:
    """For each series a word: one for 1, one for 0."""
    words = {"1": (good, GREEN), "0": (bad, RED)}
    results = {key: models.ValueMappingResult(text=text, color=color) for key, (text, color) in words.items()}
    return number(title, query, legend, says=says, width=width).mappings([models.ValueMap(options=results)])


def bars(title: str, *queries: Query, unit: str = "short", says: str = "", width: int = 12) -> bargauge.Panel:
    """The newest values side by side."""
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    panel = bargauge.Panel().title(title).description(says).unit(unit).span(width).height(8).min(0).datasource(SOURCE)
    panel = panel.targets(list(_targets(queries))).reduce_options(reduced).thresholds(_thresholds(None))
    return panel.orientation(common_models.VizOrientation.HORIZONTAL)


def spread(title: str, buckets: str, unit: str = "short", says: str = "", width: int = 12) -> heatmap.Panel:
    """How the values of a histogram are spread, over time; ``buckets`` keeps the label ``le``."""
    target = _target(buckets, "{{le}}", "A").format(PromQueryFormat.HEATMAP)
    panel = heatmap.Panel().title(title).description(says).unit(unit).span(width).height(8).datasource(SOURCE)
    return panel.targets([target]).calculate(False).show_tooltip()


def _targets(queries: Iterable[Query]) -> Iterable[Builder[Dataquery]]:
    for (query, legend), name in zip(queries, ascii_uppercase, strict=False):
        yield _target(query, legend, name)


def _target(query: str, legend: str, name: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(query).legend_format(legend).ref_id(name).datasource(SOURCE)


def _thresholds(limits: Limits | None) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(None, GREEN)]
    if limits is not None:
        first, second = limits
        rising = [models.Threshold(None, GREEN), models.Threshold(first, YELLOW), models.Threshold(second, RED)]
        falling = [models.Threshold(None, RED), models.Threshold(second, YELLOW), models.Threshold(first, GREEN)]
        steps = rising if second > first else falling
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
