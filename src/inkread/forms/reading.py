"""Read filled sheets: which form each is, and what stands in its fields.

Usage: ``for form in FormReader([Template.load("claim.yaml")]).read(["scan.pdf"]): form.fields["born"].value``
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from math import exp, log, prod
from pathlib import Path

import cv2
import numpy as np

from inkread.document import Line, Polygon
from inkread.errors import InputError, PatternError, TemplateError
from inkread.forms.registration import Match, Refusal, Register, warp
from inkread.forms.rules import pattern_of, settle
from inkread.forms.template import FormField, Template, boxes_of
from inkread.forms.writing import Written
from inkread.io.images import PageImage
from inkread.io.inputs import Input, count_pages, each_input, input_name, load_readable_pages
from inkread.reader import Reader
from inkread.recognition.fields import FieldReading
from inkread.recognition.line_images import Grey
from inkread.recognition.patterns import Pattern
from inkread.runtime import Workers

SURE, UNSURE, INVALID, EMPTY, MISSING = "sure", "unsure", "invalid", "empty", "missing"
"""States of a field. Invalid: nothing that fits can be read, or a rule is broken. Missing: its page was not found."""
YES = "yes"
"""Value of a tick box that is ticked and of a signature that is present."""
TICKED, BLACKENED = 0.03, 0.75
"""Share of a tick box covered with ink from which it is ticked, and from which its tick was crossed out."""
TICK_SLOPE = 2.5
"""How fast the confidence in a tick box grows with the logarithm of the ink."""
SIGNED = 0.004
MOST_CONFIDENT = 0.999
DEFAULT_LEAST = 0.9
"""Confidence below which a field is unsure, unless an error rate is wanted."""
NONE_OF_THEM = 0.05
"""Probability that no reading is right, once a rule or validator has refused the most probable one."""
NAME_FIT = -1.2
"""Fit of a name from the list, for each of its letters, below which somebody has another name: on val of names-fr,
where 46 % of the names are not in the list, CER 7.1 % instead of 14.2 with any entry and 7.8 without a list."""
TICK_REACH = 4
"""Pixels around a tick box in which its tick counts."""

Validator = Callable[[str], bool]
OnError = Callable[[Input, InputError], None]


@dataclass(frozen=True, slots=True)
class FormValue:
    """What stands in a field.

    Attributes:
        type: of the field.
        value: as its type writes it, such as a date as ISO 8601; "" where it is empty or nothing fits.
        raw: what is read without the type.
        confidence: probability that the value is right.
        state: sure, unsure, invalid, empty or missing.
        page: number of the page of the form, from 0.
        polygon: where it stands, in pixels of the sheet.
        alternatives: other values, with their probability.
        reason: why it is invalid.
        crop: the name of a picture of the field, where one was saved.
    """

    type: str
    value: str = ""
    raw: str = ""
    confidence: float = 1.0
    state: str = EMPTY
    page: int = 0
    polygon: Polygon = ()
    alternatives: tuple[tuple[str, float], ...] = ()
    reason: str = ""
    crop: str = ""


@dataclass(frozen=True, slots=True)
class SheetOf:
    """A sheet of a form: its file, its place in the file from 0, and the error of its registration in pixels."""

    source: str
    index: int
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A filled form.

    Attributes:
        template: name of the template, "" where the sheet is none of them.
        version: of the template.
        sheets: by page of the form; a missing page has none.
        fields: by name.
        problem: one sentence where a page is missing or the sheet is no form, else "".
        crops: pictures of the fields by name, uint8.
    """

    template: str
    version: str
    sheets: Mapping[int, SheetOf]
    fields: Mapping[str, FormValue]
    problem: str = ""
    crops: Mapping[str, Grey] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class SheetReading:
    """One sheet as a form of one page, and the sheet as the empty page lies (uint8, 200 dpi; None if refused)."""

    form: Form
    warped: Grey | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Sheet:
    image: PageImage
    found: Match | Refusal


