"""Thousands of files in one folder, runs that are killed, files changed at random: nothing lost, nothing half written.

Usage: ``python -m scripts.robustness killed --files 2000``; ``python -m scripts.robustness damaged --changed 300``

``killed`` reads a folder of real and drawn lines into a folder inside it, ends the run with SIGKILL at three moments
and starts it again. ``damaged`` reads, for each kind of file, good ones beside many that were changed at random. Both
print a table and exit with 1 where something was lost. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import psutil
from PIL import Image, ImageOps
from rich.console import Console
from rich.table import Table

from inkread.document import Page, Region
from inkread.formats import alto, page
from inkread.formats.reading import read_layout
from inkread.io.inputs import load_pages
from inkread.synthesis.ink import find_fonts
from inkread.synthesis.lines import read_texts, sample_lines

REAL = Path(__file__).parents[1] / "tests" / "pages"
MARGIN = 12
HEIGHT = 48
FORMATS = ("txt", "json", "alto", "pdf")
KILLED_AT = (0.05, 0.2, 0.4)
"""Shares of the files whose results are there when a run is killed."""
ENCODINGS: dict[str, tuple[str, dict[str, object]]] = {
    "png": ("PNG", {}),
    "jpg": ("JPEG", {"quality": 85}),
    "webp": ("WEBP", {}),
    "tif": ("TIFF", {"compression": "tiff_lzw"}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "ppm": ("PPM", {}),
    "jp2": ("JPEG2000", {}),
    "avif": ("AVIF", {}),
    "pdf": ("PDF", {}),
}
SEVERAL_PAGES = ("tif", "pdf")
MOST_MIB = 900
"""Memory of a run over small files, with two threads, and of the process that reads for it."""
MOST_SECONDS = 4.0
"""Computing time for each file, on average."""
DEADLINE = 4 * 3600.0
LOOK_SECONDS = 0.25
SAYS = "inkread: "
"""What a line about a file that cannot be read begins with."""


def small_pages(count: int, chance: random.Random) -> Iterator[Image.Image]:
    """Grey pictures of one line: every third is cut from a real page, the others are drawn."""
    real = _real_lines(chance)
    drawn = (line.image for line in sample_lines(read_texts(), find_fonts(), count, chance.randrange(2**32)))
    for number, pixels in zip(range(count), drawn, strict=False):
        line = next(real) if number % 3 == 0 else Image.fromarray(pixels)
        scale = HEIGHT / line.height
        line = line.resize((max(int(line.width * scale), 8), HEIGHT), Image.Resampling.LANCZOS)
        yield ImageOps.expand(line, MARGIN, fill=int(max(line.getextrema())))  # type: ignore[arg-type]


def _real_lines(chance: random.Random) -> Iterator[Image.Image]:
    """The boxes around the transcribed lines of the pages of the tests, again and again in another order."""
    cut = []
    for path in sorted(REAL.glob("*.xml")):
        image = Image.fromarray(next(load_pages(path.with_suffix(".webp"))).grey)
        for line in read_layout(path).lines:
            columns, rows = zip(*line.polygon, strict=True)
            cut.append(image.crop((int(min(columns)), int(min(rows)), int(max(columns)), int(max(rows)))))
    while True:
        chance.shuffle(cut)
        yield from cut


def encode(pages: Sequence[Image.Image], suffix: str) -> bytes:
    """Pages as the content of a file."""
    kind, options = ENCODINGS[suffix]
    stream = BytesIO()
    several = {"save_all": True, "append_images": list(pages[1:])} if len(pages) > 1 else {}
    pages[0].save(stream, kind, **options, **several)
    return stream.getvalue()


NUMBER = re.compile(rb"\d+")
CONTENTS = (b"\0", b"\xff\xff\xff\xff", b"\x7f\xff", b"-1", b"9" * 12, b"1e999", b"NaN", b"<", b">>", b"/Kids", b"&x;")


def changed(data: bytes, chance: random.Random) -> bytes:
    """What a bad disk, transfer or program does to a file: bytes changed, cut out, doubled, numbers, the end lost."""
    original = data
    for _ in range(chance.randint(1, 6)):
        place, length = chance.randrange(len(data) + 1), chance.randint(1, 64)
        match chance.randrange(6):
            case 0:
                data = data[:place] + chance.randbytes(length) + data[place + length :]
            case 1:
                data = data[:place] + data[place + length :]
            case 2:
                data = data[:place] + data[max(place - 8 * length, 0) : place] + data[place:]
            case 3:
                data = data[:place] + chance.choice(CONTENTS) + data[place:]
            case 4 if match := NUMBER.search(data, place):
                data = data[: match.start()] + chance.choice((b"0", b"-7", b"99999", b"4e9")) + data[match.end() :]
            case _:
                data = data[: max(place, 1)] if chance.random() < 0.3 else data
    return data if data != original else data[: len(data) // 2]


@dataclass(frozen=True, slots=True)
class Run:
    """How a command ended."""

    status: int
    errors: list[str]
    seconds: float
    mib: float


def run(arguments: Sequence[str], stop: Callable[[], bool] = lambda: False) -> Run:
    """Run ``inkread``, and end it with SIGKILL as soon as ``stop`` says so."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        command = [sys.executable, "-m", "inkread", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        end = time.monotonic() + DEADLINE
        seconds: dict[int, float] = {}
        most = 0.0
        while process.poll() is None:
            used, mib = _use(process.pid)
            seconds |= used
            most = max(most, mib)
            if stop() or time.monotonic() > end:
                process.send_signal(signal.SIGKILL)
            time.sleep(LOOK_SECONDS)
        errors.seek(0)
        return Run(process.returncode, errors.read().splitlines(), sum(seconds.values()), most)


