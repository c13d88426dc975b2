"""Whether a challenger may replace the champion: both read the same protected lines, and the differences decide.

Usage: ``comparison = compare(1, lines, new, old); reasons = objections(comparison)``

The interval of a difference is a paired bootstrap over documents: a document is drawn with what both read in it, so
what makes it hard for both cancels out (Bisani and Ney 2004). Documents are drawn over all sources together: drawn
within each source, versions that are equal would be promoted too often (decision 0079).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from inkread.evaluation.statistics import Estimate, rate_by_document
from inkread.evaluation.text import Errors

TOLERANCE = 0.002
"""A CER that is higher by at most this counts as equal: 0.2 points are not noticed by who reads the text."""
MARGIN, RELATIVE_MARGIN = 0.01, 0.1
"""A slice may get worse by one point of CER, or by a tenth of its CER where that is more."""
FASTER = 0.9
"""Share of the champion's CPU time a line below which a challenger is faster; less is noise of the machine."""
LEAST_LINES = 10
"""Of a slice; fewer say nothing of it. Those of one kind that have fewer are a slice together."""
OTHERS = "others"
"""Name of that slice."""
MOST_SLICES = 60


@dataclass(frozen=True, slots=True)
class LineErrors:
    """What one bundle read wrong in a line, and what it read."""

    characters: Errors
    words: Errors
    read: str = ""


@dataclass(frozen=True, slots=True)
class GoldLine:
    """Where a protected line belongs.

    Attributes:
        document: what the bootstrap draws.
        slices: kind and name of each slice that it is in, such as ("writer", "w0018").
    """

    document: str
    slices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the protected lines, read by both.

    Attributes:
        kind, name: such as "source" and "letters".
        lines, documents: how many.
        cer, champion_cer: of the version and of the champion.
        low, high: 95 % interval of ``cer - champion_cer``; None for one line.
    """

    kind: str
    name: str
    lines: int
    documents: int
    cer: float
    champion_cer: float
    low: float | None = None
    high: float | None = None

    @property
    def margin(self) -> float:
        """By how much its CER may rise."""
        return max(MARGIN, RELATIVE_MARGIN * self.champion_cer)

    @property
    def objects(self) -> bool:
        """Whether it got worse by more than its margin, and not by chance alone."""
        return self.cer - self.champion_cer > self.margin and (self.low is None or self.low > 0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a version and the champion of its day read in the same lines, each as it is served.

    Attributes:
        champion: number of that champion.
        lines: how many.
        cer, wer: of the version.
        champion_cer, champion_wer: of the champion.
        documents: how many.
        low, high: 95 % interval of ``cer - champion_cer``; None where it was not measured.
        time: CPU time of the version as a share of the champion's; None where it was not measured.
        slices: by source, writer, language and kind of sample; those with fewer than `LEAST_LINES` are one, `OTHERS`.
        anchor: number of an older champion that the slices are compared with too, so that small losses, each within its
            margin, do not add up; None where there is none.
        anchor_slices: in them ``champion_cer`` is that of the anchor.
    """

    champion: int
    lines: int
    cer: float
    wer: float
    champion_cer: float
    champion_wer: float
    documents: int = 0
    low: float | None = None
    high: float | None = None
    time: float | None = None
    slices: tuple[Slice, ...] = ()
    anchor: int | None = None
    anchor_slices: tuple[Slice, ...] = ()

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Comparison:
        """What ``asdict`` made of one."""
        both = {key: tuple(Slice(**row) for row in content.get(key, ())) for key in ("slices", "anchor_slices")}
        return cls(**{**content, **both})


@dataclass(frozen=True, slots=True)
class Change:
    """A protected line that a version and the champion read with different numbers of errors, for people.

    Attributes:
        document: that it belongs to.
        written: transcription.
        champion, version: what each read.
        champion_edits, edits: characters that each read wrong.
        picture: of the line, at most 900 x 56 pixels, as a data URI.
    """

    document: str
    written: str
    champion: str
    version: str
    champion_edits: int
    edits: int
    picture: str


def compare(
    champion: int,
    lines: Sequence[GoldLine],
    new: Sequence[LineErrors],
    old: Sequence[LineErrors],
    time: float | None = None,
    anchor: tuple[int, Sequence[LineErrors]] | None = None,
) -> Comparison:
    """Compare what a version (``new``) and the champion (``old``) read in the same lines, in the same order.

    Args:
        champion: its number.
        lines: at least one.
        new, old: what each read wrong.
        time: CPU time of the version as a share of the champion's.
        anchor: number of an older champion, and what it read wrong.
    """
    whole = _slice("", "all", lines, new, old)
    words = [sum((errors.words for errors in side), Errors()).rate for side in (new, old)]
    number, older = (None, None) if anchor is None else anchor
    return Comparison(
        champion,
        whole.lines,
        whole.cer,
        words[0],
        whole.champion_cer,
        words[1],
        whole.documents,
        whole.low,
        whole.high,
        time,
        _slices(lines, new, old),
        number,
        () if older is None else _slices(lines, new, older),
    )


