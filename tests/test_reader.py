import shutil
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rapidfuzz.fuzz import ratio

import inkread
from inkread import (
    BadPageError,
    Bundle,
    BundleError,
    DamagedInputError,
    InputError,
    InputNotFoundError,
    Page,
    PatternError,
    Reader,
    ReaderSettings,
)
from inkread.document import NOISE, REDUCED, SHOW_THROUGH, UNFAMILIAR, Line, left_out
from inkread.evaluation.detection import match_baselines
from inkread.formats import read_layout
from inkread.formats.json import dump
from inkread.io.images import PageImage, turn
from inkread.io.inputs import Input, Limits, load_pages
from inkread.layout import Analyser
from inkread.layout.detector import Detector
from inkread.reader import document_of
from inkread.recognition.line_images import Strip
from inkread.synthesis.ink import find_fonts
from inkread.synthesis.lines import render_line
from reading_order import set_in_columns

EXAMPLES = Path(__file__).parents[1] / "examples"
LETTER = EXAMPLES / "letter.png"
STRIP_OFFSETS = 273


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(threads=1)


@pytest.fixture(scope="module")
def letter(reader: Reader) -> Page:
    return next(reader.read([LETTER])).pages[0]


def test_a_page_is_read_with_the_words_that_stand_on_it(letter: Page) -> None:
    expected = set(read_layout(EXAMPLES / "letter.xml").text.lower().split())
    found = set(letter.text.lower().split())
    assert len(expected & found) > 0.6 * len(expected)


def test_everything_read_lies_on_the_page_and_is_rated(letter: Page) -> None:
    for line in letter.lines:
        assert line.confidence is not None
        for word in line.words:
            assert word.confidence is not None
            for x, y in word.polygon:
                assert -60 <= x <= letter.width + 60
                assert -60 <= y <= letter.height + 60


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_page_reads_like_the_upright_one(reader: Reader, letter: Page, degrees: int) -> None:
    grey = next(load_pages(LETTER)).grey
    page = next(reader.read_pages([PageImage(turn(grey, degrees))]))
    assert page.orientation == (360 - degrees) % 360
    assert abs(len(page.text) - len(letter.text)) < 0.1 * len(letter.text)
    truth = read_layout(EXAMPLES / "letter.xml")
    assert (page.width, page.height) == turn(grey, degrees).shape[::-1]
    first = np.mean(page.lines[0].baseline, axis=0)
    expected = np.mean(truth.lines[0].baseline, axis=0)
    back = {90: (first[1], page.width - first[0]), 180: (page.width - first[0], page.height - first[1])}
    back[270] = (page.height - first[1], first[0])
    assert np.hypot(*(np.array(back[degrees]) - expected)) < 60