class FormReader:
    """Reads forms of some templates.

    Args:
        templates: what the sheets may be.
        reader: with which model; None for the one in the package.
        validators: own checks by name of a field (``claim.policy`` or ``policy``): a function from a value to whether
            it is right, or its dotted name as ``package.module:function``.
        threads: sheets that are matched at a time; None takes the processors this process may use.

    Attributes:
        templates: as given.
        reader: the model.
        register: matches sheets with the templates.

    Raises:
        TemplateError: two templates have the same name and version, a list cannot be read or a validator cannot be
            found.
        PatternError: an expression or list has an error.
        InputError: the picture of an empty page is missing.
    """

    def __init__(
        self,
        templates: Sequence[Template],
        reader: Reader | None = None,
        *,
        validators: Mapping[str, Validator | str] | None = None,
        threads: int | None = None,
    ) -> None:
        names = [(template.name, template.version) for template in templates]
        if not names or len(set(names)) < len(names):
            raise TemplateError("give templates with different names or versions, at least one")
        self.templates = tuple(templates)
        self.reader = reader or Reader()
        self.register = Register(self.templates)
        self._patterns = [
            {name: _checked_pattern(template, name, each) for _, name, each in template.named_fields()}
            for template in self.templates
        ]
        self._validators = {name: _validator(each) for name, each in (validators or {}).items()}
        self._workers = Workers(threads)

    def read(
        self,
        inputs: Input | Iterable[Input],
        *,
        on_error: OnError | None = None,
        known: frozenset[tuple[str, int]] = frozenset(),
    ) -> Iterator[Form]:
        """Read sheets lazily; a form is given when its last page, or a sheet that begins another form, was seen.

        Pages of one form follow each other, in any order; in a file of several pages they are all in this file. A sheet
        that is no form, such as an empty back, may stand between them.

        Args:
            inputs: as `Reader.read`.
            on_error: called with an input or page that cannot be read; None raises.
            known: sheets that are left out, by file and place in the file.

        Raises:
            InputError: an input cannot be read and there is no ``on_error``.
        """
        gathered: dict[int, _Sheet] = {}
        current = -1
        for sheet in self._workers.map(self._find, self._load(each_input(inputs), on_error, known)):
            found = None if sheet is None else sheet.found
            same = isinstance(found, Match) and found.template == current and found.page not in gathered
            if gathered and not same and not isinstance(found, Refusal):
                yield self._form(current, gathered)
                gathered = {}
            if isinstance(found, Refusal) and sheet is not None:
                yield _refused(sheet, found)
            if not isinstance(found, Match) or sheet is None:
                continue
            current = found.template
            gathered[found.page] = sheet
            if len(gathered) == len(self.templates[current].pages):
                yield self._form(current, gathered)
                gathered = {}
        if gathered:
            yield self._form(current, gathered)

    def _load(
        self, inputs: Iterable[Input], on_error: OnError | None, known: frozenset[tuple[str, int]]
    ) -> Iterator[PageImage | None]:
        """Pages; None after a file of several, which ends its last form."""
        for each in inputs:
            pages = 0
            try:
                pages = _known_pages(each, known)
                for page in () if pages else load_readable_pages(each, on_bad_page=partial(_report, on_error, each)):
                    pages += 1
                    if (page.source, page.index) not in known:
                        yield page
            except InputError as error:
                _report(on_error, each, error)
            if pages > 1:
                yield None

    def _find(self, image: PageImage | None) -> _Sheet | None:
        return None if image is None else _Sheet(image, self.register.match(image.grey))

    def read_sheet(self, image: PageImage) -> SheetReading:
        """Read one sheet by itself; the fields of other pages are left out, and `checked` was not applied."""
        sheet = _Sheet(image, self.register.match(image.grey))
        if isinstance(sheet.found, Refusal):
            return SheetReading(_refused(sheet, sheet.found))
        number, page = sheet.found.template, sheet.found.page
        written = self._written(number, {page: sheet})
        values, crops = self._values(number, {page: sheet}, written)
        own = {name: value for name, value in values.items() if value.state != MISSING}
        template = self.templates[number]
        form = Form(template.name, template.version, _places({page: sheet}), own, crops=crops)
        return SheetReading(form, written[page].grey)

    def _form(self, number: int, sheets: Mapping[int, _Sheet]) -> Form:
        template = self.templates[number]
        values, crops = self._values(number, sheets, self._written(number, sheets))
        values = checked(template, values, self._validators)
        return Form(template.name, template.version, _places(sheets), values, missing_pages(template, sheets), crops)

    def _written(self, number: int, sheets: Mapping[int, _Sheet]) -> dict[int, Written]:
        written = {}
        for page, sheet in sheets.items():
            if isinstance(sheet.found, Match):
                blank = self.register.blank(number, page)
                warped = warp(sheet.image.grey, sheet.found.matrix, (blank.shape[1], blank.shape[0]))
                written[page] = Written(warped, blank)
        return written

    def _values(
        self, number: int, sheets: Mapping[int, _Sheet], written: Mapping[int, Written]
    ) -> tuple[dict[str, FormValue], dict[str, Grey]]:
        """All fields of a form as they are read, and the pictures of those that somebody has written in."""
        template = self.templates[number]
        values: dict[str, FormValue] = {}
        crops: dict[str, Grey] = {}
        matches = {page: sheet.found for page, sheet in sheets.items() if isinstance(sheet.found, Match)}
        lines: list[tuple[str, Grey]] = []
        cells: dict[str, list[Grey | None]] = {}
        for page, name, each in template.named_fields():
            if page not in written:
                values[name] = FormValue(each.type, state=MISSING, page=page, confidence=0.0)
                continue
            values[name] = replace(
                self._marked(each, written[page]), page=page, polygon=_polygon(each, matches[page].matrix)
            )
            image = written[page].line(each) if each.type not in ("tick", "ticks", "signature") else None
            if each.lines > 1 and image is not None:
                image = written[page].block(each.box)
                values[name] = _of_lines(values[name], self._lines_of(image))
            elif image is not None:
                lines.append((name, image))
                if each.comb:
                    cells[name] = written[page].cells(each)
            if image is not None:
                crops[name] = image
        for name, reading in self._read(lines, cells, self._patterns[number]):
            values[name] = _of_reading(values[name], reading)
        return values, crops

    def _read(
        self,
        lines: Sequence[tuple[str, Grey]],
        cells: Mapping[str, list[Grey | None]],
        patterns: Mapping[str, Pattern | None],
    ) -> Iterator[tuple[str, FieldReading | Line]]:
        free = [(name, image) for name, image in lines if patterns[name] is None]
        typed = [(name, image, pattern) for name, image in lines if (pattern := patterns[name]) is not None]
        yield from zip((name for name, _ in free), self.reader.read_lines([image for _, image in free]), strict=True)
        combs = {number: cells[name] for number, (name, _, _) in enumerate(typed) if name in cells}
        readings = self.reader.read_fields([(image, pattern) for _, image, pattern in typed], combs)
        yield from zip((name for name, _, _ in typed), readings, strict=True)

    def _lines_of(self, image: Grey) -> list[Line]:
        (page,) = self.reader.read_pages([PageImage(image)])
        return [line for line in page.lines if line.text]

    @staticmethod
    def _marked(each: FormField, written: Written) -> FormValue:
        """What is told by ink alone: tick boxes and signatures; an empty value for the other types."""
        if each.type == "signature":
            ink = 0.0 if written.is_empty(each.box) else written.ink(each.box)
            return _of_marks(each.type, [(YES, ink)], SIGNED)
        if each.type in ("tick", "ticks"):
            boxes = each.options or {YES: each.box}
            marks = [(name, written.ink(box, TICK_REACH)) for name, box in boxes.items()]
            return _of_marks(each.type, marks, TICKED, several=each.several or each.type == "tick")
        return FormValue(each.type)