def _use(process: int) -> tuple[dict[int, float], float]:
    """Seconds of computing of a process and of those that it started, and the memory of all, in MiB."""
    seconds, memory = {}, 0
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process)
        for each in [parent, *parent.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                seconds[each.pid] = times.user + times.system
                memory += each.memory_info().rss
    return seconds, memory / 2**20


def results(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder that has its final name."""
    files = (path for path in folder.rglob("[!.]*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(files)}


class Report:
    """The rows of the table that is printed at the end."""

    def __init__(self, *titles: str) -> None:
        """``titles`` of the columns."""
        self.failed = False
        self._table = Table(*titles)
        self._console = Console(stderr=True)

    def add(self, *cells: object, problems: Sequence[str] = ()) -> None:
        """A row; each problem is printed at once."""
        self.failed |= bool(problems)
        self._table.add_row(*map(str, cells), "; ".join(problems[:3]) or "none")
        self._console.print(*map(str, cells), *problems, sep="  ", markup=False, soft_wrap=True)

    def show(self) -> int:
        """Print the table, and return the exit status."""
        Console(width=150).print(self._table)
        return int(self.failed)


def mixed_folder(folder: Path, files: int, seed: int) -> tuple[int, set[str]]:
    """Fill a folder; return how many pages can be read and the names of the files that cannot.

    Names repeat in other folders and with other suffixes, and some look like those of pages of a file.
    """
    chance = random.Random(seed)
    supply = small_pages(3 * files, chance)
    bad, pages = set(), 0
    for number in range(files):
        suffix = list(ENCODINGS)[number % len(ENCODINGS)]
        count = chance.randint(1, 3) if suffix in SEVERAL_PAGES else 1
        data = encode([next(supply) for _ in range(count)], suffix)
        name = f"box {number // 500}/{number % 500 // 4}{'_0001' if number % 4 == 1 else ''}.{suffix}"
        if number % 50 == 49:
            data, count = data[: len(data) // 4], 0
            bad.add(name)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        pages += count
    return pages, bad


def kill(folder: Path, files: int, seed: int) -> int:
    """Read, kill, read again, and compare with a run that was not killed; return the exit status."""
    scans, whole, out = folder / "scans", folder / "whole", folder / "scans" / "results"
    _, bad = mixed_folder(scans, files, seed)
    options = [option for name in FORMATS for option in ("-f", name)]
    report = Report("run", "files", "seconds of computing", "MiB", "problems")
    first = run(["read", str(scans), "-o", str(whole), *options])
    wanted = results(whole)
    named = sorted(line.split(": ")[1].removeprefix(f"{scans}/") for line in first.errors if line.startswith(SAYS))
    problems = [] if named == sorted(bad) else [f"named as bad: {sorted(set(named) ^ bad)}"]
    report.add("whole", len(wanted), f"{first.seconds:.0f}", f"{first.mib:.0f}", problems=problems)
    for share in KILLED_AT:
        before = {path: path.stat().st_mtime_ns for path in out.rglob("[!.]*.txt")} if out.is_dir() else {}

        def is_time(before: dict[Path, int] = before, least: float = share * files) -> bool:
            fresh = (path for path in out.rglob("[!.]*.txt") if before.get(path) != path.stat().st_mtime_ns)
            return sum(1 for _ in fresh) >= least

        ended = run(["read", str(scans), "-o", str(out), *options], stop=is_time)
        problems = [] if ended.status == -signal.SIGKILL else [f"it ended by itself with {ended.status}"]
        problems += differences(results(out), wanted, whole=False)
        name = f"killed at {share:.0%}"
        report.add(name, len(results(out)), f"{ended.seconds:.0f}", f"{ended.mib:.0f}", problems=problems)
    last = run(["read", str(scans), "-o", str(out), *options])
    problems = differences(results(out), wanted, whole=True)
    problems += [f"left over: {path.name}" for path in out.rglob(".*")]
    problems += [] if last.status == first.status else [f"exit status {last.status} instead of {first.status}"]
    report.add("again", len(results(out)), f"{last.seconds:.0f}", f"{last.mib:.0f}", problems=problems)
    return report.show()


def differences(found: dict[str, bytes], wanted: dict[str, bytes], *, whole: bool) -> list[str]:
    """How results differ from those of a run that was not killed; ``whole``: whether all of them must be there."""
    problems = [f"not wanted: {name}" for name in found if name not in wanted]
    problems += [f"other content: {name}" for name, data in found.items() if not _same(data, wanted.get(name, data))]
    return problems + ([f"missing: {name}" for name in wanted if name not in found] if whole else [])


TIME = re.compile(rb"<processingDateTime>[^<]*</processingDateTime>")


def _same(one: bytes, other: bytes) -> bool:
    """Whether two results say the same; ALTO names the time of the run."""
    return TIME.sub(b"", one) == TIME.sub(b"", other)


Files = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: how one of it, with what belongs to it, is made, and what reads it.

    Attributes:
        make: the files of a page by suffix; the one that is changed comes first.
        options: of ``inkread read``.
    """

    make: Callable[[Image.Image], Files]
    options: tuple[str, ...] = ()


def _picture(suffix: str) -> Callable[[Image.Image], Files]:
    pages = 2 if suffix in SEVERAL_PAGES else 1
    return lambda image: {f".{suffix}": encode([image] * pages, suffix)}


def _described(dump: Callable[[Page], bytes]) -> Callable[[Image.Image], Files]:
    def make(image: Image.Image) -> Files:
        from inkread.document import Line

        width, height = image.size
        box = ((0.0, 0.0), (float(width), 0.0), (float(width), float(height)), (0.0, float(height)))
        base = ((float(MARGIN), 0.7 * height), (float(width - MARGIN), 0.7 * height))
        lines = tuple(Line(f"l{number}", base, box, "some words") for number in range(3))
        return {".xml": dump(Page(width, height, (Region("r", box, lines),))), ".png": encode([image], "png")}

    return make


KINDS = {suffix: Kind(_picture(suffix)) for suffix in ENCODINGS} | {
    "PAGE": Kind(_described(page.dump), ("--lines", "given")),
    "ALTO": Kind(_described(alto.dump), ("--lines", "given")),
}


def damage(folder: Path, changes: int, good: int, seed: int, kinds: Sequence[str]) -> int:
    """Read good files beside changed ones, a kind after the other; return the exit status."""
    report = Report("kind", "changed", "read", "read in part", "named", "seconds of computing", "MiB", "problems")
    for name in kinds:
        kind, chance = KINDS[name], random.Random(f"{seed} {name}")
        scans, alone, out = (folder / name / part for part in ("scans", "alone", "out"))
        scans.mkdir(parents=True)
        images = list(small_pages(good, chance))
        for number, image in enumerate(images):
            _write(scans / f"good {number}", kind.make(image))
        run(["read", str(scans), "-o", str(alone), "-f", "json", *kind.options])
        for number in range(changes):
            first, *others = kind.make(chance.choice(images)).items()
            _write(scans / f"changed {number}", {first[0]: changed(first[1], chance), **dict(others)})
        done = run(["read", str(scans), "-o", str(out), "-f", "json", *kind.options])
        wanted, found = results(alone), results(out)
        counts, problems = _accounts(done, changes, set(found))
        problems += [f"lost or read otherwise: {key}" for key in wanted if found.get(key) != wanted[key]]
        problems += [] if len(wanted) == good else [f"only {len(wanted)} good files can be read at all"]
        per_file = done.seconds / (changes + good)
        problems += [f"{per_file:.1f} seconds a file"] if per_file > MOST_SECONDS else []
        problems += [f"{done.mib:.0f} MiB"] if done.mib > MOST_MIB else []
        cells = (counts["read"], counts["in part"], counts["named"], f"{done.seconds:.0f}", f"{done.mib:.0f}")
        report.add(name, changes, *cells, problems=problems)
    return report.show()


def _write(place: Path, files: Files) -> None:
    for suffix, data in files.items():
        place.with_name(place.name + suffix).write_bytes(data)


def _accounts(done: Run, changes: int, found: set[str]) -> tuple[Counter[str], list[str]]:
    """Of each changed file: was it read, or named once, or (some of its pages or lines) both?"""
    problems = [] if done.status in (0, 1) else [f"exit status {done.status}"]
    lines = [line for line in done.errors if line.startswith(SAYS)]
    problems += [line for line in lines if "bug in Inkread" in line or "Traceback" in line]
    counts: Counter[str] = Counter()
    for number in range(changes):
        own = [line for line in lines if re.search(rf"/changed {number}\.", line)]
        whole = [line for line in own if not re.search(r"page \d|line |region ", line.split(f"changed {number}.")[1])]
        read = f"changed {number}.json" in found
        counts["in part" if read and own else "read" if read else "named"] += 1
        if not read and not own:
            problems.append(f"passed over in silence: changed {number}")
        if len(whole) > 1 or len(set(own)) != len(own):
            problems.append(f"named {len(own)} times: {own[0]}")
    strange = [line for line in lines if "/changed " not in line]
    return counts, problems + [f"another line: {line}" for line in strange]


def main() -> int:
    """Parse the command line, and try."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("killed", "damaged"))
    parser.add_argument("--files", type=int, default=2000, help="killed: how many")
    parser.add_argument("--changed", type=int, default=300, help="damaged: files of each kind that are changed")
    parser.add_argument("--good", type=int, default=20, help="damaged: files of each kind beside them")
    parser.add_argument("--kind", action="append", choices=tuple(KINDS), help="damaged: only this kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="an empty folder to work in, which is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        if options.what == "killed":
            return kill(folder, options.files, options.seed)
        return damage(folder, options.changed, options.good, options.seed, options.kind or tuple(KINDS))


if __name__ == "__main__":
    sys.exit(main())
