"""Files from strangers, changed at random: an answer or one sentence, nothing outside the folder, no traceback."""

import csv
import io
import json as standard_json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inkread.data.dataset import Skipped
from inkread.data.sources import page_samples, pair_samples, table_samples
from inkread.document import Document, Line, Page, Region, Word
from inkread.errors import DatasetError, InkreadError, LayoutFileError
from inkread.formats import alto, json, page
from inkread.formats.pairing import find_pairs
from inkread.formats.reading import read_document
from inkread.io.archives import ArchiveLimits, unpack
from inkread.io.inputs import load_readable_pages

pytestmark = pytest.mark.case
BOX = ((1.0, 1.0), (90.0, 1.0), (90.0, 20.0), (1.0, 20.0))
LINE = Line("l1", ((1.0, 15.0), (90.0, 15.0)), BOX, "two words", 0.5, (Word("two", BOX, 0.4), Word("words", BOX)))
PAGE = Page(100, 50, (Region("r1", BOX, (LINE, LINE)),), "a.png")
FAST = settings(max_examples=60, deadline=None)

Change = Callable[[bytes], bytes]


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """What a bad disk, transfer or editor does: bytes changed, cut out, doubled, or the end lost."""
    contents = st.binary(min_size=1, max_size=8) | st.sampled_from([b"-1", b"0", b"1e999", b"NaN", b"9" * 30, b"1.5"])
    edits = draw(st.lists(st.tuples(st.sampled_from("xdci"), st.floats(0, 1), contents), max_size=4))
    cut = draw(st.none() | st.floats(0, 1))

    def change(data: bytes) -> bytes:
        for kind, share, content in edits:
            place = int(share * len(data))
            match kind:
                case "x":
                    data = data[:place] + content + data[place + len(content) :]
                case "d":
                    data = data[:place] + data[place + 4 * len(content) :]
                case "c":
                    data = data[:place] + data[place // 2 : place] + data[place:]
                case _:
                    data = data[:place] + content + data[place:]
        return data if cut is None else data[: int(cut * len(data))]

    return change


def within(folder: Path) -> bool:
    """Nothing beside the folder of a test."""
    return [path.name for path in folder.parent.iterdir()] == [folder.name]


def documents() -> dict[str, bytes]:
    document = Document((PAGE,))
    return {"a.page.xml": page.dump(PAGE), "a.alto.xml": alto.dump(PAGE), "a.json": json.dump(document)}


@FAST
@given(name=st.sampled_from(sorted(documents())), change=changes())
def test_layout_files(name: str, change: Change) -> None:
    with TemporaryDirectory() as place:
        path = Path(place, name)
        path.write_bytes(change(documents()[name]))
        try:
            read = read_document(path, on_skip=lambda _: None)
        except LayoutFileError as error:
            assert "\n" not in str(error)
            return
        for each in (one for one in read.pages if one.lines):
            again = Path(place, "again.xml")
            for dump in (page.dump, alto.dump):
                again.write_bytes(dump(each))
                assert [line.text for line in read_document(again).pages[0].lines] == [
                    " ".join(line.text.split()) for line in each.lines
                ]


@FAST
@given(change=changes(), kind=st.sampled_from(["csv", "tsv", "jsonl", "gt.txt"]))
def test_tables_and_pairs(change: Change, kind: str) -> None:
    rows = [{"image": f"{number}.png", "text": 'a "quoted"; text', "split": "train"} for number in range(3)]
    stream = io.StringIO()
    if kind == "jsonl":
        stream.writelines(standard_json.dumps(row) + "\n" for row in rows)
    else:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter={"tsv": "\t"}.get(kind, ";"))
        writer.writeheader()
        writer.writerows(rows)
    with TemporaryDirectory() as place:
        folder = Path(place, "source")
        folder.mkdir()
        (folder / f"0.{kind}").write_bytes(change(stream.getvalue().encode()))
        Image.new("L", (9, 9)).save(folder / "0.png")
        skipped = Skipped()
        try:
            samples = list(pair_samples(folder, skipped) if kind == "gt.txt" else table_samples(folder, skipped))
        except DatasetError as error:
            assert "source" in str(error)
            return
        assert all((folder / sample.image).resolve().is_relative_to(folder.resolve()) for sample in samples)


@FAST
@given(name=st.text(max_size=30), change=changes())
def test_names_of_images_inside_layouts(name: str, change: Change) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place, "source")
        folder.mkdir()
        Image.new("L", (100, 50)).save(folder / "p.png")
        named = Page(100, 50, PAGE.regions, name)
        (folder / "x.xml").write_bytes(change(page.dump(named)))
        (folder / "mets.xml").write_bytes(change(METS))
        for image, layout in find_pairs(folder).pages:
            assert {image.parent, layout.parent} == {folder}
        list(page_samples(folder, Skipped()))


METS = (
    b'<mets xmlns:xlink="http://www.w3.org/1999/xlink"><file ID="i"><FLocat xlink:href="../p.png"/></file>'
    b'<file ID="x"><FLocat xlink:href="x.xml"/></file><div><fptr FILEID="i"/><fptr FILEID="x"/></div></mets>'
)


def archive(kind: str) -> bytes:
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("a/p.xml", b"<alto/>" * 20)
            packed.writestr("inner.zip", b"no archive")
    else:
        with tarfile.open(fileobj=stream, mode="w:gz" if kind == "tgz" else "w") as packed_tar:
            info = tarfile.TarInfo("a/p.xml")
            info.size = 140
            packed_tar.addfile(info, io.BytesIO(b"<alto/>" * 20))
    return stream.getvalue()


@FAST
@given(kind=st.sampled_from(["zip", "tar", "tgz"]), change=changes())
def test_archives(kind: str, change: Change) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place, "source")
        folder.mkdir()
        packed = folder / f"a.{kind}"
        packed.write_bytes(change(archive(kind)))
        try:
            unpack(packed, folder / "out", ArchiveLimits(max_bytes=2**20))
        except DatasetError as error:
            assert "a." in str(error) or "inner" in str(error)
        assert within(folder)


def pictures() -> dict[str, bytes]:
    found = {}
    for kind in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "PPM", "JPEG2000", "AVIF", "PDF"):
        stream = io.BytesIO()
        Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(stream, kind)
        found[kind] = stream.getvalue()
    return found


PICTURES = pictures()


@FAST
@given(kind=st.sampled_from(sorted(PICTURES)), change=changes())
def test_pictures(kind: str, change: Change) -> None:
    try:
        pages = list(load_readable_pages(change(PICTURES[kind])))
    except InkreadError as error:
        assert "\n" not in str(error)
        return
    assert all(one.width and one.height for one in pages)
