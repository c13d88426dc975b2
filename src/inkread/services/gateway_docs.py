"""What the gateway's documentation says of the requests that it passes on.

Usage: ``@app.post("/predict", **PREDICT)``
"""

from __future__ import annotations

from typing import Any

from inkread.formats import FORMATS
from inkread.services.job_models import IngestRequest, Job, JobList, TrainRequest
from inkread.services.problems import PROBLEMS

_FILE = {"type": "string", "format": "binary"}


def _body(media_type: str, schema: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"requestBody": {"required": required, "content": {media_type: {"schema": schema}}}}


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


_SHARE = {"type": "number", "minimum": 0, "maximum": 1}

PREDICT: dict[str, Any] = {
    "responses": {
        **PROBLEMS,
        200: {
            "description": "What was read",
            "content": {format.media_type.partition(";")[0]: {} for format in FORMATS.values()},
        },
    },
    "openapi_extra": {
        "parameters": [
            _query("format", {"type": "string", "enum": list(FORMATS)}, "Else Accept decides, else JSON"),
            _query("min_confidence", _SHARE, "Flag lines below this confidence"),
            _query("max_cer", _SHARE, "Flag lines that do not keep this character error rate"),
        ],
        **_body(
            "multipart/form-data",
            {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {**_FILE, "description": "PNG, JPEG, WebP, TIFF or PDF"}},
            },
        ),
    },
}
INGEST: dict[str, Any] = {
    "responses": {**PROBLEMS, 202: {"description": "The job", "model": Job}},
    "openapi_extra": _body(
        "multipart/form-data",
        {
            "type": "object",
            "properties": {
                "file": {**_FILE, "description": "Archive of pages; else request.source, else rendered pages"},
                "request": {"type": "string", "description": IngestRequest.__doc__, "examples": ['{"source": ""}']},
            },
        },
        required=False,
    ),
}
TRAIN: dict[str, Any] = {
    "responses": {**PROBLEMS, 202: {"description": "The job", "model": Job}},
    "openapi_extra": _body("application/json", TrainRequest.model_json_schema(), required=False),
}
JOBS: dict[str, Any] = {"responses": {**PROBLEMS, 200: {"description": "Jobs", "model": JobList}}}
JOB: dict[str, Any] = {"responses": {**PROBLEMS, 200: {"description": "The job", "model": Job}}}
