"""Pages with a few written lines, cut into stores."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from inkread.bundle import DataSource
from inkread.data.cleaning import FilterSettings
from inkread.data.ingest import ingest, open_dataset
from inkread.data.store import CutSettings, line_images, usable_lines, write_store
from inkread.document import Line, Page, Region
from inkread.formats.page import dump
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.synthesis.ink import find_fonts
from inkread.synthesis.lines import read_texts, sample_lines
from inkread.training.data import MixturePlan
from inkread.training.module import Optimisation
from inkread.training.train import TrainingPlan, train

CHARACTERS = " 4DKSaefhimorstuwy"
TEXTS = ("Dear Sir", "of the 4th", "Kew", "λόγος", "with me", "yours")


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder ``letters`` with a page of six lines in each of its splits; one line has characters we do not keep."""
    folder = tmp_path_factory.mktemp("pages") / "letters"
    for split in ("train", "val"):
        (folder / split).mkdir(parents=True)
        grey = np.full((520, 420), 230, np.uint8)
        lines = []
        for number, text in enumerate(TEXTS):
            y = 80.0 * (number + 1)
            cv2.putText(grey, text, (40, int(y)), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.4, 40, 2, cv2.LINE_AA)
            outline = ((40, y - 40), (340, y - 40), (340, y + 15), (40, y + 15))
            lines.append(Line(f"l{number}", ((40.0, y), (340.0, y)), outline, text))
        page = Page(420, 520, (Region("r", ((0, 0), (420, 0), (420, 520), (0, 520)), tuple(lines)),), "one.png")
        cv2.imwrite(str(folder / split / "one.png"), grey)
        (folder / split / "one.xml").write_bytes(dump(page))
    return folder


@pytest.fixture(scope="session")
def stores(pages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lines of `pages`, cut into ``train`` and ``val``."""
    target = tmp_path_factory.mktemp("stores")
    for split in ("train", "val"):
        dataset = open_dataset(pages, split=split)
        lines, _ = usable_lines(dataset, Alphabet(LATIN), FilterSettings())
        write_store(target / split, line_images(dataset, lines, CutSettings(), context=split == "train"))
    return target


def tiny_plan(stores: Path, steps: int) -> TrainingPlan:
    """A run of a few steps over `stores`, from random weights."""
    return TrainingPlan(
        mixture=MixturePlan(store=stores),
        optimisation=Optimisation(steps=steps, warm_up=1, decay=0),
        start=None,
        columns=2400,
        validate_every=2,
        checkpoint_minutes=1e-6,
        threads=1,
        workers=0,
        alphabet=CHARACTERS,
        sources=(DataSource(name="letters", kind="pages", licence="CC0-1.0"),),
    )


@pytest.fixture(scope="session")
def plan(stores: Path) -> TrainingPlan:
    """Four steps with two views of every line."""
    plan = tiny_plan(stores, 4)
    return plan.model_copy(update={"optimisation": replace(plan.optimisation, consistency=0.2)})


@pytest.fixture(scope="session")
def run(plan: TrainingPlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of `plan` that nothing interrupted."""
    folder = tmp_path_factory.mktemp("runs") / "straight"
    train(plan, folder)
    return folder


@pytest.fixture
def user_lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 20 rendered lines of five documents, without splits."""
    folder = tmp_path_factory.mktemp("user")
    texts, fonts = read_texts(), find_fonts(())
    rows = ["image\ttext\tdocument_id"]
    for number, line in zip(range(20), sample_lines(texts, fonts, 20, seed=3), strict=False):
        Image.fromarray(line.image).save(folder / f"{number:02}.png")
        rows.append(f"{number:02}.png\t{line.text}\tletter{number % 5}")
    (folder / "lines.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    target = tmp_path_factory.mktemp("sets") / "set"
    ingest(folder, target)
    return target
