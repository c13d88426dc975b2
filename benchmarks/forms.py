"""Measure forms: registration, fields by type with and without types, rejection, time.

Usage::

    python benchmarks/forms.py --data ../shared/data --text ../shared/text --split val --forms 60 -o forms.json

Forms are drawn, filled in and scanned by `form_sheets`, in hands of unipen-en that are in no training data. Names and
towns come from ``en-forms-synthetic``, other lists are words of ``en-modern-masc``. A value is right where it is equal
to what was written in the spelling of its type; without types, where the free reading means that value.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from rapidfuzz.distance import Levenshtein

from form_hands import StrokeWriter
from form_ink import InkWriter
from form_scans import Matrix, scan
from form_sheets import Sheet, draw_form, fill, load_forms
from inkread import Reader
from inkread.cli.terminal import existing, run_command
from inkread.evaluation.calibration import expected_calibration_error
from inkread.evaluation.statistics import rate_by_document
from inkread.forms.reading import Form, FormReader
from inkread.forms.registration import Match, Refusal, Register
from inkread.forms.results import Batch
from inkread.forms.rules import pattern_of
from inkread.forms.template import FormField, Template
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.line_images import Grey

WITHIN = 2.0
"""Pixels at 200 dpi."""
REJECTED = 0.1
CHOICES = ("diagnosis", "occupation", "nationality", "station", "article", "site")


def lists_of(text: Path) -> dict[str, list[str]]:
    """Names, towns and other lists, by the name of their file."""
    lines = lzma.decompress(existing(text / "en-forms-synthetic.txt.xz").read_bytes()).decode().splitlines()
    prose = lzma.decompress(existing(text / "en-modern-masc.txt.xz").read_bytes()).decode()
    names = {line for line in lines if re.fullmatch("[A-Z][a-z]{2,10} [A-Z][a-z]{2,12}", line)}
    towns = {line.split(",")[0] for line in lines if re.match("[A-Z][a-z]{2,12}( [A-Z][a-z]{2,9})?,", line)}
    words = set(re.findall(r"\b[a-z]{5,12}\b", prose))
    rng = np.random.default_rng(0)
    lists = {"names.txt": sorted(names), "town.txt": sorted(towns)}
    for name in CHOICES:
        lists[f"{name}.txt"] = sorted(map(str, rng.choice(sorted(words), 2000, replace=False)))
    return lists


@dataclass
class Tally:
    """What was counted, by form."""

    registered: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    wrong: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    typed: dict[str, list[tuple[str, float, float]]] = field(default_factory=lambda: defaultdict(list))
    free: dict[str, list[tuple[str, float, float]]] = field(default_factory=lambda: defaultdict(list))
    confidences: list[tuple[float, bool, str]] = field(default_factory=list)
    mistakes: list[tuple[str, str, str, str, float]] = field(default_factory=list)
    seconds: float = 0.0
    forms: int = 0
    fields: int = 0


def sheets(
    templates: Sequence[Template],
    count: int,
    seed: int,
    writers: Sequence[StrokeWriter | InkWriter],
    lists: Mapping[str, list[str]],
    kinds: Sequence[str],
) -> Iterator[tuple[int, str, Template, Sheet, list[tuple[Grey, Matrix]]]]:
    """Filled and scanned forms; form number i depends on the seed and i alone."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        template, kind = templates[number % len(templates)], kinds[number % len(kinds)]
        writer = writers[int(rng.integers(len(writers)))]
        values = writer.values(lists, rng)
        blanks = {page.blank: template.blank(at) for at, page in enumerate(template.pages)}
        sheet = fill(template, blanks, writer, values, rng)
        yield number, kind, template, sheet, [scan(page, rng, kind) for page in sheet.pages]


def offset(match: Match, truth: Matrix, shape: tuple[int, ...]) -> float:
    """The largest distance, in pixels of the empty page, between where its print is and where it is taken to be."""
    across, down = np.meshgrid(np.linspace(100, shape[1] - 100, 5), np.linspace(100, shape[0] - 100, 7))
    points = np.stack([across.ravel(), down.ravel()], 1)[None]
    back = cv2.perspectiveTransform(cv2.perspectiveTransform(points, truth), np.linalg.inv(match.matrix))
    return float(np.linalg.norm(back - points, axis=2).max())


class Recording(Register):
    """Remembers what it has found."""

    def __init__(self, templates: Sequence[Template]) -> None:
        super().__init__(templates)
        self.found: list[Match | Refusal] = []

    def match(self, sheet: Grey) -> Match | Refusal:
        """The page that a sheet is."""
        found = super().match(sheet)
        self.found.append(found)
        return found


def count_registration(tally: Tally, register: Recording, kind: str, number: int, truths: Sequence[Matrix]) -> None:
    """Compare where each page is found with where it is."""
    for page, (found, truth) in enumerate(zip(register.found, truths, strict=True)):
        if not isinstance(found, Match):
            tally.refused[kind] += 1
            tally.registered[kind].append(np.inf)
        elif (found.template, found.page) != (number, page):
            tally.wrong[kind] += 1
            tally.registered[kind].append(np.inf)
        else:
            tally.registered[kind].append(offset(found, truth, register.blank(number, page).shape))
    register.found.clear()


