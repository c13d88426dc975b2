"""Claims against other engines rest on these figures: equal terms, paired ratios, and no run that hangs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import engines
from engines import Measurement, compare, find_images, main, measure, missing, version
from inkread.document import Line, Page, Region
from inkread.errors import InkreadError
from inkread.formats import page as page_format

PARROT = """
import json, sys
log = open(LOG, "a")
print(json.dumps({"load_seconds": 0.5}), flush=True)
for line in sys.stdin:
    name = json.loads(line).rsplit("/", 1)[-1]
    fast = sys.argv[1] == "inkread"
    print(sys.argv[1], sys.argv[2], name, sys.argv[5], file=log, flush=True)
    if name == "bad.png":
        sys.exit("bad.png: no such page")
    print(json.dumps({"seconds": 1.0 if fast else 4.0, "lines": ["tea" if fast else "tee"]}), flush=True)
print(json.dumps({"peak_bytes": 64 * 2**20}), flush=True)
"""

Turns = Callable[[], list[list[str]]]


@pytest.fixture
def turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Engines that say what they are told; calling the fixture gives [engine, threads, page] in order."""
    log = tmp_path / "log.txt"
    worker = tmp_path / "worker.py"
    worker.write_text(PARROT.replace("LOG", repr(str(log))))
    monkeypatch.setattr(engines, "WORKER", worker)
    monkeypatch.setattr(engines, "version", lambda _: "7")
    return lambda: [line.split() for line in log.read_text().splitlines()]


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Two pages in ``cups``, one of them transcribed."""
    folder = tmp_path / "cups"
    folder.mkdir()
    for name in ("a", "b"):
        Image.fromarray(np.full((400, 300), 255, np.uint8)).save(folder / f"{name}.png")
    box = ((20, 60), (280, 60), (280, 120), (20, 120))
    line = Line("l1", ((20, 100), (280, 100)), box, "tea")
    (folder / "a.xml").write_bytes(page_format.dump(Page(300, 400, (Region("r1", box, (line,)),))))
    return folder


def test_engines_take_turns_page_by_page_after_one_page_unmeasured(turns: Turns) -> None:
    seen: list[None] = []
    first, second = measure(
        ["inkread", "rapidocr"],
        [Path("a.png"), Path("b.png")],
        runs=2,
        threads=3,
        on_page=lambda: seen.append(None),
    )
    assert [turn[0][0] + turn[2][0] for turn in turns()] == [
        "ia",
        "ra",
        *["ia", "ra", "rb", "ib"],
        *["ra", "ia", "ib", "rb"],
    ]
    assert {turn[1] for turn in turns()} == {"3"}
    assert (first.run_seconds, second.run_seconds) == ((2.0, 2.0), (8.0, 8.0))
    assert first.readings == (("tea",), ("tea",))
    assert (first.load_seconds, first.peak_bytes, len(seen)) == (0.5, 64 * 2**20, 8)


@pytest.mark.usefixtures("turns")
def test_an_engine_that_breaks_is_named_with_its_last_words() -> None:
    with pytest.raises(InkreadError, match=r"^rapidocr stopped at bad\.png: bad\.png: no such page$"):
        measure(["rapidocr"], [Path("bad.png")])


def test_an_engine_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(InkreadError, match=r"^unheard-of stopped while it was loaded: KeyError"):
        measure(["unheard-of"], [Path("a.png")])


def test_speed_is_that_of_the_median_run_and_ratios_are_paired() -> None:
    ours, theirs = compare(
        [
            Measurement("inkread", "1", 0.2, (2.0, 3.0, 4.0), 300 * 2**20, (("tea",), ("for", "two"), ())),
            Measurement("rapidocr", "3", 0.1, (8.0, 6.0, 4.0), 600 * 2**20, (("tee",), ("for", "two"), ("x",))),
        ],
        [Path("a.png"), Path("b.png"), Path("c.png")],
        {},
    )
    assert (ours.pages_a_minute, ours.lines_a_second) == (60, 1)
    assert theirs.pages_a_minute == 30
    assert theirs.lines_a_second == pytest.approx(4 / 6)
    assert (ours.time_ratio, theirs.time_ratio) == (1, 0.5)
    assert (ours.peak_mebibytes, theirs.peak_mebibytes) == (300, 600)
    assert ours.page_cer is None


def test_a_fast_reader_is_measured_where_asked_for(turns: Turns, pages: Path) -> None:
    main([str(pages), "--runs", "1", "--with", "rapidocr"])
    main([str(pages), "--runs", "1", "--with", "rapidocr", "--fast"])
    assert [turn[3] for turn in turns() if turn[0] == "inkread"] == ["false"] * 3 + ["true"] * 3


@pytest.mark.usefixtures("turns")
def test_engines_are_compared_and_missing_ones_named(
    pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engines, "missing", lambda peer: "buy one" if peer == "tesseract" else None)
    report = tmp_path / "engines.json"
    main([str(pages), "--runs", "2", "--json", str(report)])
    shown = capsys.readouterr()
    assert shown.err.splitlines() == ["inkread: left out: tesseract is not installed (buy one)"]
    assert "rapidocr 7" in shown.out
    content = json.loads(report.read_text(encoding="utf-8"))
    assert (content["settings"]["pages"], content["settings"]["transcribed_pages"]) == (2, 1)
    ours, theirs = content["engines"]
    assert (ours["engine"], ours["pages_a_minute"], ours["peak_mebibytes"]) == ("inkread", 60, 64)
    assert (ours["time_ratio"], theirs["time_ratio"]) == (1, 0.25)
    assert ours["page_cer"]["value"] == 0
    assert theirs["page_cer"]["value"] == theirs["page_cer_any_order"]["value"] == pytest.approx(1 / 3)


def test_images_of_the_split_need_no_transcription_but_pdfs_are_left_out(pages: Path) -> None:
    (pages / "book.pdf").touch()
    assert [image.name for image in find_images(pages, "val", None)] == ["a.png", "b.png"]
    folder = pages.rename(pages.with_name("val"))
    assert [image.name for image in find_images(folder.parent, "val", 1)] == ["a.png"]


def test_a_missing_program_comes_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "tesseract-ocr" in (missing("tesseract") or "")


@pytest.mark.parametrize("peer", engines.PEERS)
def test_peers_read_a_page_in_a_process_of_their_own(peer: str, pages: Path) -> None:
    if needed := missing(peer):
        pytest.skip(f"{peer} is not installed ({needed})")
    (measured,) = measure([peer], [pages / "a.png"], runs=1, threads=1)
    assert measured.run_seconds[0] > 0
    assert 10 < measured.peak_bytes / 2**20 < 4000
    assert version(peer)[0].isdigit()
