"""Fine-tuning gives back something better, or what it was given."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from inkread.bundle import Bundle
from inkread.data.dataset import MANIFEST, Dataset, write_samples
from inkread.errors import OutputError
from inkread.training import finetune as module
from inkread.training.finetune import REPORT, FinetuneSettings, finetune

SHORT = FinetuneSettings(steps=12, rate=4e-4, rehearsal=0.0, columns=2400, version="mine")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != REPORT}


@pytest.mark.system
def test_other_spellings_are_learnt_and_the_card_names_the_data(user_lines: Path, tmp_path: Path) -> None:
    # The hand is one that the model reads well; what it has to learn is that this writer has no capital letters.
    samples = Dataset.open(user_lines).samples
    write_samples(user_lines / MANIFEST, [replace(s, text=s.text.lower().replace("e", "E")) for s in samples])
    report = finetune(Bundle.open(), user_lines, tmp_path / "mine", SHORT)
    assert report.improved
    assert report.after.value < report.before.value
    bundle = Bundle.open(tmp_path / "mine")
    bundle.verify()
    assert bundle.model.version == "mine"
    assert bundle.model.sources[-1].kind == "pages of a user"
    assert bundle.known == Bundle.open().known, "more lines of this hand are new when it is fine-tuned again"
    assert bundle.model.metrics[0].value == pytest.approx(report.after.value, abs=1e-4)
    assert bundle.language_model is not None
    assert json.loads((tmp_path / "mine" / REPORT).read_text())["improved"] is True
    assert not list(tmp_path.glob(".mine*")), "nothing is left beside it"


def test_what_does_not_help_gives_back_the_start(
    user_lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SHORT.model_copy(update={"steps": 1, "rate": 1e-7})
    report = finetune(Bundle.open(), user_lines, tmp_path / "mine", settings)
    assert not report.improved
    assert report.after == report.before
    assert files(tmp_path / "mine") == files(Bundle.open().folder)

    def broken(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(module, "_choose_and_write", broken)
    with pytest.raises(RuntimeError):
        finetune(Bundle.open(), user_lines, tmp_path / "mine", settings)
    assert files(tmp_path / "mine") == files(Bundle.open().folder), "an interrupted call leaves what was there"
    assert (tmp_path / ".mine.partial" / "run" / "checkpoints" / "last.ckpt").is_file(), "the next call goes on here"


def test_a_strange_folder_is_not_overwritten(user_lines: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(OutputError, match="photos"):
        finetune(Bundle.open(), user_lines, tmp_path / "photos", SHORT)