def test_a_few_lines_do_not_turn_a_page_that_reads_better_upright(
    letter: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(threads=1, settings=ReaderSettings(doubtful=1.1))
    turned_first = iter([0.9, 0.1])
    monkeypatch.setattr(reader.lines, "legibility", lambda _: next(turned_first))
    page = next(reader.read([LETTER])).pages[0]
    assert not list(turned_first), "the sample was asked, and says that turned is better"
    assert (page.orientation, page.text) == (0, letter.text)


def test_one_document_a_source_in_order_whatever_the_batches(reader: Reader, letter: Page) -> None:
    sources: list[Input] = [LETTER, EXAMPLES / "notes.png", next(load_pages(LETTER)).pixels]
    documents = list(reader.read(sources))
    assert [len(document.pages) for document in documents] == [1, 1, 1]
    assert documents[0].text == documents[2].text == letter.text
    assert [line.confidence for line in documents[0].lines] == pytest.approx([line.confidence for line in letter.lines])
    assert documents[0].provenance == reader.provenance


def test_what_is_read_depends_on_the_page_alone(reader: Reader) -> None:
    """Not on the order of the pages, what they are read with, the threads, or what was read before."""
    paths = [LETTER, EXAMPLES / "notes.png", EXAMPLES / "lettre.png"]

    def written(by: Reader, order: list[Path]) -> dict[str, bytes]:
        return dict(sorted((doc.pages[0].source, dump(doc)) for doc in by.read(order)))

    expected = {name: data for path in paths for name, data in written(Reader(threads=1), [path]).items()}
    assert written(reader, paths) == expected
    assert written(reader, paths[::-1]) == expected
    assert written(Reader(threads=3), [paths[1], paths[2], paths[0]]) == expected


def test_confidences_have_six_digits(letter: Page) -> None:
    line = letter.lines[0]
    rated = [
        line.confidence,
        *(word.confidence for word in line.words),
        *(other.confidence for other in line.alternatives),
    ]
    rated += [character.confidence for word in line.words for character in word.characters]
    assert len(rated) > 10
    assert all(value is not None and value == round(value, 6) for value in rated)


@pytest.mark.case
@pytest.mark.parametrize("number", [1, 2])
def test_outlines_stay_within_a_page_that_cuts_the_ink(reader: Reader, letter: Page, number: int) -> None:
    corners = np.array(letter.lines[number].words[1].polygon)
    (left, top), (right, bottom) = corners.min(0).astype(int) + 6, corners.max(0).astype(int) - 8
    pixels = np.ascontiguousarray(next(load_pages(LETTER)).pixels[top:bottom, left:right])
    [document] = reader.read(pixels)
    [page] = document.pages
    outlines = [outline for line in page.lines for outline in (line.polygon, line.baseline)]
    outlines += [word.polygon for line in page.lines for word in line.words]
    outlines += [character.polygon for line in page.lines for word in line.words for character in word.characters]
    points = np.array([point for outline in outlines for point in outline])
    assert len(points)
    assert (points >= 0).all()
    assert (points <= (page.width, page.height)).all()


def test_the_language_model_tells_facing_pages_of_a_few_lines_from_one_column(reader: Reader) -> None:
    grey, truth = next(load_pages(LETTER)).grey, read_layout(EXAMPLES / "letter.xml")
    ends = [line.baseline for line in truth.lines[:10]]
    left, right = int(min(line[0][0] for line in ends)) - 10, int(max(line[-1][0] for line in ends)) + 10
    heights = [float(np.mean([y for _, y in line])) for line in ends]
    halves = [grey[int(heights[a]) - 48 : int(heights[b]) + 25, left:right] for a, b in ((0, 4), (5, 9))]
    spread = np.full((max(map(len, halves)) + 40, 2 * (right - left)), 235, np.uint8)
    for half, x in zip(halves, (0, right - left), strict=True):
        spread[20 : 20 + len(half), x : x + right - left] = half
    [document] = reader.read(spread)
    assert ratio(document.text, "\n".join(line.text for line in truth.lines[:10])) > 97


@pytest.mark.case
def test_prose_in_short_columns_is_no_table(reader: Reader, letter: Page) -> None:
    columns = set_in_columns(next(load_pages(LETTER)).grey, letter, np.random.default_rng(29))
    assert columns is not None
    assert reader.bundle.detector is not None
    by_row = Analyser(Detector(reader.bundle.detector, threads=1))(columns)
    assert [region.kind for region in by_row.regions] == ["table"], "geometry alone cannot tell it from one"
    [document] = reader.read(columns)
    assert {region.kind for region in document.pages[0].regions} == {"text"}
    read, written = (text.replace("\n", " ") for text in (document.text, letter.text))
    assert ratio(read, written[: len(read)]) > 97


@pytest.mark.case
def test_writing_that_shows_through_from_the_other_side_is_not_read(reader: Reader, letter: Page) -> None:
    front = next(load_pages(LETTER)).grey.astype(np.float32)
    behind = 235 - 0.4 * np.maximum(235 - cv2.GaussianBlur(front[:, ::-1], (0, 0), 1.5), 0)
    [document] = reader.read(np.vstack([front, behind]).astype(np.uint8))
    assert ratio(document.text, letter.text) > 95
    assert left_out(document.pages[0], SHOW_THROUGH) > len(letter.lines) / 2, "the page says what is missing"
    assert left_out(letter, SHOW_THROUGH) == 0


def account() -> NDArray[np.uint8]:
    """A page with a table of eight items and two numbers beside each."""
    page = np.full((1000, 900), 235, np.uint8)
    items = ("Soup", "Potatoes", "Bread", "Apples", "Honey and wax", "Salt", "Lamp oil", "Candles")
    for number, item in enumerate(items):
        for x, text in ((60, item), (450, str(7 * number + 4)), (720, str(9 * (number % 3) + 1))):
            cv2.putText(page, text, (x, 120 + 100 * number), cv2.FONT_HERSHEY_SCRIPT_COMPLEX, 1.6, 30, 3)
    return page


Readings = Callable[[Line], tuple[Line, float]]


@pytest.fixture
def read_as(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Callable[[Readings, Input], Page]:
    """Read a page whose lines have other readings and legibilities than the network gives."""

    def read(reading: Readings, source: Input) -> Page:
        def search(strips: Sequence[Strip], _: object) -> list[SimpleNamespace]:
            return [SimpleNamespace() for _ in strips]

        def choose(lines: Sequence[Line], _: object, found: Sequence[SimpleNamespace], *__: object) -> list[Line]:
            chosen = []
            for line, each in zip(lines, found, strict=True):
                read, each.legible = reading(line)
                chosen.append(read)
            return chosen

        monkeypatch.setattr(reader.lines, "search", search)
        monkeypatch.setattr(reader.lines, "choose", choose)
        monkeypatch.setattr(reader.lines, "legibilities", lambda images: [0.0] * len(images))
        monkeypatch.setattr(reader.lines, "legibility", lambda _: 0.0)
        [document] = reader.read(source)
        return document.pages[0]

    return read


def test_a_doubtful_digit_is_kept_in_a_column_of_sure_ones_and_dropped_elsewhere(
    read_as: Callable[[Readings, Input], Page],
) -> None:
    """Lone digits and ditto marks of a table read no surer than blots; their column says that they are writing."""

    def every_fourth(line: Line) -> tuple[Line, float]:
        return replace(line, text="7", confidence=0.1 if int(line.id[1:]) % 4 == 0 else 0.9), 0.9

    table, letter = read_as(every_fourth, account()), read_as(every_fourth, LETTER)
    assert sum(line.cell is not None for line in table.lines) >= 24
    assert left_out(table, NOISE) == 0
    assert left_out(letter, NOISE) > 3


def test_a_column_of_stars_is_no_writing(read_as: Callable[[Readings, Input], Page]) -> None:
    def unsure_left(line: Line) -> tuple[Line, float]:
        return replace(line, text="7", confidence=0.1 if line.baseline[0][0] < 300 else 0.9), 0.9

    table = read_as(unsure_left, account())
    assert left_out(table, NOISE) == 8
    assert all(line.baseline[0][0] > 300 for line in table.lines)


def test_words_that_only_the_language_model_sees_are_dropped_from_a_legible_page_only(
    read_as: Callable[[Readings, Input], Page], letter: Page
) -> None:
    """The language model makes words of dotted rules; a page in another script keeps all its lines."""

    def first_illegible(line: Line) -> tuple[Line, float]:
        return replace(line, text="personne ne", confidence=0.6), 0.1 if line.id == "l1" else 0.9

    read = read_as(first_illegible, LETTER)
    assert left_out(read, NOISE) == 1
    assert len(read.lines) == len(letter.lines) - 1
    another_script = read_as(lambda line: (replace(line, text="personne ne", confidence=0.6), 0.2), LETTER)
    assert len(another_script.lines) == len(letter.lines)


@pytest.mark.case
def test_a_word_that_fills_the_page_is_read_as_itself_or_not_at_all(reader: Reader) -> None:
    line = render_line("garden", find_fonts()[:1], np.random.default_rng(3))
    word = cv2.resize(line.image, (2000, round(2000 * line.image.shape[0] / line.image.shape[1])))
    page = cv2.copyMakeBorder(word, 200, 200, 200, 200, cv2.BORDER_REPLICATE)
    [document] = reader.read(page)
    assert document.text.strip().casefold() in ("", "garden")


@pytest.mark.case
def test_ink_as_bright_as_the_paper_is_read_by_its_colour(reader: Reader, letter: Page) -> None:
    ink = np.clip((235 - next(load_pages(LETTER)).grey.astype(np.float32)) / 150, 0, 1)[..., None]
    paper, pen = np.array([168, 24, 24]), np.array([40, 60, 200])
    [document] = reader.read(np.rint(paper + (pen - paper) * ink).astype(np.uint8))
    assert ratio(document.text, letter.text) > 90


@pytest.mark.case
@pytest.mark.parametrize("bad", [{1}, {0, 2}, {0, 1, 2}])
def test_bad_pages_are_named_and_the_others_read(reader: Reader, tmp_path: Path, bad: set[int]) -> None:
    path = tmp_path / "a.tif"
    images = [Image.new("L", (40 + number, 30), 255) for number in range(3)]
    images[0].save(path, save_all=True, append_images=images[1:], compression="tiff_lzw")
    content = bytearray(path.read_bytes())
    with Image.open(path) as tiff:
        for number in bad:
            tiff.seek(number)
            start = tiff.getexif()[STRIP_OFFSETS]
            content[start : start + 8] = b"\xff" * 8
    path.write_bytes(content)
    errors: list[InputError] = []
    documents = list(reader.read([path], on_error=lambda _, error: errors.append(error)))
    assert [page.index for document in documents for page in document.pages] == sorted({0, 1, 2} - bad)
    if len(bad) == 3:
        assert [str(error).startswith(f"{path}, page 1: ") for error in errors] == [True]
        assert not isinstance(errors[0], BadPageError)
    else:
        assert [type(error) for error in errors] == [BadPageError] * len(bad)
        assert [str(error).partition(": ")[0] for error in errors] == [f"{path}, page {n + 1}" for n in sorted(bad)]
    with pytest.raises(InputError):
        list(reader.read([path]))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, BytesIO, str, Path])