def checked(
    template: Template, values: Mapping[str, FormValue], validators: Mapping[str, Validator] | None = None
) -> dict[str, FormValue]:
    """The fields of a form after validators, rules and required fields.

    Args:
        template: of the form.
        values: all its fields, as they were read.
        validators: see `FormReader`.

    Raises:
        TemplateError: the list of a rule cannot be read.
    """
    found = dict(values)
    for name, value in found.items():
        check = (validators or {}).get(f"{template.name}.{name}") or (validators or {}).get(name)
        if check is not None and value.value:
            found[name] = _validated(value, check)
    choices = {
        name: [(value.value, value.confidence), *value.alternatives] for name, value in found.items() if value.value
    }
    changed, broken = settle(template, choices)
    for name, chosen in changed.items():
        found[name] = _chosen(found[name], chosen)
    for name, reason in broken.items():
        found[name] = replace(found[name], state=INVALID, reason=reason)
    for _, name, each in template.named_fields():
        if each.required and name in found and found[name].state == EMPTY:
            found[name] = replace(found[name], state=INVALID, reason="the field has to be filled in")
    return found


def missing_pages(template: Template, pages: Container[int]) -> str:
    """One sentence where a form lacks pages, "" where it has all of them."""
    missing = [str(page + 1) for page in range(len(template.pages)) if page not in pages]
    return f"page {' and '.join(missing)} of the form is missing" if missing else ""


def _refused(sheet: _Sheet, refusal: Refusal) -> Form:
    return Form("", "", {0: SheetOf(sheet.image.source, sheet.image.index, 0.0)}, {}, refusal.reason)


def _places(sheets: Mapping[int, _Sheet]) -> dict[int, SheetOf]:
    return {
        page: SheetOf(sheet.image.source, sheet.image.index, round(sheet.found.error, 2))
        for page, sheet in sheets.items()
        if isinstance(sheet.found, Match)
    }


def _report(on_error: OnError | None, source: Input, error: InputError) -> None:
    if on_error is None:
        raise error
    on_error(source, error)


