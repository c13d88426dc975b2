"""What runs in the worker processes for forms: proposing and checking templates, reading a sheet.

Usage: ``await pool.run(form_tasks.read_sheet, decoded, templates)``
"""

from __future__ import annotations

import json
import time
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inkread.errors import InputError, InputTooLargeError, PatternError, TemplateError
from inkread.forms.proposal import propose as propose_template
from inkread.forms.reading import FormReader
from inkread.forms.rules import pattern_of
from inkread.forms.template import FormField, Template, as_200_dpi, boxes_of
from inkread.io.images import PageImage
from inkread.io.inputs import load_pages
from inkread.reader import Reader
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.line_images import Grey
from inkread.server.prediction.tasks import Decoded

CONTENT = "template.json"
"""The template among the files of a template that the gateway has packed; the others are named by their SHA-256."""
MOST_PAGES = 60
"""Pages of templates that a worker keeps prepared; each takes about 12 MB."""
MOST_FILES, MOST_BYTES = 200, 64 * 2**20
"""Of a zip with a template."""
CHECK_SECONDS = 5.0
"""Of computing that the expressions of a template may take together."""
AROUND = (40, 24)
"""Pixels beside and above a field that its picture shows too."""
PICTURE_QUALITY, CROP_QUALITY = 90, 80


@dataclass(frozen=True, slots=True)
class Proposed:
    """A template as JSON, and its files by name: pictures as PNG, lists as text."""

    template: dict[str, Any]
    files: dict[str, bytes]


def propose(reader: Reader, path: Path, name: str) -> Iterator[Proposed]:
    """A template proposed from an empty form, or taken from a zip with the files of one.

    Raises:
        InputError: the file cannot be read.
        TemplateError: the zip holds no template, or a wrong one.
    """
    if zipfile.is_zipfile(path):
        template = _unpacked(path)
        check_expressions(template)
        files = {page.blank: _png(_at_200_dpi(template, number)) for number, page in enumerate(template.pages)}
        files |= {each: (template.folder / each).read_bytes() for each in template.list_names()}
    else:
        template, blanks = propose_template(path, name, reader)
        files = {each: _png(grey) for each, grey in blanks.items()}
    yield Proposed(template.plain(), files)


def _unpacked(path: Path) -> Template:
    folder = path.with_name(f"{path.name}.files")
    folder.mkdir()
    try:
        with zipfile.ZipFile(path) as packed:
            entries = [entry for entry in packed.infolist() if not entry.is_dir()]
            if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
                raise InputTooLargeError(f"the zip has more than {MOST_FILES} files or {MOST_BYTES // 2**20} MiB")
            for entry in entries:
                with packed.open(entry) as stream:
                    content = stream.read(entry.file_size + 1)
                (folder / Path(entry.filename.replace("\\", "/")).name).write_bytes(content)
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, EOFError) as error:
        raise InputError("the zip is damaged") from error
    found = [file for file in sorted(folder.iterdir()) if file.suffix in (".yaml", ".yml")]
    if len(found) != 1:
        raise TemplateError(f"the zip has {len(found)} YAML files, a template is one with its pictures and lists")
    template = Template.load(found[0])
    for name in [*(page.blank for page in template.pages), *template.list_names()]:
        if Path(name).name != name or not (folder / name).is_file():
            raise TemplateError(f"{name}: this file of the template is not in the zip")
    return template


def _at_200_dpi(template: Template, page: int) -> Grey:
    image = next(load_pages(template.folder / template.pages[page].blank))
    return image.grey if image.dpi is None else as_200_dpi(image.grey, image.dpi)


def check(_state: object, content: dict[str, Any]) -> Iterator[None]:
    """Whether the expressions of a template can be searched.

    Raises:
        TemplateError: it is none, or an expression is too large.
    """
    check_expressions(Template.parse(content))
    yield None


def check_expressions(template: Template) -> None:
    """Build what the fields of a template allow, but for lists; `TemplateError` where that is wrong or takes long."""
    alphabet, begun = Alphabet(LATIN), time.process_time()
    for page in template.pages:
        for field in (each for parent in page.fields for each in (parent.columns or (parent,))):
            if field.list is not None:
                continue
            try:
                pattern = pattern_of(template, field)
                if pattern is not None and field.type == "regex":
                    pattern.build(alphabet)
            except PatternError as error:
                raise TemplateError(f"{field.name}: {error}") from error
            if time.process_time() - begun > CHECK_SECONDS:
                raise TemplateError(f"{field.name}: the expressions are too large to be searched, bound repetitions")


