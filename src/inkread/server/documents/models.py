"""What the API of documents takes and gives, as JSON.

Usage: ``PageContent.model_validate_json(body)``
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from inkread.server.documents.tables import NAME_LENGTH, TAG_LENGTH

Role = Literal["reader", "corrector", "owner"]
ROLES: tuple[Role, ...] = ("reader", "corrector", "owner")
PageState = Literal["waiting", "reading", "read", "failed", "in_correction", "done"]
DocumentState = Literal["waiting", "reading", "read", "failed", "cancelled"]
Action = Literal["read", "corrected", "restored"]
MOST_LINES = 2000


def plain(text: str) -> str:
    """``plain(" a\\n\\0b ") == "a b"``: NFC, runs of white space as one space, without control characters."""
    spaced = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(character for character in spaced if unicodedata.category(character) != "Cc")


def some(text: str) -> str:
    """The text; ValueError where it is empty."""
    if not text:
        raise ValueError("it must not be empty")
    return text


Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Place = tuple[Coordinate, Coordinate]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=2000), AfterValidator(plain)]
Title = Annotated[str, Field(max_length=NAME_LENGTH), AfterValidator(plain)]
Name = Annotated[Title, AfterValidator(some)]
TagName = Annotated[str, Field(max_length=TAG_LENGTH), AfterValidator(plain), AfterValidator(some)]


class Word(BaseModel):
    """A word; ``box`` is left, top, right, bottom."""

    text: Text
    confidence: Share | None = None
    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = None


class Alternative(BaseModel):
    """Another reading of a line."""

    text: Text
    confidence: Share


class Outline(BaseModel):
    """Where a line stands."""

    baseline: list[Place] = Field([], max_length=500)
    polygon: list[Place] = Field([], max_length=5000)

    @property
    def placed(self) -> bool:
        """Whether it says where."""
        return len(self.baseline) > 1 or len(self.polygon) > 2


class Cell(BaseModel):
    """Where a line stands in the table that its region is: row and first column from 0, and columns."""

    row: Annotated[int, Field(ge=0, le=10_000)]
    column: Annotated[int, Field(ge=0, le=1_000)]
    columns: Annotated[int, Field(ge=1, le=1_000)] = 1


class Insertion(BaseModel):
    """Before which character of which other line the words of a line were inserted."""

    line: str = Field(max_length=64)
    at: int = Field(ge=0, le=100_000)


class Line(Outline):
    """A line. What a person typed has neither a confidence nor confidences of words.

    ``kind`` is that of its region: text, heading, marginalia, table, page-number and so on; lines of a region that get
    another kind become a region of their own. None keeps the kind. ``region`` is the id of the region; lines that name
    one which the page does not have become that region. ``frame`` is the outline of the region, told with its first
    line; a region of which a line brings another one has that from then on. A line that does not name ``cell`` or
    ``insertion`` keeps its own.
    """

    id: str = Field(pattern=r"^[A-Za-z_][\w.-]{0,63}$")
    text: Text = ""
    confidence: Share | None = None
    words: list[Word] = Field([], max_length=1000)
    alternatives: list[Alternative] = Field([], max_length=20)
    flags: list[Annotated[str, Field(max_length=32)]] = Field([], max_length=10)
    corrected_by: str | None = None
    kind: str | None = Field(None, pattern=r"^[A-Za-z][A-Za-z-]{0,31}$")
    region: str | None = Field(None, max_length=200)
    frame: list[Place] = Field([], max_length=500)
    cell: Cell | None = None
    insertion: Insertion | None = None


class PageSummary(BaseModel):
    """How a page stands."""

    number: int
    state: PageState
    confidence: float | None
    error: str | None
    width: int
    height: int
    lines: int
    revision: int
    tags: list[str] = []


class PageContent(BaseModel):
    """A page with its lines in reading order.

    ``notes`` say what is wrong with its picture, each as the end of "The picture is …".
    """

    document: str
    number: int
    state: PageState
    width: int
    height: int
    revision: int
    language: str | None = None
    lines: list[Line]
    notes: list[str] = []
    user: str | None
    time: datetime


class Summary(BaseModel):
    """How a document stands; ``role`` is None for an admin who sees only that.

    ``error`` says what failed, or why reading waits for another day.
    """

    id: str
    name: str
    collection: str
    owner: str
    role: Role | None
    state: DocumentState
    created: datetime
    expires: datetime | None
    pages_total: int | None
    pages_done: int
    bytes: int
    confidence: float | None
    error: str | None
    tags: list[str] = []


class Document(Summary):
    """A document with its pages."""

    pages: list[PageSummary]


class News(BaseModel):
    """What changed of a document up to a sequence number."""

    sequence: int
    summary: Summary
    pages: list[PageSummary]


class DocumentList(BaseModel):
    """Some of the documents that a user may see; the collections and tags of all of them."""

    documents: list[Summary]
    total: int
    collections: list[str]
    tags: list[str] = []


class DocumentChange(BaseModel):
    """What may be changed of a document itself."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    collection: Title | None = None