def _slices(lines: Sequence[GoldLine], new: Sequence[LineErrors], old: Sequence[LineErrors]) -> tuple[Slice, ...]:
    """Those that object first, then by what they lose."""
    members: dict[tuple[str, str], list[int]] = {}
    for index, line in enumerate(lines):
        for key in line.slices:
            members.setdefault(key, []).append(index)
    small: dict[tuple[str, str], list[int]] = {}
    for (kind, name), rows in members.items():
        if len(rows) < LEAST_LINES and name != OTHERS:
            small.setdefault((kind, OTHERS), []).extend(rows)
    members |= {key: rows for key, rows in small.items() if len(rows) < len(lines)}  # all of them: the whole says it
    slices = [
        _slice(*key, [lines[i] for i in rows], [new[i] for i in rows], [old[i] for i in rows])
        for key, rows in sorted(members.items())
        if len(rows) >= LEAST_LINES
    ]
    slices.sort(key=lambda part: (not part.objects, part.champion_cer - part.cer))
    return tuple(slices[:MOST_SLICES])


def _slice(
    kind: str, name: str, lines: Sequence[GoldLine], new: Sequence[LineErrors], old: Sequence[LineErrors]
) -> Slice:
    difference = _difference(lines, new, old)
    rates = [sum((errors.characters for errors in side), Errors()).rate for side in (new, old)]
    documents = len({line.document for line in lines})
    return Slice(kind, name, len(lines), documents, rates[0], rates[1], difference.low, difference.high)


def _difference(lines: Sequence[GoldLine], new: Sequence[LineErrors], old: Sequence[LineErrors]) -> Estimate:
    """Of the error rates; the lines of a single document stand for documents."""
    alone = len({line.document for line in lines}) < 2
    parts = [
        (str(number) if alone else line.document, float(one.characters.edits - other.characters.edits), length)
        for number, (line, one, other) in enumerate(zip(lines, new, old, strict=True))
        if (length := float(one.characters.length)) or one.characters.edits or other.characters.edits
    ]
    return rate_by_document(parts) or Estimate(0.0, None, None, 0)


def objections(comparison: Comparison) -> list[str]:
    """What speaks against a promotion, a sentence each; empty where nothing does.

    A version is promoted where it reads better with 95 % confidence, or equally well and faster, and no slice reads
    worse by more than its margin, neither beside the champion nor beside the anchor.
    """
    return list(_objections(comparison))


def _objections(comparison: Comparison) -> Iterator[str]:
    new, old = comparison.cer, comparison.champion_cer
    low, high = comparison.low, comparison.high
    if low is None or high is None:
        yield "the comparison has no interval, compare them again on several lines"
        return
    equal = high <= TOLERANCE
    faster = comparison.time is not None and comparison.time <= FASTER
    interval = f"CER {new:.4f}, not {old:.4f} (difference {new - old:+.4f}, 95 % {low:+.4f} to {high:+.4f})"
    if low > 0:
        yield f"it reads worse: {interval}"
    elif high >= 0 and not (equal and faster):
        more = "equally well but not faster" if equal else "not better with 95 % confidence"
        yield f"it reads {more}: {interval}"
    for part in comparison.slices:
        if part.objects:
            yield _worse(part, "")
    for part in comparison.anchor_slices:
        if part.objects:
            yield _worse(part, f" with version {comparison.anchor}")


def _worse(part: Slice, beside: str) -> str:
    return (
        f"{part.kind} {part.name} reads worse by more than {part.margin:.4f}: CER {part.cer:.4f}, not "
        f"{part.champion_cer:.4f}{beside}, {part.lines} lines"
    )


def gate_table(comparison: Comparison) -> list[dict[str, float | str]]:
    """The comparison as rows for people: all lines first, then the slices, those that object first."""
    c = comparison
    whole = Slice("", "all", c.lines, c.documents, c.cer, c.champion_cer, c.low, c.high)
    older = [part for part in c.anchor_slices if part.objects]
    return [*_rows([whole, *c.slices]), *_rows(older, f" (beside version {c.anchor})")]


def _rows(parts: Iterable[Slice], beside: str = "") -> Iterator[dict[str, float | str]]:
    for part in parts:
        known = part.low is not None and part.high is not None
        yield {
            "slice": f"{part.kind} {part.name}{beside}".strip(),
            "lines": part.lines,
            "documents": part.documents,
            "cer": round(part.cer, 4),
            "champion_cer": round(part.champion_cer, 4),
            "difference": f"{part.low:+.4f} to {part.high:+.4f}" if known else "",
            "worse": "yes" if part.kind and part.objects else "",
        }
