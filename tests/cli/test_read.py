"""``inkread read`` hands its options to the reader and its results to where they belong."""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from inkread import formats
from inkread.cli import app
from inkread.cli.read import FormatName
from inkread.document import Document, Line, Page, Provenance, Region
from inkread.errors import InputError
from inkread.formats import FORMATS, read_document
from inkread.io.inputs import Input, Limits, PageImage, count_pages, load_readable_pages
from inkread.reader import document_of
from inkread.recognition.word_list import WordList

STRIP_OFFSETS = 273
PAGE_XML = """<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageFilename="a.png" imageWidth="30" imageHeight="20"><TextRegion id="r"><Coords points="1,1 9,1 9,9 1,9"/>
<TextLine id="given"><Coords points="1,1 9,1 9,9 1,9"/><Baseline points="1,8 9,8"/></TextLine></TextRegion></Page>
</PcGts>"""


class SizeReader:
    """Reads of each page its size, and keeps what it was asked for."""

    loaded_with: ClassVar[dict[str, object]] = {}
    provenance = Provenance("inkread test")

    def __init__(self, model: str | None = None, **settings: object) -> None:
        type(self).loaded_with = {"model": model, **settings}

    def read(
        self,
        sources: Iterable[Input],
        *,
        on_error: Callable[[Input, InputError], None],
        on_page: Callable[[Page], None],
    ) -> Iterator[Document]:
        for source in sources:
            try:
                images = load_readable_pages(source, on_bad_page=partial(on_error, source))
                pages = tuple(self.read_pages(images, None))
            except InputError as error:
                on_error(source, error)
                continue
            for page in pages:
                on_page(page)
            yield Document(pages, self.provenance)

    def read_pages(
        self, pages: Iterable[PageImage], layouts: Iterable[Page | None] | None, **_: bool
    ) -> Iterator[Page]:
        given = iter(layouts or ())
        for image in pages:
            layout = next(given, None)
            name = layout.lines[0].id if layout else "found"
            text = f"{image.width}x{image.height}"
            box = ((1.0, 1.0), (9.0, 1.0), (9.0, 9.0), (1.0, 9.0))
            line = Line(name, ((1.0, 8.0), (9.0, 8.0)), box, text, 0.5, flagged=image.width > 30)
            yield Page(image.width, image.height, (Region("r", box, (line,)),), image.source, image.index)


@pytest.fixture(autouse=True)
def fake_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("inkread.reader")
    module.__dict__.update(Reader=SizeReader, document_of=document_of)
    monkeypatch.setitem(sys.modules, "inkread.reader", module)