def test_one_input_need_not_be_a_list(reader: Reader, letter: Page, kind: Callable[[object], Input]) -> None:
    (document,) = reader.read(kind(str(LETTER) if kind in (str, Path) else LETTER.read_bytes()))
    assert document.text == letter.text


def test_several_inputs_can_be_one_document(letter: Page) -> None:
    document = inkread.read([LETTER, EXAMPLES / "notes.png"])
    assert [page.source for page in document.pages] == [str(LETTER), str(EXAMPLES / "notes.png")]
    assert document.pages[0] == letter


def test_a_bundle_that_is_replaced_is_read_with_from_then_on(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(Bundle.open().folder, tmp_path / "model"))
    first = inkread.read(LETTER, folder)
    model = Bundle.open(folder).model.model_copy(update={"version": "other"})
    (folder / "model.json").write_text(model.model_dump_json(), encoding="utf-8")
    second = inkread.read(LETTER, folder)
    assert first.provenance is not None
    assert second.provenance is not None
    assert second.provenance.model_version == "other" != first.provenance.model_version
    assert second.provenance.steps != first.provenance.steps, "they name the content of the bundle"


def test_the_old_way_to_load_says_what_to_write_now() -> None:
    with pytest.warns(DeprecationWarning, match=r"Reader\(\.\.\.\)"):
        assert Reader.load(threads=1, language_model=False).bundle == Bundle.open()
    with pytest.warns(DeprecationWarning, match=r"inkread\.Input"):
        assert inkread.Source is Input


