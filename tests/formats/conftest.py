"""Documents to write, schemas to validate against, files to compare with."""

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePath

import numpy as np
import pytest
from hypothesis import strategies as st
from lxml import etree

from inkread.document import (
    Alternative,
    Cell,
    Character,
    Document,
    Insertion,
    Line,
    Page,
    Polygon,
    Provenance,
    Region,
    Setting,
    Step,
    Word,
)
from inkread.formats.xml import Ids, normalise, xml_safe
from inkread.io.images import PageImage

HERE = Path(__file__).parent
WIDTH, HEIGHT = 600, 400


def box(left: float, top: float, right: float, bottom: float) -> Polygon:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def word(text: str, left: int, top: int, confidence: float) -> Word:
    characters = tuple(
        Character(char, box(left + 20 * index, top, left + 20 * index + 18, top + 40), round(confidence + 0.01, 4))
        for index, char in enumerate(text)
    )
    return Word(text, box(left, top, left + 20 * len(text), top + 40), confidence, characters)


SAMPLE = Document(
    (
        Page(
            width=WIDTH,
            height=HEIGHT,
            regions=(
                Region(
                    id="body",
                    polygon=box(20, 10, 500, 120),
                    lines=(
                        Line(
                            id="body_1",
                            baseline=((30, 50), (200, 52), (400, 60)),
                            polygon=((30, 15), (400, 22), (400, 70), (30, 60)),
                            text="Zoé & <Élan>",
                            confidence=0.9375,
                            words=(word("Zoé", 30, 15, 0.97), word("&", 110, 16, 0.5), word("<Élan>", 150, 18, 0.8)),
                            alternatives=(Alternative("Zoe & <Élan>", 0.03), Alternative("Zoé et <Élan>", 0.01)),
                        ),
                        Line(
                            id="body_2",
                            baseline=((30, 110), (400, 110)),
                            polygon=box(30, 75, 400, 118),
                            text="a line without words",
                            confidence=0.25,
                            flagged=True,
                            flags=("unfamiliar",),
                            insertion=Insertion("body_1", 6),
                        ),
                    ),
                ),
                Region(
                    id="margin",
                    polygon=box(510, 20, 560, 380),
                    lines=(
                        Line(
                            id="margin_1",
                            baseline=((550, 380), (550, 30)),
                            polygon=box(515, 30, 558, 380),
                            text="upwards",
                            words=(Word("upwards", box(515, 60, 558, 360), 0.75),),
                        ),
                    ),
                    kind="marginalia",
                ),
                Region(
                    id="sums",
                    polygon=box(20, 130, 500, 220),
                    lines=tuple(
                        Line(
                            id=f"sums_{number}",
                            baseline=((30 + 200 * column, top + 30), (150 + 200 * column, top + 30)),
                            polygon=box(30 + 200 * column, top, 150 + 200 * column, top + 38),
                            text=text,
                            cell=Cell(row, column, 2 if text == "Tea" else 1),
                        )
                        for number, (text, row, column, top) in enumerate(
                            [("Coal", 0, 0, 130), ("and wood", 0, 0, 150), ("3 10", 0, 2, 130), ("Tea", 1, 0, 180)]
                        )
                    ),
                    kind="table",
                ),
            ),
            source="letter.png",
            index=2,
            dpi=150.0,
        ),
    ),
    Provenance(
        "inkread 0.1.0",
        "latin",
        "3",
        (Step("layout", {"size": 960, "threshold": 0.3}), Step("decode", {"beam": None, "lm": True, "kind": "ctc"})),
    ),
)


@pytest.fixture(scope="session")
def sample() -> Document:
    """A page with everything a document can hold."""
    return SAMPLE