class Tags(BaseModel):
    """The tags of a document or page."""

    tags: list[TagName] = Field(max_length=50)


class Correction(BaseModel):
    """The lines of a page as they are from now on."""

    lines: list[Line] = Field(max_length=MOST_LINES)
    state: Literal["in_correction", "done"] | None = None


class Change(BaseModel):
    """A line before and after; None where it was not there."""

    line: str
    before: str | None
    after: str | None


class VersionSummary(BaseModel):
    """A version of a page."""

    revision: int
    user: str | None
    time: datetime
    action: Action
    changes: list[Change]


class VersionList(BaseModel):
    """All versions of a page, newest first."""

    versions: list[VersionSummary]


class ShareEntry(BaseModel):
    """What somebody may do with a document."""

    user: str
    role: Role


class ShareList(BaseModel):
    """Who may do what."""

    shares: list[ShareEntry]


class ShareChange(BaseModel):
    """What somebody may do from now on."""

    role: Role


class Export(BaseModel):
    """Which documents to write, and how; with ``tag`` only the pages that have it, or whose document has it."""

    documents: list[str] = Field(min_length=1, max_length=1000)
    format: Literal["txt", "json", "alto", "page", "hocr", "csv", "pdf"]
    tag: TagName | None = None


class Hit(BaseModel):
    """A line that was found; ``alternative`` is the reading that matched where it was not the text."""

    document: str
    name: str
    page: int
    line: str
    text: str
    alternative: str | None


class HitList(BaseModel):
    """What was found."""

    hits: list[Hit]


class Refusal(BaseModel):
    """A file that cannot be read, by its place among those that were sent, from 0, and why."""

    file: int
    detail: str


class Refusals(BaseModel):
    """Files that cannot be read, in the order in which they were sent."""

    refused: list[Refusal]


class DatasetUse(BaseModel):
    """A dataset that was made of a document, by its content hash, and the registered versions that learnt from it."""

    dataset: str
    lines: int
    time: datetime
    versions: list[int]


class Uses(BaseModel):
    """The datasets and versions that used a document, the newest first."""

    datasets: list[DatasetUse]


class QueueEntry(BaseModel):
    """A line to correct; ``expected_errors`` are the characters of it that are probably wrong.

    ``disputed`` has the texts of two people who disagree about it, none of whom is asked again. ``unusual`` has the
    figures in which its page showed a drift of the pages when it was read, such as ``slant`` or ``language_de``.
    """

    document: str
    name: str
    page: int
    line: str
    text: str
    confidence: float | None
    expected_errors: float
    disputed: list[str] = []
    unusual: list[str] = []


class QueueList(BaseModel):
    """What to correct next, the most useful first."""

    lines: list[QueueEntry]
