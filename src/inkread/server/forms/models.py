"""What the API of forms takes and gives, as JSON.

Usage: ``Threshold.model_validate_json(body)``
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from inkread.server.documents.models import DocumentState, Role

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
FormatName = Literal["csv", "xlsx", "json", "parquet"]
FieldState = Literal["sure", "unsure", "invalid", "empty", "missing"]
TemplateName = Annotated[str, Field(pattern=NAME, max_length=60)]


class TemplateSummary(BaseModel):
    """A template. ``state`` is draft until it is saved for the first time; a draft is deleted after a day.

    ``sheets`` are those that were read with it, of the user's own batches and those shared with the user; ``unsure``
    are the fields of them that wait to be keyed.
    """

    name: str
    title: str
    state: Literal["draft", "ready"]
    version: int
    owner: str
    role: Role
    pages: int
    fields: int
    sheets: int = 0
    unsure: int = 0


class TemplateList(BaseModel):
    """The templates that a user may use."""

    templates: list[TemplateSummary]


class ListSummary(BaseModel):
    """A list of a template: its name, and whether it is there already."""

    name: str
    entries: int


class FieldDrift(BaseModel):
    """How a field stands in the last 50 forms and in all before them, as shares.

    ``drift`` is by how much empty or unsure became more frequent, 0 where chance explains it.
    """

    field: str
    forms: int
    empty: float
    empty_before: float
    unsure: float
    unsure_before: float
    drift: float


class TemplateDetails(TemplateSummary):
    """A version of a template. ``template`` is what PUT takes: the entries of the YAML file."""

    user: str
    time: datetime
    template: dict[str, Any]
    lists: list[ListSummary]
    drift: list[FieldDrift]


class Suggestion(BaseModel):
    """A value that people have keyed and that is not in a list."""

    value: str
    count: int


class Suggestions(BaseModel):
    """Entries to add to a list, the most frequent first."""

    suggestions: list[Suggestion]


class BatchSummary(BaseModel):
    """How a batch stands. ``fields`` counts fields by state; ``expected_error`` is of the sure ones, as a share."""

    id: str
    name: str
    template: str | None
    owner: str
    role: Role
    state: DocumentState
    created: datetime
    expires: datetime | None
    sheets_total: int | None
    sheets_done: int
    forms: int
    fields: dict[FieldState, int]
    least_confidence: float
    max_error: float | None
    expected_error: float
    double: bool
    error: str | None


class BatchList(BaseModel):
    """Batches, the newest first."""

    batches: list[BatchSummary]


class FieldValue(BaseModel):
    """A field of a form. ``keyed_by`` are those who keyed or accepted it."""

    type: str
    value: str
    raw: str
    state: FieldState
    confidence: float
    alternatives: list[tuple[str, float]]
    reason: str
    keyed_by: list[str]
    page: int


class Row(BaseModel):
    """A form, by the number of its first sheet; ``pages`` are those of its sheets, from 0."""

    form: int
    template: str | None
    version: int
    sheets: list[int]
    pages: list[int]
    error_pixels: float | None
    problem: str | None
    fields: dict[str, FieldValue]


class Batch(BatchSummary):
    """A batch with its forms, in the order of their sheets."""

    rows: list[Row]


class Threshold(BaseModel):
    """From which confidence fields are sure: said, or so that at most a share of them is expected to be wrong."""

    model_config = ConfigDict(extra="forbid")

    confidence: float | None = Field(None, ge=0, le=1)
    max_error: float | None = Field(None, gt=0, le=1)


class QueueGroup(BaseModel):
    """How many fields of one kind wait."""

    template: str
    field: str
    label: str
    type: str
    count: int


class QueueItem(BaseModel):
    """A field to key. ``image`` is the address of its picture."""

    batch: str
    form: int
    template: str
    field: str
    label: str
    type: str
    value: str
    raw: str
    alternatives: list[tuple[str, float]]
    confidence: float
    state: FieldState
    reason: str
    image: str
    options: list[str] = []


class Queue(BaseModel):
    """What to key, one field after the other."""

    groups: list[QueueGroup]
    items: list[QueueItem]


class Key(BaseModel):
    """A value for a field, None where it is empty. ``accept`` keeps what was read, ``force`` what does not fit."""

    model_config = ConfigDict(extra="forbid")

    value: Annotated[str, Field(max_length=2000)] | None = None
    accept: bool = False
    force: bool = False


class KeyedField(FieldValue):
    """A field after it was keyed. ``done`` is False where a second person has to key it."""

    name: str
    done: bool