def count_fields(tally: Tally, name: str, template: Template, sheet: Sheet, form: Form, alphabet: Alphabet) -> None:
    """Compare what was read with what was written."""
    for _, key, item in template.named_fields():
        written, value = sheet.truth[key], form.fields[key]
        expected, free = _meant(template, item, written, alphabet), _meant(template, item, value.raw, alphabet)
        right = value.value.casefold() == expected.casefold()
        kind = "empty" if not written and item.type not in ("tick", "ticks", "signature") else item.type
        tally.typed[kind].append((name, float(right), 1.0))
        tally.free[kind].append((name, float(free.casefold() == expected.casefold()), 1.0))
        if item.type == "text" and written:
            edits = Levenshtein.distance(value.value, expected)
            tally.typed["text (CER)"].append((name, float(edits), float(len(expected))))
        if item.type != "text":
            tally.confidences.append((value.confidence if value.state != "invalid" else 0.0, right, kind))
            tally.fields += 1
        if not right:
            tally.mistakes.append((key, expected, value.value, value.raw, value.confidence))


def _meant(template: Template, item: FormField, text: str, alphabet: Alphabet) -> str:
    """A text in the spelling of its type, where it fits that."""
    pattern = pattern_of(template, item)
    if pattern is None or not text:
        return " ".join(text.split())
    compact = text if pattern.spaces else text.replace(" ", "")
    return pattern.value(compact) if pattern.fits(compact, alphabet) else text


def report(tally: Tally, least: Sequence[float] = (WITHIN,)) -> dict[str, object]:
    """Shares, with intervals over forms where there are several."""
    kept = sorted(tally.confidences, reverse=True)
    first = kept[: round(len(kept) * (1 - REJECTED))]
    return {
        "registration": {
            kind: {
                "pages": len(errors),
                **{f"within {each:g} pixels": sum(error <= each for error in errors) / len(errors) for each in least},
                "median error": float(np.median(errors)),
                "refused": tally.refused[kind],
                "wrong template": tally.wrong[kind],
            }
            for kind, errors in tally.registered.items()
        },
        "fields": {
            kind: {
                "fields": len(parts),
                "with types": str(rate_by_document(parts)),
                "without": str(rate_by_document(tally.free[kind])) if kind in tally.free else None,
            }
            for kind, parts in sorted(tally.typed.items())
        },
        "typed fields": len(kept),
        "wrong": sum(not right for _, right, _ in kept) / max(len(kept), 1),
        f"wrong after {REJECTED:.0%} are rejected": sum(not right for _, right, _ in first) / max(len(first), 1),
        "calibration": {kind: calibration(kept, kind) for kind in ["", *sorted({kind for *_, kind in kept})]},
        "processor seconds a form": tally.seconds / max(tally.forms, 1),
    }


def calibration(fields: Sequence[tuple[float, bool, str]], kind: str) -> dict[str, float]:
    """Expected calibration error of one type, or of all with ""."""
    mine = [(confidence, right) for confidence, right, each in fields if kind in ("", each)]
    confidences, rights = [confidence for confidence, _ in mine], [float(right) for _, right in mine]
    return {
        "fields": len(mine),
        "right": float(np.mean(rights)),
        "mean confidence": float(np.mean(confidences)),
        "ECE": expected_calibration_error(confidences, rights),
    }


def main() -> None:
    """Draw, fill, scan, read and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=existing, required=True, help="folder with unipen-en, csafe-en and names-fr")
    parser.add_argument("--text", type=existing, required=True, help="folder with texts")
    parser.add_argument("--split", default="val")
    parser.add_argument("--forms", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hands", choices=("strokes", "ink"), default="strokes", help="of unipen-en, or scanned words")
    parser.add_argument("--kinds", default="scan,photo,fax")
    parser.add_argument("--registration-only", action="store_true")
    parser.add_argument("-o", "--output", type=Path, help="JSON file")
    options = parser.parse_args()
    lists, tally = lists_of(options.text), Tally()
    reader = Reader(threads=1)
    if options.hands == "ink":
        scanned = InkWriter.all(options.data, options.split, reader)
        for name, entries in lists.items():
            lists[name] = sorted({*entries, *(text for writer in scanned for text in writer.sayable(name))})
        writers: Sequence[StrokeWriter | InkWriter] = scanned
    else:
        writers = StrokeWriter.all(existing(options.data / "unipen-en" / f"{options.split}.parquet"))
    with tempfile.TemporaryDirectory() as folder:
        for name, entries in lists.items():
            Path(folder, name).write_text("\n".join(entries), encoding="utf-8")
        templates = []
        for drawn in load_forms():
            template, blanks = draw_form(drawn)
            template.save(Path(folder, f"{drawn.name}.yaml"), blanks)
            templates.append(Template.load(Path(folder, f"{drawn.name}.yaml")))
        recording = Recording(templates)
        forms_reader = None if options.registration_only else FormReader(templates, reader, threads=1)
        if forms_reader is not None:
            forms_reader.register = recording
        kinds = options.kinds.split(",")
        for number, kind, template, sheet, pictures in sheets(
            templates, options.forms, options.seed, writers, lists, kinds
        ):
            greys, truths = [grey for grey, _ in pictures], [truth for _, truth in pictures]
            started = time.process_time()
            if forms_reader is None:
                for grey in greys:
                    recording.match(grey)
            else:
                forms = list(forms_reader.read(greys))
                first = Batch.graded(forms).forms[0]
                if len(forms) == 1 and first.template == template.name:
                    alphabet = Alphabet(reader.bundle.model.alphabet)
                    count_fields(tally, str(number), template, sheet, first, alphabet)
                print(number, kind, template.name, sheet.writer, [each.problem for each in forms], file=sys.stderr)
            tally.seconds += time.process_time() - started
            tally.forms += 1
            count_registration(tally, recording, kind, number % len(templates), truths)
    for mistake in tally.mistakes:
        print(*mistake, sep=" | ", file=sys.stderr)
    text = json.dumps(
        {"split": options.split, "seed": options.seed, "writers": len(writers), **report(tally)}, indent=1
    )
    print(text)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
