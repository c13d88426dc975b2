"""Every metric of the services, with its labels created at start, so that a first event shows as a rate.

Usage: ``PAGES.inc(); JOBS.labels("train", "running").set(1)``
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from prometheus_client import Counter, Gauge, Histogram, Summary

STATUSES = ("2xx", "3xx", "4xx", "5xx")
REJECTIONS = ("queue_full", "too_large", "rate_limited", "timed_out", "unreadable")
LOGIN_RESULTS = ("succeeded", "failed", "locked")
POOLS = ("decoder", "reader", "shadow")
SHADOW_OUTCOMES = ("same", "differs", "failed", "skipped")
COMPARED = ("champion", "shadow")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
DOCUMENT_PARTS = ("file", "page")
DOCUMENT_OUTCOMES = ("read", "failed")
SWAP_RESULTS = ("succeeded", "failed")
JOB_KINDS = ("ingest", "train", "retrain", "health")
JOB_STATES = ("queued", "running", "succeeded", "failed", "cancelled")
MOST_TEMPLATES = 50
"""Templates of forms with figures of their own."""
FINISHED = ("succeeded", "failed", "cancelled")

HTTP_REQUESTS = Counter("http_requests", "Requests that were answered", ("handler", "method", "status"))
HTTP_SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time from request to the end of the answer",
    ("handler",),
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
REQUESTS_REJECTED = Counter("inkread_requests_rejected", "Requests that were turned away", ("reason",))
LOGINS = Counter("inkread_logins", "Attempts to log in", ("result",))

QUEUE_PAGES = Gauge("inkread_queue_pages", "Pages that wait to be read")
QUEUE_CAPACITY = Gauge("inkread_queue_capacity_pages", "Pages that may wait to be read")
BATCH_PAGES = Histogram("inkread_batch_pages", "Pages read together", buckets=(1, 2, 4, 8, 16, 32))
BATCH_LINES = Histogram("inkread_batch_lines", "Lines read together", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500))
BATCH_SECONDS = Histogram(
    "inkread_batch_seconds", "Time to read a batch", buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
)
PAGES = Counter("inkread_pages", "Pages that were read")
LINES = Counter("inkread_lines", "Lines that were read")
CHARACTERS = Counter("inkread_characters", "Characters that were read")
LINES_FLAGGED = Counter("inkread_lines_flagged", "Lines below the confidence that was asked for")
LINE_CONFIDENCE = Histogram(
    "inkread_line_confidence", "Confidence of lines", buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
)
DRIFT = Gauge(
    "inkread_drift_index",
    "How far the last pages are from the usual ones (population stability index)",
    ("figure",),
)
DRIFT_FROM_TRAINING = Gauge(
    "inkread_drift_from_training_index",
    "How far the last pages are from those that the model learnt from (population stability index)",
    ("figure",),
)
WORKERS_REPLACED = Counter("inkread_workers_replaced", "Worker processes ended by a bound or a crash", ("pool",))
PAGES_SENT_AGAIN = Counter("inkread_pages_sent_again", "Uploads sent to another prediction service after one died")
DOCUMENTS_WAITING = Gauge("inkread_documents_waiting", "Files to open and pages to read of documents", ("what",))
DOCUMENTS_OLDEST = Gauge("inkread_documents_oldest_seconds", "How long the oldest page of a document has waited")
DOCUMENT_PAGES = Counter("inkread_document_pages", "Pages of documents that were read or failed", ("outcome",))
FORM_FIELDS = Counter("inkread_form_fields", "Fields of forms that were read", ("template", "state"))
FORM_DRIFT = Gauge(
    "inkread_form_drift",
    "By how much a field of a template is empty or unsure more often in the last 50 forms than before, as a share",
    ("template",),
)
MODEL = Gauge("inkread_model_info", "1 for the model that is served", ("name", "version"))
MODEL_SWAPS = Counter("inkread_model_swaps", "Changes of the model that is served", ("result",))
SHADOW_PAGES = Counter("inkread_shadow_pages", "Pages chosen for the shadow, by how its reading compares", ("outcome",))
SHADOW_CER = Histogram(
    "inkread_shadow_page_cer",
    "Characters by which the shadow's reading of a page differs, over those of the champion's",
    buckets=(0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1),
)
SHADOW_CONFIDENCE = Summary("inkread_shadow_confidence", "Confidence of pages that both have read", ("model",))
SHADOW_SECONDS = Summary("inkread_shadow_cpu_seconds", "CPU time of pages that both have read", ("model",))

JOBS = Gauge("inkread_jobs", "Jobs by state", ("kind", "state"))
JOBS_FINISHED = Counter("inkread_jobs_finished", "Jobs that ended in this process", ("kind", "state"))
JOB_SECONDS = Histogram(
    "inkread_job_seconds", "Time jobs took", ("kind",), buckets=(1, 10, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
)
SERVICE_UP = Gauge("inkread_service_up", "1 where a service was ready at the last health check", ("service",))

for _metric, _values in (
    (REQUESTS_REJECTED, REJECTIONS),
    (LOGINS, LOGIN_RESULTS),
    (MODEL_SWAPS, SWAP_RESULTS),
    (WORKERS_REPLACED, POOLS),
    (SHADOW_PAGES, SHADOW_OUTCOMES),
    (SHADOW_CONFIDENCE, COMPARED),
    (SHADOW_SECONDS, COMPARED),
    (DOCUMENTS_WAITING, DOCUMENT_PARTS),
    (DOCUMENT_PAGES, DOCUMENT_OUTCOMES),
    (JOB_SECONDS, JOB_KINDS),
):
    for _value in _values:
        _metric.labels(_value)
for _kind, _state in product(JOB_KINDS, JOB_STATES):
    JOBS.labels(_kind, _state)
for _kind, _state in product(JOB_KINDS, FINISHED):
    JOBS_FINISHED.labels(_kind, _state)


_templates: set[str] = set()


def template_label(name: str) -> str:
    """The name of a template, or "other" once there are many: users may make any number of them."""
    if len(_templates) < MOST_TEMPLATES:
        _templates.add(name)
    return name if name in _templates else OTHER


def count_form_fields(template: str, states: Iterable[str]) -> None:
    """Count fields that were read with a template."""
    label = template_label(template)
    for state in states:
        FORM_FIELDS.labels(label, state).inc()


def method_label(method: str) -> str:
    """The method, or "other": clients may invent any number of them."""
    return method if method in METHODS else OTHER


def prepare_handler(handler: str, methods: frozenset[str]) -> None:
    """Create the labels of a route."""
    HTTP_SECONDS.labels(handler)
    for method, status in product(sorted(methods), STATUSES):
        HTTP_REQUESTS.labels(handler, method, status)