@pytest.fixture(scope="session")
def scan() -> PageImage:
    """A picture for the sample's page: grey slopes, with a dark bar where each word stands."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    pixels = (160 + 60 * rows / HEIGHT + 30 * columns / WIDTH).astype(np.uint8)
    for line in SAMPLE.pages[0].lines:
        for item in line.words:
            (left, top), _, (right, bottom), _ = item.polygon
            pixels[int(top) : int(bottom), int(left) : int(right)] = 60
    return PageImage(pixels, "letter.png", 2, 150.0)


@pytest.fixture(scope="session")
def created() -> datetime:
    """The time in golden files."""
    return datetime(2024, 2, 29, 12, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def check_golden(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bytes], None]:
    """Compare bytes with a file in ``golden``; where they differ on purpose, copy the file the message names."""

    def check(name: str, data: bytes) -> None:
        expected = HERE / "golden" / name
        if not expected.is_file() or expected.read_bytes() != data:
            written = tmp_path_factory.mktemp("golden") / name
            written.write_bytes(data)
            pytest.fail(f"files of users look different now: diff {written} {expected}")

    return check


def _schema(name: str) -> etree.XMLSchema:
    tree = etree.parse(HERE / "schemas" / name)
    for element in tree.iter("{*}import"):
        element.set("schemaLocation", str(HERE / "schemas" / Path(element.get("schemaLocation", "")).name))
    return etree.XMLSchema(tree)


@pytest.fixture(scope="session")
def alto_schema() -> etree.XMLSchema:
    """The official ALTO 4.4."""
    return _schema("alto-4-4.xsd")


@pytest.fixture(scope="session")
def page_schema() -> etree.XMLSchema:
    """The official PAGE 2019-07-15."""
    return _schema("pagecontent-2019-07-15.xsd")


def _documents() -> st.SearchStrategy[Document]:
    """Documents of one page, in whole pixels and four decimals, with any text that Unicode allows."""
    any_text = st.text(st.characters(), max_size=12)
    texts = any_text.map(lambda text: " ".join(unicodedata.normalize("NFC", text).split()))
    points = st.tuples(st.integers(0, WIDTH).map(float), st.integers(0, HEIGHT).map(float))
    polygons = st.lists(points, min_size=3, max_size=6).map(tuple)
    confidences = st.none() | st.integers(0, 10_000).map(lambda value: value / 10_000)
    values: st.SearchStrategy[Setting] = st.none() | st.booleans() | st.integers() | any_text
    settings = st.dictionaries(st.text("abc_", min_size=1), values)

    @st.composite
    def words(draw: st.DrawFn, text: str) -> tuple[Word, ...]:
        return tuple(
            Word(
                part,
                draw(polygons),
                draw(confidences),
                tuple(Character(char, draw(polygons), draw(confidences)) for char in part)
                if draw(st.booleans())
                else (),
            )
            for part in text.split()
        )

    @st.composite
    def lines(draw: st.DrawFn) -> Line:
        text = draw(texts)
        return Line(
            id=draw(st.text(max_size=5)),
            baseline=draw(st.lists(points, min_size=2, max_size=4).map(tuple)),
            polygon=draw(polygons),
            text=text,
            confidence=draw(confidences),
            words=draw(words(text)) if draw(st.booleans()) else (),
            alternatives=tuple(
                Alternative(draw(texts), confidence)
                for confidence in draw(st.lists(confidences, max_size=2))
                if confidence is not None
            ),
            flagged=draw(st.booleans()),
            flags=tuple(draw(st.lists(st.sampled_from(["unfamiliar", "show-through", "faint"]), unique=True))),
        )

    many_lines = st.lists(lines(), max_size=3).map(tuple)
    kinds = st.sampled_from(["text", "marginalia", "MainZone", "other", "table"])
    cells = st.none() | st.builds(Cell, st.integers(0, 9), st.integers(0, 9), st.integers(1, 4))
    in_cells = st.builds(lambda line, cell: replace(line, cell=cell), lines(), cells)
    regions = st.builds(Region, id=st.text(max_size=5), polygon=polygons, lines=many_lines, kind=kinds) | st.builds(
        Region,
        id=st.text(max_size=5),
        polygon=polygons,
        lines=st.lists(in_cells, min_size=1, max_size=3).map(tuple),
        kind=st.just("table"),
    )
    pages = st.builds(
        Page,
        width=st.just(WIDTH),
        height=st.just(HEIGHT),
        regions=st.lists(regions, max_size=3).map(tuple),
        source=st.sampled_from(["", "a.png", "ä & <b>.tif"]),
        index=st.integers(0, 9),
        orientation=st.sampled_from([0, 90, 180, 270]),
        dpi=st.none() | st.sampled_from([72.0, 299.5]),
    )
    steps = st.lists(st.builds(Step, any_text, settings), max_size=2).map(tuple)
    provenances = st.none() | st.builds(Provenance, any_text, st.text("abc", min_size=1), any_text, steps)
    return st.builds(Document, st.tuples(pages), provenances)


@pytest.fixture(scope="session")
def documents() -> st.SearchStrategy[Document]:
    """Any document of one page; see ``_documents``."""
    return _documents()


@pytest.fixture(scope="session")
def carried_by_xml() -> Callable[[Document], Document]:
    """What XML can say of a document whose coordinates are whole pixels on the page: fit identifiers and text."""

    def carried(document: Document) -> Document:
        ids = Ids()
        (page,) = document.pages
        region_ids = [ids.take(region.id) for region in page.regions]
        regions = tuple(
            replace(region, id=name, lines=tuple(_carried_line(line, ids) for line in region.lines))
            for region, name in zip(page.regions, region_ids, strict=True)
        )
        page = replace(page, regions=regions, source=PurePath(page.source).name)
        return Document((page,), _carried_provenance(document.provenance))

    return carried


def _carried_line(line: Line, ids: Ids) -> Line:
    return replace(
        line,
        id=ids.take(line.id),
        text=normalise(xml_safe(line.text)),
        words=tuple(_carried_word(item) for item in line.words),
        alternatives=tuple(Alternative(xml_safe(other.text), other.confidence) for other in line.alternatives),
    )


def _carried_word(item: Word) -> Word:
    characters = tuple(replace(character, text=xml_safe(character.text)) for character in item.characters)
    return replace(item, text=xml_safe(item.text), characters=characters)


def _carried_provenance(provenance: Provenance | None) -> Provenance | None:
    if provenance is None:
        return None
    steps = tuple(replace(step, name=xml_safe(step.name)) for step in provenance.steps)
    software, version = xml_safe(provenance.software), xml_safe(provenance.model_version)
    return Provenance(software, provenance.model_name, version, steps)