def _known_pages(source: Input, known: frozenset[tuple[str, int]]) -> int:
    """How many pages a file has that are all known, which needs no decoding; 0 if one is not."""
    name = input_name(source)
    if not isinstance(source, str | Path) or (name, 0) not in known:
        return 0
    pages = count_pages(Path(source))
    return pages if all((name, page) in known for page in range(pages)) else 0


def _checked_pattern(template: Template, name: str, each: FormField) -> Pattern | None:
    try:
        return pattern_of(template, each)
    except PatternError as error:
        raise PatternError(f"{template.name}: {name}: {error}") from error


def _validator(given: Validator | str) -> Validator:
    if not isinstance(given, str):
        return given
    module, _, function = given.partition(":")
    try:
        found: Validator = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise TemplateError(f"the validator {given} cannot be found, name it as package.module:function") from error
    return found


def _of_marks(kind: str, marks: Sequence[tuple[str, float]], least: float, *, several: bool = True) -> FormValue:
    """What tick boxes or a signature say.

    A blackened box was ticked and then crossed out, and is not ticked. How sure a mark is depends on how far its ink is
    from the border between empty and marked.
    """
    sure = [exp(-TICK_SLOPE * abs(log((ink + least / 10) / least))) for _, ink in marks]
    blackened = [name for name, ink in marks if ink >= BLACKENED and kind != "signature"]
    ticked = [name for name, ink in marks if ink >= least and name not in blackened]
    confidence = prod(1 - each / 2 for each in sure)
    if blackened:
        confidence = min(confidence, 0.5)
    if len(ticked) > 1 and not several:
        names = " and ".join(ticked)
        return FormValue(kind, "", names, 0.0, INVALID, reason=f"{names} are both ticked")
    state = UNSURE if ticked or blackened else EMPTY
    value = ";".join(ticked)
    return FormValue(kind, value, value, round(min(confidence, MOST_CONFIDENT), 4), state)


def _of_reading(value: FormValue, reading: FieldReading | Line) -> FormValue:
    if isinstance(reading, Line):
        return _of_lines(value, [reading])
    if value.type == "name" and (reading.value is None or reading.fit < NAME_FIT * len(reading.value)):
        return replace(value, value=reading.free, raw=reading.free, confidence=0.0, state=UNSURE)
    if reading.value is None:
        reason = "nothing that fits the type can be read"
        return replace(value, raw=reading.free, confidence=0.0, state=INVALID, reason=reason)
    others = tuple((each.text, each.confidence) for each in reading.alternatives)
    return replace(
        value, value=reading.value, raw=reading.free, confidence=reading.confidence, state=UNSURE, alternatives=others
    )


def _of_lines(value: FormValue, lines: Sequence[Line]) -> FormValue:
    """Free text: the confidence is that all its words are right."""
    text = " ".join(line.text for line in lines).strip()
    confidence = prod(word.confidence or 0.0 for line in lines for word in line.words)
    if not text:
        return replace(value, confidence=0.0, state=UNSURE)
    return replace(value, value=text, raw=text, confidence=round(min(confidence, MOST_CONFIDENT), 4), state=UNSURE)


def _validated(value: FormValue, check: Validator) -> FormValue:
    """The most probable value that passes a check."""
    if check(value.value):
        return value
    passing = next((other for other, _ in value.alternatives if check(other)), None)
    if passing is not None:
        return _chosen(value, passing)
    return replace(value, state=INVALID, reason="its check refuses it")


def _chosen(value: FormValue, chosen: str) -> FormValue:
    """Another value, because the most probable one does not fit; its probability is taken among those left.

    One of these is that none of the readings is right.
    """
    shares = dict(value.alternatives)
    others = tuple(each for each in value.alternatives if each[0] != chosen)
    left = shares[chosen] + sum(share for _, share in others) + NONE_OF_THEM
    return replace(value, value=chosen, confidence=round(shares[chosen] / left, 4), alternatives=others)


def _polygon(each: FormField, matrix: object) -> Polygon:
    boxes = list(boxes_of(each))
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(x + w for x, _, w, _ in boxes), max(y + h for _, y, _, h in boxes)
    corners = np.array([[(left, top), (right, top), (right, bottom), (left, bottom)]], np.float64)
    moved = cv2.perspectiveTransform(corners, np.asarray(matrix, np.float64))[0]
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in moved)


def graded(form: Form, least: float) -> Form:
    """The form with its fields sure from a confidence on, and unsure below it, such as a faint tick."""

    def state(value: FormValue) -> str:
        if value.state in (SURE, UNSURE, EMPTY) and value.confidence < least:
            return UNSURE
        return SURE if value.state == UNSURE else value.state

    fields = {name: replace(value, state=state(value)) for name, value in form.fields.items()}
    return replace(form, fields=fields)
