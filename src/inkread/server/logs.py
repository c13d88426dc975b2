"""Logs of services: one JSON object a line, on stderr.

Usage: ``configure_logs("gateway"); structlog.get_logger().info("request", status=200)``
"""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import Processor

QUIET_LOGGERS = ("uvicorn.access", "httpx2", "httpx", "alembic.runtime.migration", "mlflow", "httpcore")


def configure_logs(service: str, level: int = logging.INFO) -> None:
    """Send everything that is logged, the libraries' own included, to stderr as JSON."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(service),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    logging.getLogger("dbos").addHandler(logging.NullHandler())  # else DBOS adds one of its own, not for JSON
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def _named(service: str) -> Processor:
    def add(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event.setdefault("service", service)
        return event

    return add