@dataclass(frozen=True, slots=True)
class SheetRead:
    """What stands on a sheet.

    Attributes:
        digest: of the template; "" where it is none of them.
        page: of the template, from 0.
        error: of its registration in pixels at 200 dpi.
        problem: why it is no form, else "".
        fields: name, place of its picture in ``crops`` and its length, and the entries of
            `inkread.forms.reading.FormValue`.
        picture: the sheet as the empty page lies, JPEG; b"" where it is no form.
        crops: pictures of the fields, JPEG, one after the other.
        width, height: of the picture.
    """

    digest: str
    page: int
    error: float
    problem: str
    fields: list[dict[str, Any]]
    picture: bytes
    crops: bytes
    width: int
    height: int


def read_sheet(reader: Reader, decoded: Decoded, templates: Sequence[tuple[str, Path]]) -> Iterator[SheetRead]:
    """Read a sheet.

    Args:
        reader: the model.
        decoded: the sheet.
        templates: digest and folder of those that it may be.
    """
    forms = _form_reader(reader, templates)
    found = forms.read_sheet(PageImage(np.load(decoded.path, mmap_mode="c"), dpi=decoded.dpi))
    form, warped = found.form, found.warped
    if warped is None:
        yield SheetRead("", 0, 0.0, form.problem, [], b"", b"", 0, 0)
        return
    number = next(at for at, template in enumerate(forms.templates) if template.name == form.template)
    ((page, sheet),) = form.sheets.items()
    boxes = {name: field for _, name, field in forms.templates[number].named_fields()}
    crops, fields = bytearray(), []
    for name, value in form.fields.items():
        crop = _crop(warped, boxes[name])
        fields.append({**asdict(value), "name": name, "start": len(crops), "length": len(crop)})
        crops += crop
    height, width = warped.shape
    picture = _jpeg(warped, PICTURE_QUALITY)
    yield SheetRead(templates[number][0], page, sheet.error, form.problem, fields, picture, bytes(crops), width, height)


_prepared: OrderedDict[tuple[int, tuple[str, ...]], FormReader] = OrderedDict()


def _form_reader(reader: Reader, templates: Sequence[tuple[str, Path]]) -> FormReader:
    """The reader of these templates, kept for the sheets that follow."""
    key = (id(reader), tuple(digest for digest, _ in templates))
    found = _prepared.get(key)
    if found is None:
        loaded = [Template.parse(json.loads((folder / CONTENT).read_bytes()), folder) for _, folder in templates]
        _prepared[key] = found = FormReader(loaded, reader)
        while len(_prepared) > 1 and sum(map(_pages, _prepared.values())) > MOST_PAGES:
            _prepared.popitem(last=False)
    _prepared.move_to_end(key)
    return found


def _pages(forms: FormReader) -> int:
    return sum(len(template.pages) for template in forms.templates)


def _crop(warped: Grey, field: FormField) -> bytes:
    """The field and a little of what is around it."""
    boxes = list(boxes_of(field))
    left, top = min(box[0] for box in boxes) - AROUND[0], min(box[1] for box in boxes) - AROUND[1]
    right = max(box[0] + box[2] for box in boxes) + AROUND[0]
    bottom = max(box[1] + box[3] for box in boxes) + AROUND[1]
    rows = slice(max(round(top), 0), max(round(bottom), 0))
    columns = slice(max(round(left), 0), max(round(right), 0))
    cut = warped[rows, columns]
    return _jpeg(cut, CROP_QUALITY) if cut.size else b""


def _jpeg(grey: Grey, quality: int) -> bytes:
    done, encoded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise InputError("the picture cannot be encoded")
    return encoded.tobytes()


def _png(grey: Grey) -> bytes:
    done, encoded = cv2.imencode(".png", grey)
    if not done:
        raise InputError("the picture of an empty page cannot be encoded")
    return encoded.tobytes()
