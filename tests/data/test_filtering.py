"""What nobody could learn from must go, with its reason, and nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkread.data.cleaning import FilterSettings, filter_samples, image_fault
from inkread.data.dataset import Dataset, Kind, Sample


def line(text: str, kind: Kind = "line") -> Sample:
    return Sample(text, "page.png", text, kind, "s", "d", layout="page.xml", line=0)


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("", "line", "too short a text"),
        ("a [...] b", "line", "unreadable"),
        ("x" * 20, "line", "too long a text"),
        ("fine", "page", "kind page"),
    ],
)
def test_texts_are_left_out_for_a_reason(tmp_path: Path, text: str, kind: Kind, reason: str) -> None:
    kept, reasons = filter_samples(
        Dataset(tmp_path, ()), [line(text, kind), line("good")], FilterSettings(max_characters=10)
    )
    assert [left.text for left in kept] == ["good"]
    assert reasons == {reason: 1}


def test_what_a_source_is_known_to_have_wrong_is_left_out(tmp_path: Path) -> None:
    settings = FilterSettings(excluded={"s": " OT |.{26,}"})
    lines = [line("Mühlenbecker Land OT Schönfließ"), line("a" * 26), line("Berlin")]
    kept, reasons = filter_samples(Dataset(tmp_path, ()), [*lines, replace(lines[0], source="others")], settings)
    assert [sample.source for sample in kept] == ["s", "others"]
    assert reasons == {"excluded": 2}


def test_rare_characters_take_their_lines_with_them(tmp_path: Path) -> None:
    lines = [line("ab"), line("ab"), line("a"), line("aþ")]
    kept, reasons = filter_samples(Dataset(tmp_path, ()), lines, FilterSettings(min_character_count=2))
    assert [left.text for left in kept] == ["ab", "ab", "a"]
    assert reasons == {"a rare character": 1}


def test_images_are_judged_by_size_and_contrast() -> None:
    rng = np.random.default_rng(0)
    written = np.where(rng.random((40, 200)) < 0.1, 30, 220).astype(np.uint8)
    settings = FilterSettings()
    assert image_fault(written, settings) == ""
    assert image_fault(written[:4], settings) == "image too small"
    assert image_fault(np.tile(written[:10], 5), settings) == "image too wide"
    assert image_fault(np.full((40, 200), 220, np.uint8), settings) == "too little contrast"


def test_a_data_set_in_order_loses_nothing(dataset: Path) -> None:
    opened = Dataset.open(dataset)
    kept, reasons = filter_samples(opened, opened.lines(), FilterSettings(min_side=2))
    assert len(kept) == len(opened.samples)
    assert not reasons