def test_reading_is_lazy(reader: Reader) -> None:
    asked: list[Path] = []

    def endless() -> Iterator[Path]:
        while True:
            asked.append(LETTER)
            yield LETTER

    next(reader.read(endless()))
    assert len(asked) < 20


def test_a_bad_source_does_not_stop_the_others(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "cut.png").write_bytes(LETTER.read_bytes()[:5000])
    failed: dict[str, type[InputError]] = {}
    sources = [tmp_path / "cut.png", LETTER, tmp_path / "missing.png"]
    documents = list(
        reader.read(sources, on_error=lambda source, error: failed.update({Path(str(source)).name: type(error)}))
    )
    assert len(documents) == 1
    assert failed == {"cut.png": DamagedInputError, "missing.png": InputNotFoundError}


def test_without_a_handler_the_error_is_raised(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(InputNotFoundError):
        list(reader.read([tmp_path / "missing.png"]))


def test_given_lines_are_read_where_they_are_given(reader: Reader) -> None:
    truth = read_layout(EXAMPLES / "letter.xml")
    empty = replace(
        truth,
        regions=tuple(
            replace(region, lines=tuple(replace(line, text="") for line in region.lines)) for region in truth.regions
        ),
    )
    page = next(reader.read_pages(load_pages(LETTER), [empty]))
    assert [line.id for line in page.lines] == [line.id for line in truth.lines]
    assert [line.baseline for line in page.lines] == [line.baseline for line in truth.lines]
    assert sum(bool(line.text) for line in page.lines) > 0.8 * len(page.lines)


def test_lines_below_the_asked_confidence_are_flagged(letter: Page) -> None:
    strict = next(Reader(threads=1, min_confidence=1.0).read([LETTER])).pages[0]
    assert all(line.flagged for line in strict.lines)
    assert not any(line.flagged for line in letter.lines)


def test_an_empty_page_reads_as_no_text(reader: Reader) -> None:
    document = next(reader.read([Image.new("L", (800, 600), 250)]))
    assert document.text == ""
    assert len(document.pages) == 1


def line_of(letter: Page, number: int) -> Image.Image:
    """A line of the letter alone."""
    xs, ys = zip(*letter.lines[number].polygon, strict=True)
    with Image.open(LETTER) as image:
        return image.convert("L").crop((int(min(xs)) - 6, int(min(ys)) - 4, int(max(xs)) + 6, int(max(ys)) + 4))


def test_images_of_single_lines_are_read(reader: Reader, letter: Page) -> None:
    lines = reader.read_lines([line_of(letter, 0), line_of(letter, 1)])

    assert [line.text for line in lines] == [line.text for line in letter.lines[:2]]
    assert all(line.words and line.confidence for line in lines)


def test_a_pattern_says_what_may_stand_in_a_line(reader: Reader, letter: Page) -> None:
    field = reader.read_line(line_of(letter, 1), pattern=["My dear Marianne,", "My dear Margarete,", "Bristol"])
    date = reader.read_line(line_of(letter, 0), pattern=r"Bristol, \d{1,2}th of [A-Z][a-z]+ 19\d\d")
    nothing = reader.read_line(line_of(letter, 1), pattern=inkread.Pattern.named("iban"))

    assert field.value == "My dear Margarete,"
    assert field.free == letter.lines[1].text
    assert date.text == letter.lines[0].text
    assert (nothing.value, nothing.confidence) == (None, 0.0)
    with pytest.raises(PatternError, match="no \\("):
        reader.read_line(line_of(letter, 1), pattern="a)")


def test_a_fast_reader_reads_nearly_the_same_and_says_so(reader: Reader, letter: Page) -> None:
    fast = Reader(threads=1, fast=True)
    (document,) = fast.read([LETTER])
    settings = {step.name: step.settings for step in fast.provenance.steps}

    assert ratio(document.text, letter.text) > 95
    assert (settings["layout"]["side"], settings["layout"]["min_thickness"]) == (672, 7.5)
    assert settings["recognition"]["beam_width"] == 8
    assert fast.provenance != reader.provenance


def test_words_and_weight_are_recorded_and_need_the_language_model(letter: Page) -> None:
    informed = Reader(threads=1, words=["Margaret", "Bristol"], language_model_weight=0.25)
    (step,) = (step for step in informed.provenance.steps if step.name == "recognition")

    assert str(step.settings["words"]).startswith("2 ")
    usual = informed.bundle.model.decoding
    assert step.settings["language_model_weight"] == 0.25
    assert step.settings["length_bonus"] == pytest.approx(usual.length_bonus * 0.25 / usual.language_model_weight)
    assert [line.text for line in informed.read_lines([line_of(letter, 1)])] == [letter.lines[1].text]
    with pytest.raises(BundleError, match="need the language model"):
        Reader(threads=1, words=["Margaret"], language_model=False)


def test_the_language_can_be_named_for_a_reader_or_a_page(reader: Reader) -> None:
    german = Reader(threads=1, language="de")
    top = PageImage(next(load_pages(LETTER)).grey[:420])
    (step,) = (step for step in german.provenance.steps if step.name == "recognition")

    usual, named = reader.read_pages([top, top], languages=[None, "de"])

    assert step.settings["language"] == "de"
    assert list(german.read_pages([top])) == [named]
    assert usual != named, "confidences and alternatives differ at least"
    with pytest.raises(BundleError, match="the language ru cannot be named, only de, en, fr; leave it out"):
        Reader(threads=1, language="ru")
    with pytest.raises(BundleError, match="the language de cannot be named: "):
        Reader(threads=1, language="de", language_model=False)


def test_a_page_is_read_after_the_one_before_it_in_its_file(tmp_path: Path, reader: Reader) -> None:
    grey = next(load_pages(LETTER)).grey
    parts = [Image.fromarray(part) for part in (grey[:420], grey[1300:1600])]
    parts[0].save(tmp_path / "letter.tif", save_all=True, append_images=parts[1:])
    first, second = images = list(load_pages(tmp_path / "letter.tif"))
    alone = list(reader.read_pages(images))

    document, again = reader.read([tmp_path / "letter.tif"] * 2)

    assert again == document, "no page of another file is before its first one"
    assert document.pages[0] == alone[0]
    assert document.pages[1] != alone[1], "confidences and alternatives differ at least"
    assert document.provenance is not None
    assert [step.settings.get("page_before") for step in document.provenance.steps] == [None, True, None]
    assert document_of(alone[:1], reader.provenance).provenance == reader.provenance
    in_small_batches = Reader(threads=2, settings=ReaderSettings(chunk_pages=1))
    assert next(in_small_batches.read(tmp_path / "letter.tif")).pages == document.pages
    assert list(reader.read_pages([second], before=document.pages[0])) == [document.pages[1]]
    assert list(reader.read_pages(images, one_document=True)) == list(document.pages)
    after_one_that_failed = replace(second, index=2)
    _, page = reader.read_pages([first, after_one_that_failed], one_document=True)
    assert page == replace(alone[1], index=2)


def test_the_short_way_reads_a_page() -> None:
    assert len(inkread.read(LETTER).text) > 50


def test_few_pages_are_in_memory_at_a_time_and_none_when_all_are_read(reader: Reader) -> None:
    """A service that reads for weeks must not grow; `benchmarks/memory.py` measures it over 1,000 pages."""
    strip = next(load_pages(LETTER)).grey[180:240, :600]
    taken: list[weakref.ref[np.ndarray]] = []

    def in_memory() -> int:
        return sum(pixels() is not None for pixels in taken)

    def pages() -> Iterator[PageImage]:
        for _ in range(24):
            pixels = strip.copy()
            taken.append(weakref.ref(pixels))
            yield PageImage(pixels)

    assert max(in_memory() for _ in reader.read_pages(pages())) <= 12
    assert (len(taken), in_memory()) == (24, 0)


def test_real_pages_are_read(reader: Reader, shared_data: Path) -> None:
    image = sorted((shared_data / "copiste-fr" / "val").glob("*.webp"))[1]
    truth = read_layout(image.with_suffix(".xml"))
    page = next(reader.read([image])).pages[0]
    score = match_baselines(
        [line.baseline for line in truth.lines], [line.baseline for line in page.lines], page.height
    )
    assert score.recall > 0.9
    assert len(page.text) > 0.7 * len(truth.text)


def test_columns_and_marginal_notes_are_read_one_after_the_other(reader: Reader) -> None:
    truth = read_layout(EXAMPLES / "inventory.xml").text
    read = next(reader.read([EXAMPLES / "inventory.png"])).pages[0].text
    for column in ("Goods in the hall", "Goods upstairs", "In the yard"):
        assert column in read.splitlines()
    notes = ("checked", "3 May, T. A.")
    written = [line for line in truth.splitlines() if line not in notes]
    found = [max(written, key=lambda line: ratio(line, text)) for text in read.splitlines() if text not in notes]
    assert found == written


@pytest.mark.case
def test_a_page_read_at_a_lower_resolution_is_described_at_its_own() -> None:
    image = next(load_pages(EXAMPLES / "letter.png"))
    whole = Reader(threads=1, language_model=False)
    half = Reader(threads=1, language_model=False, limits=Limits(whole_pixels=image.width * image.height // 2))
    [full], [reduced] = (list(reader.read([EXAMPLES / "letter.png"])) for reader in (whole, half))
    page = reduced.pages[0]
    assert (page.width, page.height, page.flags) == (image.width, image.height, (REDUCED,))
    assert full.pages[0].flags == ()
    middle = [np.mean([y for _, y in line.baseline]) for line in page.lines]
    expected = [np.mean([y for _, y in line.baseline]) for line in full.lines]
    assert middle == pytest.approx(expected, abs=12)


@pytest.mark.case
def test_what_is_no_latin_writing_says_so(reader: Reader, letter: Page) -> None:
    """Scribbles of the height of writing are read as something; nobody should take that for text."""
    page = np.full((700, 1400), 250, np.uint8)
    along = np.arange(80, 1300)
    for top in range(120, 700, 160):
        wave = top + 25 * np.sin(along / 9 + top) * np.sin(along / 37) + 10 * np.sin(along / 5)
        cv2.polylines(page, [np.stack([along, wave], axis=1).astype(np.int32)], False, (30,), 4)
    [scribbles] = reader.read_pages([PageImage(page)])
    assert all(line.flags == (UNFAMILIAR,) for line in scribbles.lines)
    assert sum(bool(line.flags) for line in letter.lines) <= 1
