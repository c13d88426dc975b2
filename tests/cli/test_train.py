"""A mistake in a plan must be one clear line, not a traceback."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from inkread.bundle import Bundle
from inkread.cli import app
from inkread.cli.train import train
from inkread.data.dataset import Dataset
from inkread.errors import DatasetError
from tests.training.conftest import user_lines

__all__ = ["user_lines"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "plan.json"),
        ('{"mixture": {}, "start": null}', "no line images"),
        ('{"mixture": {"store": "x"}, "speed": 1}', "speed"),
        ('{"mixture": {"store": "missing"}, "start": null}', "no line images"),
    ],
)
def test_a_bad_plan_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    plan = tmp_path / "plan.json"
    if content is not None:
        plan.write_text(content)
    with pytest.raises(DatasetError, match=message):
        train([plan], tmp_path / "run")


@pytest.mark.parametrize("start", ["bundled", "random"])
def test_datasets_become_a_run_and_a_bundle(user_lines: Path, tmp_path: Path, start: str) -> None:
    run, bundle = tmp_path / "run", tmp_path / "bundle"
    options = ["-o", str(run), "--start", start, "--steps", "2", "--columns", "2400", "--rehearsal", "0"]
    trained = CliRunner().invoke(app, ["train", str(user_lines), *options])
    assert trained.exit_code == 0, trained.output
    assert "16 lines to learn from, 4 to check with" in trained.output
    exported = CliRunner().invoke(app, ["export", str(run), "-o", str(bundle)])
    assert exported.exit_code == 0, exported.output
    opened = Bundle.open(bundle)
    opened.verify()
    assert opened.detector is not None
    sources = [source.name for source in opened.model.sources]
    assert ("hooker-en" in sources) == (start == "bundled")
    assert opened.model.sources[-1].sha256 == Dataset.open(user_lines).content_hash
