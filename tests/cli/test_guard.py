"""A page that takes more than its bounds is given up, named, and costs no other page; nobody waits for it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from inkread.cli import app
from inkread.cli.guard import read_guarded
from inkread.cli.read import PAGE_BOUNDS, page_bounds
from inkread.document import Document, Page, Provenance, Region
from inkread.errors import BadPageError, DamagedInputError, InkreadError, InputTooLargeError
from inkread.io.images import DEFAULT_LIMITS, PageImage
from inkread.io.inputs import Input
from inkread.worker_process import Bounds
from tests.server.test_workers import linux_only, operators_pdf

WHITE, GREY, BLACK = 255, 128, 0
PAGE_XML = """<PcGts><Page imageWidth="30" imageHeight="20"><TextRegion id="r"><Coords points="1,1 9,1 9,9 1,9"/>
<TextLine id="given"><Coords points="1,1 9,1 9,9 1,9"/><Baseline points="1,8 9,8"/></TextLine>
<TextLine id="bad"><Coords points="1,1 9"/></TextLine></TextRegion></Page></PcGts>"""


class ColourReader:
    """Needs for ever for a black page, fails on a grey one, and gives a page with the lines that were given.

    The resolution of a page says which page was before it.
    """

    provenance = Provenance("inkread test")

    def read_pages(
        self, pages: Iterable[PageImage], layouts: Iterable[Page | None], *, before: Page | None
    ) -> Iterator[Page]:
        for image, layout in zip(pages, layouts, strict=True):
            while image.grey.max() == BLACK:
                pass
            if image.grey.max() == GREY:
                raise KeyError("grey")
            regions: tuple[Region, ...] = layout.regions if layout else ()
            dpi = None if before is None else float(before.index)
            yield Page(image.width, image.height, regions, image.source, image.index, dpi=dpi)


def tiff(path: Path, *colours: int) -> Path:
    images = [Image.fromarray(np.full((20, 30), colour, np.uint8)) for colour in colours]
    images[0].save(path, save_all=True, append_images=images[1:])
    return path


@pytest.mark.case
def test_only_the_page_that_takes_too_long_is_lost(tmp_path: Path) -> None:
    paths = [
        tiff(tmp_path / "some.tif", WHITE, BLACK, GREY, WHITE),
        tiff(tmp_path / "one.tif", BLACK),
        tmp_path / "damaged.tif",
        tiff(tmp_path / "given.tif", WHITE, WHITE),
    ]
    paths[2].write_bytes(b"II*\0 and no more")
    (tmp_path / "given.xml").write_text(PAGE_XML)
    errors: list[tuple[Input, InkreadError]] = []
    seen: list[tuple[str, int]] = []
    found: dict[Path, Document] = dict(
        read_guarded(
            ColourReader,  # type: ignore[arg-type]
            paths,
            bounds=Bounds(seconds=1, mib=2048),
            limits=DEFAULT_LIMITS,
            layout_file=lambda path: tmp_path / "given.xml" if path.stem == "given" else None,
            on_error=lambda path, error: errors.append((path, error)),
            on_page=lambda page: seen.append((Path(page.source).name, page.index)),
        )
    )
    assert {path.name: [page.index for page in found[path].pages] for path in found} == {
        "some.tif": [0, 3],
        "given.tif": [0, 1],
    }
    assert [line.id for page in found[paths[3]].pages for line in page.lines] == ["given"]
    assert seen == [("some.tif", 0), ("some.tif", 3), ("given.tif", 0), ("given.tif", 1)]
    assert [page.dpi for page in found[paths[0]].pages] == [None, None], "the page before the last one failed"
    assert [page.dpi for page in found[paths[3]].pages] == [None, 0]
    assert found[paths[0]].provenance == ColourReader.provenance
    slow, bug, only, damaged, line = errors
    assert isinstance(slow[1], BadPageError)
    assert str(slow[1]) == f"{paths[0]}, page 2: it needs more than 1 seconds, make it smaller or simpler"
    assert "page 3: reading failed, which is a bug in Inkread (KeyError" in str(bug[1])
    assert isinstance(only[1], InputTooLargeError)
    assert str(only[1]).startswith(f"{paths[1]}: it needs more than 1 seconds")
    assert isinstance(damaged[1], DamagedInputError)
    assert (line[0], str(line[1]).partition(" cannot")[0]) == (paths[3], f"{tmp_path / 'given.xml'}: its line bad")


def test_pages_are_bounded_where_a_pdf_is_among_them_or_it_is_asked_for(tmp_path: Path) -> None:
    picture, disguised = tiff(tmp_path / "a.tif", WHITE), tmp_path / "scan.png"
    disguised.write_bytes(b"%PDF-1.4 and so on")
    assert page_bounds([picture, tmp_path / "missing.pdf"], None, None) is None
    assert page_bounds([picture, disguised], None, None) == PAGE_BOUNDS
    assert page_bounds([picture], 3, None) == Bounds(3, PAGE_BOUNDS.mib)
    assert page_bounds([picture], None, 512) == Bounds(PAGE_BOUNDS.seconds, 512)
    assert page_bounds([picture, disguised], 0, None) is None


def test_ray_has_no_bounds() -> None:
    result = CliRunner().invoke(app, ["read", "a.png", "--engine", "ray", "--page-timeout", "3"])
    assert result.exit_code == 2
    assert "--page-timeout" in result.stderr


@pytest.mark.case
@pytest.mark.system
@linux_only
@pytest.mark.parametrize("bound", ["--page-timeout=4", "--page-memory=512"])
def test_a_pdf_that_draws_for_many_minutes_is_given_up(tmp_path: Path, bound: str) -> None:
    tiff(tmp_path / "blank.png", WHITE)
    (tmp_path / "endless.pdf").write_bytes(operators_pdf())
    result = CliRunner().invoke(app, ["read", str(tmp_path), "-o", str(tmp_path / "out"), "-f", "pdf", bound])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"inkread: {tmp_path / 'endless.pdf'}: it needs more than ")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["blank.pdf"]