def picture(path: Path, width: int = 30, pages: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [Image.fromarray(np.full((20, width), 255, np.uint8)) for _ in range(pages)]
    if pages > 1:
        images[0].save(path, save_all=True, append_images=images[1:])
    else:
        images[0].save(path)
    return path


def inkread(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["read", *map(str, arguments)])


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_folder_gives_a_text_file_for_each_image(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "b.tif", width=31, pages=2)
    result = inkread(tmp_path / "in", "-o", tmp_path / "out")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert files(tmp_path / "out") == ["a.txt", "b.txt"]
    assert (tmp_path / "out" / "b.txt").read_text() == "31x20\n\n31x20\n"


def test_text_on_stdout_has_an_empty_line_between_documents(tmp_path: Path) -> None:
    result = inkread(picture(tmp_path / "b.png", 31), picture(tmp_path / "a.png"))
    assert (result.exit_code, result.stdout) == (0, "31x20\n\n30x20\n")


def test_json_on_stdout_is_one_line_a_document(tmp_path: Path) -> None:
    result = inkread(picture(tmp_path / "a.png"), picture(tmp_path / "b.png"), "-f", "json")
    assert [line[0] + line[-1] for line in result.stdout.splitlines()] == ["{}", "{}"]


@pytest.mark.parametrize("name", ["alto", "page", "hocr"])
def test_other_formats_on_stdout_are_one_file(name: str, tmp_path: Path) -> None:
    one, other, many = picture(tmp_path / "a.png"), picture(tmp_path / "b.png"), picture(tmp_path / "c.tif", pages=2)
    assert "30x20" in inkread(one, "-f", name).stdout
    assert inkread(one, other, "-f", name).exit_code == 2
    assert (inkread(many, "-f", name).exit_code == 0) == (name == "hocr")


def test_several_formats_at_once(tmp_path: Path) -> None:
    chosen = [argument for name in FormatName for argument in ("-f", name)]
    assert inkread(picture(tmp_path / "a.png"), *chosen, "-o", tmp_path / "out").exit_code == 0
    assert files(tmp_path / "out") == sorted(f"a{kind.suffix}" for kind in FORMATS.values())


def test_every_format_can_be_chosen() -> None:
    assert set(FormatName) == set(FORMATS)


def test_a_bad_file_gives_one_line_and_does_not_stop_the_others(tmp_path: Path) -> None:
    bad, gone = tmp_path / "b.png", tmp_path / "gone.png"
    bad.write_text("no image")
    result = inkread(picture(tmp_path / "a.png"), bad, gone, picture(tmp_path / "c.png", 33))
    assert (result.exit_code, result.stdout) == (1, "30x20\n\n33x20\n")
    assert result.stderr.splitlines() == [
        f"inkread: {gone}: there is no such file or folder, check the name",
        f"inkread: {bad}: this is none of PNG, JPEG, WebP, TIFF and PDF, save it as one of them",
    ]


def test_a_result_belongs_to_its_file_whatever_fails_before_it(tmp_path: Path) -> None:
    for number in range(6):
        if number % 2:
            picture(tmp_path / "in" / f"{number}.png", 30 + number)
        else:
            (tmp_path / "in").mkdir(exist_ok=True)
            (tmp_path / "in" / f"{number}.png").write_bytes(b"bad")
    assert inkread(tmp_path / "in", "-o", tmp_path / "out").exit_code == 1
    texts = {path.stem: path.read_text().strip() for path in (tmp_path / "out").iterdir()}
    assert texts == {"1": "31x20", "3": "33x20", "5": "35x20"}


def test_options_reach_the_reader(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    inkread(path)
    nothing: dict[str, object] = dict.fromkeys(
        (
            "model",
            "threads",
            "language_model",
            "language_model_weight",
            "language",
            "words",
            "min_confidence",
            "max_cer",
        )
    )
    nothing["limits"] = Limits()
    nothing["fast"] = False
    assert SizeReader.loaded_with == nothing
    inkread(path, "--model", tmp_path, "--lm", "--min-confidence", "0.4", "--threads", "3", "--max-cer", "2%")
    loaded = {"model": str(tmp_path), "threads": 3, "language_model": True, "min_confidence": 0.4, "max_cer": 0.02}
    assert SizeReader.loaded_with == nothing | loaded
    (tmp_path / "names.txt").write_text("Quelimane\n")
    inkread(path, "--words", tmp_path / "names.txt", "--lm-weight", "0.3", "--fast", "--language", "de")
    words = SizeReader.loaded_with.pop("words")
    assert isinstance(words, WordList)
    assert words.words == ("Quelimane",)
    assert SizeReader.loaded_with["language_model_weight"] == 0.3
    assert SizeReader.loaded_with["fast"] is True
    assert SizeReader.loaded_with["language"] == "de"


def test_a_list_of_words_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    result = inkread(picture(tmp_path / "a.png"), "--words", tmp_path / "missing.txt")
    assert result.exit_code != 0
    assert "missing.txt: the list of words cannot be read" in f"{result.stderr}{result.exception}"


def test_confidences_are_shown_with_flagged_lines_marked(tmp_path: Path) -> None:
    result = inkread(picture(tmp_path / "a.png"), picture(tmp_path / "b.png", 31), "--show-confidence")
    assert result.stdout == "0.50\t30x20\n0.50?\t31x20\n"


def test_how_many_lines_fall_below_a_promised_rate_is_said(tmp_path: Path) -> None:
    result = inkread(picture(tmp_path / "a.png"), picture(tmp_path / "b.png", 31), "--max-cer", "0.02")
    assert "1 of 2 lines are flagged" in result.stderr
    assert "2.0%" in result.stderr


def test_given_lines_are_taken_from_the_file_beside_the_image(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "b.png")
    (tmp_path / "in" / "a.xml").write_text(PAGE_XML)
    result = inkread(tmp_path / "in", "--lines", "given", "-f", "json", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"inkread: {tmp_path / 'in' / 'b.png'}: no PAGE or ALTO file stands beside it, add one or use --lines detect"
    ]
    document = read_document(tmp_path / "out" / "a.json")
    assert [line.id for line in document.lines] == ["given"]
    assert document.provenance == replace(SizeReader.provenance)


def draw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("inkread.layout.debug")
    module.__dict__["draw"] = lambda image, page: np.full((page.height, image.width, 3), page.index, np.uint8)
    monkeypatch.setitem(sys.modules, "inkread.layout.debug", module)


def test_debug_images_show_every_page_beside_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_nothing(monkeypatch)
    one, many = picture(tmp_path / "a.png"), picture(tmp_path / "b.tif", pages=2)
    assert inkread(one, many, "--debug-image", tmp_path / "drawn").stdout == "30x20\n\n30x20\n\n30x20\n"
    assert files(tmp_path / "drawn") == ["a.png", "b_0001.png", "b_0002.png"]
    assert np.asarray(Image.open(tmp_path / "drawn" / "b_0002.png")).max() == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.png", "-f", "docx"],
        ["a.png", "-f", "txt", "-f", "json"],
        ["a.png", "-f", "pdf"],
        ["a.png", "--threads", "0"],
        ["a.png", "--min-confidence", "2"],
        ["a.png", "--max-cer", "few"],
        ["a.png", "--max-cer", "120%"],
        ["a.png", "--show-confidence", "-o", "out"],
        ["a.png", "--show-confidence", "-f", "json"],
        ["a.png", "--lines", "guess"],
        ["a.png", "--no-such-option"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert inkread(*arguments).exit_code == 2


def test_a_searchable_pdf_never_replaces_the_scan_it_is_made_from(tmp_path: Path) -> None:
    scan = picture(tmp_path / "a.pdf")
    before = scan.read_bytes()
    result = inkread(scan, "-f", "pdf", "-o", tmp_path)
    assert result.exit_code != 0
    assert "would replace its input" in result.stderr
    assert scan.read_bytes() == before


@pytest.mark.case
def test_given_lines_are_scaled_to_an_image_of_another_resolution_only(tmp_path: Path) -> None:
    sizes = {"same": (30, 20), "scaled": (60, 40), "turned": (20, 30)}
    for name, size in sizes.items():
        Image.new("L", size, 255).save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.xml").write_text(PAGE_XML)
    result = inkread(tmp_path, "--lines", "given", "-f", "json", "-o", tmp_path / "out")
    assert result.exit_code == 1
    [line] = result.stderr.splitlines()
    assert line.startswith(f"inkread: {tmp_path / 'turned.xml'}: it describes a page of 30 x 20 pixels")
    assert files(tmp_path / "out") == ["same.json", "scaled.json"]


@pytest.mark.case
def test_pages_of_one_file_never_replace_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_nothing(monkeypatch)
    picture(tmp_path / "in" / "a.tif", pages=3)
    picture(tmp_path / "in" / "a_0001.png", 31)
    drawn = tmp_path / "drawn"
    assert inkread(tmp_path / "in", "-f", "alto", "-o", tmp_path / "out", "--debug-image", drawn).exit_code == 0
    written = ["a.tif_0001", "a.tif_0002", "a.tif_0003", "a_0001.png"]
    assert files(tmp_path / "out") == [f"{name}.alto.xml" for name in written]
    assert files(drawn) == [f"{name}.png" for name in written]


@pytest.mark.case
@pytest.mark.parametrize("suffix", [".tif", ".pdf"])
def test_one_bad_page_costs_no_other(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_nothing(monkeypatch)
    pages = [Image.fromarray(np.full((200, 300 + number), number, np.uint8)) for number in range(3)]
    path, other = tmp_path / f"a{suffix}", picture(tmp_path / "b.png")
    options = {"compression": "jpeg"} if suffix == ".tif" else {}
    pages[0].save(path, save_all=True, append_images=pages[1:], **options)
    data = path.read_bytes()
    if suffix == ".pdf":
        start = data.index(b"\xff\xd8", data.index(b"\xff\xd9"))
    else:
        with Image.open(path) as tiff:
            tiff.seek(1)
            start = tiff.getexif()[STRIP_OFFSETS]
    path.write_bytes(data[:start] + bytes(300) + data[start + 300 :])
    chosen = [argument for name in FormatName for argument in ("-f", name)]
    result = inkread(path, other, *chosen, "-o", tmp_path / "out", "--debug-image", tmp_path / "drawn")
    [line] = result.stderr.splitlines()
    assert line.startswith(f"inkread: {path}, page 2: ")
    assert result.exit_code == 1
    assert (tmp_path / "out" / "b.txt").exists()
    assert len((tmp_path / "out" / "a.txt").read_text().split()) == 2
    assert [page.index for page in read_document(tmp_path / "out" / "a.json").pages] == [0, 2]
    assert [name for name in files(tmp_path / "out") if "_" in name] == [
        f"a_000{number}.{name}.xml" for number in (1, 3) for name in ("alto", "page")
    ]
    assert count_pages(tmp_path / "out" / "a.pdf") == (3 if suffix == ".pdf" else 2)  # a PDF keeps its pages
    assert files(tmp_path / "drawn") == ["a_0001.png", "a_0003.png", "b.png"]


@pytest.mark.case
@pytest.mark.parametrize("out", ["in", "in/out"])
def test_a_second_run_leaves_the_results_of_the_first_alone(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_nothing(monkeypatch)
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "b.tif", pages=10)
    picture(tmp_path / "in" / "c.pdf")
    options = ["-f", "pdf", "-f", "txt", "-o", tmp_path / "in" / "out", "--debug-image", tmp_path / "in" / "drawn"]
    if out == "in":
        (tmp_path / "in" / "c.pdf").unlink()
        options[5] = tmp_path / "in"
    first = inkread(tmp_path / "in", *options)
    written = files(tmp_path)
    second = inkread(tmp_path / "in", *options)
    assert (first.exit_code, second.exit_code, second.stderr) == (0, 0, "")
    assert files(tmp_path) == written


@pytest.mark.case
def test_what_would_replace_an_input_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_nothing(monkeypatch)
    scan, other = picture(tmp_path / "a.pdf"), picture(tmp_path / "b.png")
    before = scan.read_bytes(), other.read_bytes()
    result = inkread(tmp_path, "-f", "pdf", "-o", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"inkread: {scan}: the result would replace its input")
    assert files(tmp_path) == ["a.pdf", "b.pdf", "b.png"]
    assert inkread(other, "--debug-image", tmp_path).stdout == ""
    assert (scan.read_bytes(), other.read_bytes()) == before


@pytest.mark.case
def test_whatever_fails_in_writing_one_file_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [picture(tmp_path / name) for name in ("a.png", "b.png", "c.png")]
    (tmp_path / "out" / "a.json").mkdir(parents=True)

    def save(document: Document, *arguments: Any) -> list[Path]:
        if Path(document.pages[0].source).name == "b.png":
            raise RuntimeError("out of ink")
        return formats.save(document, *arguments)

    monkeypatch.setattr("inkread.cli.results.save", save)
    result = inkread(*paths, "-f", "json", "-f", "txt", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert files(tmp_path / "out") == ["a.txt", "c.json", "c.txt"]
    held, *failed = result.stderr.splitlines()
    assert held.startswith(f"inkread: {paths[0]}: {tmp_path / 'out' / 'a.json'}: cannot be written")
    assert failed == [f"inkread: {paths[1]}: the result cannot be written (RuntimeError: out of ink)"] * 2


@pytest.mark.case
@pytest.mark.parametrize("name", FormatName)
def test_standard_input_is_read_and_written_in_every_format(name: str, tmp_path: Path) -> None:
    content = picture(tmp_path / "a.png").read_bytes()
    options = ["read", "-", "-f", name, "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, options, input=content)
    assert (result.exit_code, result.stderr) == (0, "")
    assert files(tmp_path / "out") == [f"stdin{FORMATS[name].suffix}"]
    if name not in (FormatName.TXT, FormatName.PDF):
        text = (tmp_path / "out" / f"stdin{FORMATS[name].suffix}").read_text(encoding="utf-8")
        assert gettempdir() not in text


@pytest.mark.case
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_read_once_beside_other_files(tmp_path: Path) -> None:
    pipe, other = tmp_path / "pipe", picture(tmp_path / "b.png", 31)
    content = picture(tmp_path / "a.png").read_bytes()
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    result = inkread(pipe, other, "-f", "txt", "-f", "pdf", "-o", tmp_path / "out")
    writer.join()
    assert (result.exit_code, result.stderr) == (0, "")
    assert files(tmp_path / "out") == ["b.pdf", "b.txt", "pipe.pdf", "pipe.txt"]


@pytest.mark.case
def test_what_is_wrong_with_standard_input_is_said_under_its_name(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["read", "-"], input=b"no image")
    assert result.exit_code == 1
    assert result.stderr.startswith("inkread: -: this is none of PNG")
    result = CliRunner().invoke(app, ["read", "-", str(picture(tmp_path / "a.png"))], input=b"")
    assert (result.exit_code, result.stdout) == (1, "30x20\n")
    assert result.stderr == "inkread: -: the file is empty, copy or scan it again\n"


def given(*lines: str, size: tuple[int, int] = (30, 20)) -> str:
    return (
        f'<PcGts><Page imageWidth="{size[0]}" imageHeight="{size[1]}"><TextRegion id="r">'
        '<Coords points="1,1 9,1 9,9 1,9"/>' + "".join(lines) + "</TextRegion></Page></PcGts>"
    )


GOOD_LINE = '<TextLine id="given"><Coords points="1,1 9,1 9,9 1,9"/><Baseline points="1,8 9,8"/></TextLine>'


@pytest.mark.case
def test_given_lines_that_cannot_be_used_are_named_and_the_others_read(tmp_path: Path) -> None:
    picture(tmp_path / "p.png")
    bad = '<TextLine id="bad"><Coords points="1,1 9"/></TextLine>'
    (tmp_path / "p.xml").write_text(given(GOOD_LINE, bad))
    result = inkread(tmp_path, "--lines", "given", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"inkread: {tmp_path / 'p.xml'}: its line bad cannot be used")
    assert (tmp_path / "out" / "p.txt").read_text() == "30x20\n"


@pytest.mark.case
def test_a_file_without_lines_gives_no_empty_result(tmp_path: Path) -> None:
    picture(tmp_path / "p.png")
    (tmp_path / "p.xml").write_text(given())
    result = inkread(tmp_path, "--lines", "given", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "p.xml: there is no line in it" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.case
def test_the_lines_of_a_workspace_of_ocr_d_are_found(tmp_path: Path) -> None:
    picture(tmp_path / "OCR-D-IMG" / "IMG_1.png")
    (tmp_path / "OCR-D-GT").mkdir()
    (tmp_path / "OCR-D-GT" / "GT_1.xml").write_text(PAGE_XML.replace("a.png", "OCR-D-IMG/IMG_1.png"))
    result = inkread(tmp_path, "--lines", "given", "-f", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert '"id":"given"' in result.stdout


@pytest.mark.case
@pytest.mark.parametrize("bad", [0, 1])
def test_given_lines_lose_no_document_with_a_bad_page(bad: int, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    pages = [Image.fromarray(np.full((200, 300), number, np.uint8)) for number in range(3)]
    pages[0].save(path, save_all=True, append_images=pages[1:], compression="jpeg")
    with Image.open(path) as tiff:
        tiff.seek(bad)
        start = tiff.getexif()[STRIP_OFFSETS]
    data = path.read_bytes()
    path.write_bytes(data[:start] + bytes(300) + data[start + 300 :])
    (tmp_path / "a.xml").write_text(PAGE_XML)
    result = inkread(path, "--lines", "given", "-f", "json", "-o", tmp_path / "out")
    assert result.exit_code == 1
    [line] = result.stderr.splitlines()
    assert line.startswith(f"inkread: {path}, page {bad + 1}: ")
    read = read_document(tmp_path / "out" / "a.json").pages
    assert [(page.index, page.lines[0].id) for page in read] == [
        (index, "given" if index == 0 else "found") for index in range(3) if index != bad
    ]


@pytest.mark.case
def test_the_limit_of_the_resolution_is_handed_to_the_reader(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    assert inkread(path, "--max-megapixels", "12.5").exit_code == 0
    assert SizeReader.loaded_with["limits"] == Limits(whole_pixels=12_500_000)
    assert inkread(path, "--max-megapixels", "0").exit_code == 2


@pytest.mark.case
def test_pages_unlike_what_was_learnt_are_named_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strange = {"c.png", *(f"x{number}.png" for number in range(6))}

    def flagged(_: SizeReader, pages: Iterable[PageImage], _layouts: object) -> Iterator[Page]:
        for image in pages:
            flags = ("unfamiliar",) if Path(image.source).name in strange else ()
            line = Line("l", ((1.0, 8.0), (9.0, 8.0)), (), "text", 0.5, flags=flags)
            yield Page(image.width, image.height, (Region("r", (), (line,)),), image.source, image.index)

    monkeypatch.setattr(SizeReader, "read_pages", flagged)
    result = inkread(picture(tmp_path / "a.png"), picture(tmp_path / "c.png"))
    assert (result.exit_code, result.stdout) == (0, "text\n\ntext\n")
    [line] = result.stderr.splitlines()
    assert line.startswith("lines unlike what the model has learnt, flagged as unfamiliar")
    assert line.endswith(f": {tmp_path / 'c.png'}, page 1")
    for name in strange:
        picture(tmp_path / name)
    assert inkread(tmp_path).stderr.endswith("x3.png, page 1 and 2 more pages\n")


def test_lines_of_the_other_side_are_told_and_specks_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flagged(_: SizeReader, pages: Iterable[PageImage], _layouts: object) -> Iterator[Page]:
        for image in pages:
            flags = ("show-through 3", "noise 2") if Path(image.source).name == "a.png" else ("noise 4",)
            yield Page(image.width, image.height, (), image.source, image.index, flags=flags)

    monkeypatch.setattr(SizeReader, "read_pages", flagged)
    result = inkread(picture(tmp_path / "a.png"), picture(tmp_path / "b.png"))
    assert result.stderr == f"lines of the other side of the paper, left out: {tmp_path / 'a.png'}, page 1 (3)\n"


def test_a_page_that_was_captured_badly_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flagged(_: SizeReader, pages: Iterable[PageImage], _layouts: object) -> Iterator[Page]:
        for image in pages:
            yield Page(image.width, image.height, (), image.source, image.index, flags=("blurred", "dark"))

    monkeypatch.setattr(SizeReader, "read_pages", flagged)
    path = picture(tmp_path / "a.png")
    [line] = inkread(path).stderr.splitlines()
    assert line == (
        f"{path}, page 1: the picture is blurred, take it again in focus and dark, take it again with more light"
    )
