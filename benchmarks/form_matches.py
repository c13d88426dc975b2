"""Measure which form a sheet is taken for, and how exactly it is placed: filled forms, other forms, and no forms.

Usage::

    python benchmarks/form_matches.py --data ../shared/data --text ../shared/text --seed 2 -o matches.jsonl

Every sheet is matched with the twenty templates of `form_sheets`. What is right depends on its kind:

* ``scan``, ``photo``, ``fax``: a filled form; its page is found, within 2 pixels at 200 dpi all over the page.
* ``left out``: the same picture, and the template of its form is not given; it is refused.
* ``other form``: a filled form that is none of the twenty, with rows of two of them; it is refused.
* ``page``: a real page of the data sets, such as a letter or register; it is refused.
* ``print``: a printed letter, a list, lined or squared paper, an empty page; it is refused.

Sheet i of a kind depends on the seed, the kind and i alone. A line of JSON is written for each answer, and a run that
was ended goes on after the last one. Intervals are those of Wilson, 95 %.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.stats import binomtest

from form_hands import StrokeWriter, Values
from form_scans import Matrix, scan
from form_sheets import EDGE, HEIGHT, WIDTH, Form, Sheet, draw_form, fill, load_forms
from forms import WITHIN, lists_of, offset
from inkread.cli.terminal import existing, run_command
from inkread.forms.registration import Match, Refusal, Register
from inkread.forms.template import Template
from inkread.recognition.line_images import Grey

COUNTS = {"scan": 210, "photo": 210, "fax": 60, "other form": 100, "page": 900, "print": 40}
"""Sheets of each kind; a filled form is matched twice, so these are 2,000."""
LEFT_OUT = "left out"
SCANNED = ("scan", "photo")
PRINTS = ("letter", "list", "lined", "squared", "empty")
Answer = dict[str, Any]


class Remembering(Register):
    """Chooses once more for the last sheet, as if one of the templates were not given."""

    def without(self, template: int) -> Match | Refusal:
        """What the last sheet is taken for then."""
        if self._last is None:
            return self._nothing
        sheet, ranked = self._last
        return super()._choose(sheet, [each for each in ranked if each[2].template != template])

    def match(self, sheet: Grey) -> Match | Refusal:
        """The page that a sheet is."""
        self._last: tuple[Grey, Sequence[Any]] | None = None
        found = super().match(sheet)
        if self._last is None and isinstance(found, Refusal):
            self._nothing = found
        return found

    def _choose(self, sheet: Grey, ranked: Sequence[Any]) -> Match | Refusal:
        self._last = sheet, ranked
        return super()._choose(sheet, ranked)


@dataclass
class Desk:
    """The forms, what fills them in, and real pages."""

    forms: Sequence[Form]
    templates: Sequence[Template]
    register: Remembering
    writers: Sequence[StrokeWriter]
    lists: Mapping[str, list[str]]
    pages: Sequence[Path]
    seed: int

    def answers(self, kind: str, number: int) -> Iterator[Answer]:
        """What a sheet is taken for."""
        rng = np.random.default_rng([self.seed, list(COUNTS).index(kind), number])
        if kind in ("scan", "photo", "fax"):
            yield from self._of_filled(kind, number, rng)
            return
        if kind == "page":
            path = self.pages[number % len(self.pages)]
            grey, name = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8), path.stem
        elif kind == "print":
            name = PRINTS[number % len(PRINTS)]
            grey, _ = scan(printed(name, self.lists, rng), rng, SCANNED[number // len(PRINTS) % 2])
        else:
            template, blanks = draw_form(mixed(self.forms, rng))
            name, filled = template.title, self._filled(template, blanks, rng)
            grey, _ = scan(filled.pages[0], rng, SCANNED[number % 2])
        yield self._answer(kind, number, name, lambda: self.register.match(grey))

    def _of_filled(self, kind: str, number: int, rng: np.random.Generator) -> Iterator[Answer]:
        at = number % len(self.templates)
        template = self.templates[at]
        blanks = {each.blank: template.blank(page) for page, each in enumerate(template.pages)}
        page = number // len(self.templates) % len(template.pages)
        grey, truth = scan(self._filled(template, blanks, rng).pages[page], rng, kind)
        name = f"{template.name}, page {page + 1}"
        yield self._answer(kind, number, name, lambda: self.register.match(grey), truth)
        yield self._answer(LEFT_OUT, number, f"{name}, {kind}", lambda: self.register.without(at))

    def _filled(self, template: Template, blanks: Mapping[str, Grey], rng: np.random.Generator) -> Sheet:
        writer = self.writers[int(rng.integers(len(self.writers)))]
        values = Values(self.lists, [writer.words(int(rng.integers(2, 8)), rng) for _ in range(4)])
        return fill(template, blanks, writer, values, rng)

    def _answer(
        self, kind: str, number: int, name: str, match: Callable[[], Match | Refusal], truth: Matrix | None = None
    ) -> Answer:
        started = time.process_time()
        found = match()
        answer: Answer = {"kind": kind, "number": number, "is": name, "seconds": time.process_time() - started}
        if isinstance(found, Match):
            template = self.templates[found.template]
            answer |= {"found": f"{template.name}, page {found.page + 1}", "print": found.print_found}
            if truth is not None and answer["found"] == name:
                shape = self.register.blank(found.template, found.page).shape
                answer |= {"pixels": offset(found, truth, shape), "reported": found.error}
        else:
            answer["refused"] = found.reason
        return answer


def mixed(forms: Sequence[Form], rng: np.random.Generator) -> Form:
    """A form with rows of two others, in another order, and a title of its own."""
    first, second = (forms[int(number)] for number in rng.choice(len(forms), 2, replace=False))
    rows, labels = [], set[str]()
    for page in (first.pages[0], second.pages[0]):
        for at in rng.permutation(len(page))[:4]:
            if labels.isdisjoint(item[0] for item in page[int(at)]):
                rows.append(page[int(at)])
                labels |= {item[0] for item in page[int(at)]}
    title = f"{second.title.split()[-1].capitalize()} and {first.title.split()[0].lower()}"
    return Form("mixed", title, (tuple(rows[int(at)] for at in rng.permutation(len(rows))),))


def printed(name: str, lists: Mapping[str, list[str]], rng: np.random.Generator) -> Grey:
    """A page that is no form, uint8 at 200 dpi."""
    image = Image.new("L", (WIDTH, HEIGHT), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(int(rng.integers(20, 34)))
    pitch = int(rng.integers(34, 80))
    words = [*lists["names.txt"], *lists["article.txt"]]
    if name in ("lined", "squared"):
        for y in range(EDGE, HEIGHT, pitch):
            draw.line((0, y, WIDTH, y), 120, 2)
        for x in range(0, WIDTH if name == "squared" else 0, pitch):
            draw.line((x, 0, x, HEIGHT), 120, 2)
    for y in range(EDGE, HEIGHT - EDGE, pitch) if name in ("letter", "list") else ():
        picked = [words[int(each)] for each in rng.integers(0, len(words), 12)]
        if name == "letter":
            draw.text((EDGE, y), " ".join(picked)[: int(rng.integers(20, 90))], 30, font)
        else:
            draw.line((EDGE, y - 4, WIDTH - EDGE, y - 4), 0, 2)
            for column, word in enumerate(picked[:4]):
                draw.text((EDGE + 8 + 360 * column, y), word[:20], 30, font)
    return np.asarray(image, np.uint8).copy()


def report(answers: Sequence[Answer]) -> dict[str, Any]:
    """Counts by kind, with intervals."""
    found: dict[str, Any] = {"sheets": len(answers)}
    for kind in (*COUNTS, LEFT_OUT):
        own = [each for each in answers if each["kind"] == kind]
        if not own:
            continue
        filled = kind in ("scan", "photo", "fax")
        wrong = [each for each in own if filled and each.get("found", each["is"]) != each["is"]]
        taken = [] if filled else [each for each in own if "found" in each]
        found[kind] = {"sheets": len(own), "another template": len(wrong), "taken for a form": len(taken)}
        if filled:
            pixels = [each.get("pixels", np.inf) for each in own]
            found[kind] |= {
                "refused": sum("refused" in each for each in own),
                f"within {WITHIN:g} pixels": rate(sum(each <= WITHIN for each in pixels), len(own)),
                "median": round(float(np.median(pixels)), 3),
                "99th percentile": round(float(np.quantile(pixels, 0.99, method="lower")), 3),
            }
    counted = [each for each in found.values() if isinstance(each, dict)]
    wrongly = sum(each["another template"] + each["taken for a form"] for each in counted)
    found["wrong template chosen"] = rate(wrongly, len(answers))
    found["processor seconds a sheet"] = round(float(np.mean([each["seconds"] for each in answers])), 3)
    return found


def rate(count: int, total: int) -> str:
    """A share in percent with its interval of Wilson."""
    low, high = binomtest(count, total).proportion_ci(method="wilson")
    return f"{count} of {total}, {count / total:.2%} [{low:.2%} {high:.2%}]"


def main() -> None:
    """Make, match and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=existing, required=True, help="folder with unipen-en and the pages")
    parser.add_argument("--text", type=existing, required=True, help="folder with texts")
    parser.add_argument("--pages", default="train", help="split of the real pages")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="of the sheets of each kind")
    parser.add_argument("--kinds", default=",".join(COUNTS))
    parser.add_argument("-o", "--output", type=Path, required=True, help="lines of JSON")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    lists = lists_of(options.text)
    with tempfile.TemporaryDirectory() as folder:
        for name, entries in lists.items():
            Path(folder, name).write_text("\n".join(entries), encoding="utf-8")
        forms, templates = load_forms(), []
        for drawn in forms:
            template, blanks = draw_form(drawn)
            template.save(Path(folder, f"{drawn.name}.yaml"), blanks)
            templates.append(Template.load(Path(folder, f"{drawn.name}.yaml")))
        desk = Desk(
            forms,
            templates,
            Remembering(templates),
            StrokeWriter.all(existing(options.data / "unipen-en" / "val.parquet")),
            lists,
            pages_of(options.data, options.pages, options.seed),
            options.seed,
        )
        known = read_answers(options.output)
        done = {(each["kind"], each["number"]) for each in known}
        with options.output.open("a", encoding="utf-8") as stream:
            for kind, number in plan(options.kinds.split(","), options.share):
                if (kind, number) not in done:
                    answers = list(desk.answers(kind, number))
                    stream.write("".join(json.dumps(each) + "\n" for each in answers))
                    stream.flush()
        print(json.dumps(report(read_answers(options.output)), indent=1))


def plan(kinds: Sequence[str], share: float) -> list[tuple[str, int]]:
    """Kind and number of each sheet, all kinds in turn, so that a part of a run has its share of each."""
    ordered = sorted(((number + 0.5) / COUNTS[kind], kind, number) for kind in kinds for number in range(COUNTS[kind]))
    return [(kind, number) for at, kind, number in ordered if at <= share]


def pages_of(data: Path, split: str, seed: int) -> list[Path]:
    """Real pages, shuffled."""
    folders = [folder for folder in sorted(data.glob(f"*/{split}")) if not (folder / "lines.tsv").exists()]
    pages = [page for folder in folders for page in sorted(folder.glob("*.webp"))]
    return [pages[int(at)] for at in np.random.default_rng(seed).permutation(len(pages))]


def read_answers(path: Path) -> list[Answer]:
    """What a run has written so far."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


if __name__ == "__main__":
    run_command(main)
