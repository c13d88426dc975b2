"""Engines must be measured on equal terms, and one that breaks must say so instead of hanging the run."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from inkread.errors import InkreadError
from inkread.evaluation import speed
from inkread.evaluation.speed import measure, missing, version

PARROT = """
import json, sys
log = open(LOG, "a")
print(json.dumps({"load_seconds": 0.5}), flush=True)
for line in sys.stdin:
    name = json.loads(line).rsplit("/", 1)[-1]
    print(sys.argv[1], sys.argv[2], name, file=log, flush=True)
    if name == "bad.png":
        sys.exit("bad.png: no such page")
    print(json.dumps({"seconds": 2.0 if sys.argv[1] == "inkread" else 4.0, "lines": [name]}), flush=True)
print(json.dumps({"peak_bytes": 1000}), flush=True)
"""

Turns = Callable[[], list[list[str]]]


@pytest.fixture
def turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Engines that say what they are told; calling the fixture gives [engine, threads, page] in order."""
    log = tmp_path / "log.txt"
    worker = tmp_path / "worker.py"
    worker.write_text(PARROT.replace("LOG", repr(str(log))))
    monkeypatch.setattr(speed, "WORKER", worker)
    monkeypatch.setattr(speed, "version", lambda _: "1")
    return lambda: [line.split() for line in log.read_text().splitlines()]


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
    assert (first.run_seconds, second.run_seconds) == ((4.0, 4.0), (8.0, 8.0))
    assert first.readings == second.readings == (("a.png",), ("b.png",))
    assert (first.load_seconds, first.peak_bytes, len(seen)) == (0.5, 1000, 8)


@pytest.mark.usefixtures("turns")
def test_an_engine_that_breaks_is_named_with_its_last_words() -> None:
    with pytest.raises(InkreadError, match=r"^rapidocr stopped at bad\.png: bad\.png: no such page$"):
        measure(["rapidocr"], [Path("bad.png")])


def test_an_engine_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(InkreadError, match=r"^unheard-of stopped while it was loaded: KeyError"):
        measure(["unheard-of"], [Path("a.png")])


def test_a_missing_program_comes_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    needed = missing("tesseract")
    assert needed is not None
    assert "tesseract-ocr" in needed


@pytest.mark.parametrize("peer", speed.PEERS)
def test_peers_read_a_page_in_a_process_of_their_own(peer: str, letters: Path) -> None:
    if needed := missing(peer):
        pytest.skip(f"{peer} is not installed ({needed})")
    (measured,) = measure([peer], [letters / "val" / "note_1.png"], runs=1, threads=1)
    assert measured.run_seconds[0] > 0
    assert 10 < measured.peak_bytes / 2**20 < 4000
    assert version(peer)[0].isdigit()
