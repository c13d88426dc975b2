"""The dashboard of machines, processes and containers.

Usage: ``resources().build()``
"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from inkread.monitoring.panels import board, graph, number, row

SERVICES = 'job=~"gateway|ingestion|training|prediction"'
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
