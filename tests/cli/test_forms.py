import json
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from form_sheets import Sheet
from inkread.cli import app
from inkread.errors import InputError
from inkread.forms.template import Template
from tests.forms.conftest import FORM, fill_form, save_form


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sheet]:
    folder = tmp_path_factory.mktemp("desk")
    sheet = fill_form(save_form(FORM, folder), 4)
    (folder / "scans").mkdir()
    cv2.imwrite(str(folder / "scans" / "one.png"), sheet.pages[0])
    return folder, sheet


def test_filled_forms_become_rows(desk: tuple[Path, Sheet]) -> None:
    folder, sheet = desk
    arguments = ["forms", "read", str(folder / "visit.yaml"), str(folder / "scans"), "-o", str(folder / "out.csv")]
    done = CliRunner().invoke(app, [*arguments, "--max-error", "1%"])
    assert done.exit_code == 0, done.output
    assert sheet.truth["town"] in (folder / "out.csv").read_text(encoding="utf-8-sig")
    assert not (folder / "out.csv.part.jsonl").exists()


def test_wrong_usage_is_told_before_anything_is_read(desk: tuple[Path, Sheet]) -> None:
    folder, _ = desk
    assert CliRunner().invoke(app, ["forms", "read", str(folder / "scans"), "-o", "out.csv"]).exit_code == 2
    wrong = CliRunner().invoke(app, ["forms", "read", str(folder / "visit.yaml"), "x", "-o", "out.txt"])
    assert ".csv, .xlsx, .json, .parquet" in str(wrong.exception)


@pytest.mark.parametrize("blank", ["nothing.pdf", "."])
def test_an_empty_form_that_is_no_file_is_told(tmp_path: Path, blank: str) -> None:
    done = CliRunner().invoke(app, ["forms", "new", str(tmp_path / blank), "-o", str(tmp_path / "new.yaml")])
    assert isinstance(done.exception, InputError)
    assert "this is no file" in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_a_template_that_is_there_is_not_replaced(desk: tuple[Path, Sheet]) -> None:
    folder, _ = desk
    before = Template.load(folder / "visit.yaml")
    done = CliRunner().invoke(
        app, ["forms", "new", str(folder / "scans" / "one.png"), "-o", str(folder / "visit.yaml")]
    )
    assert "--force" in str(done.exception)
    assert Template.load(folder / "visit.yaml") == before
    shown = CliRunner().invoke(app, ["forms", "show", str(folder / "visit.yaml"), "-o", str(folder / "fields.png")])
    assert shown.exit_code == 0
    assert (folder / "fields.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.system
def test_a_batch_that_was_killed_goes_on(desk: tuple[Path, Sheet], tmp_path: Path) -> None:
    folder, sheet = desk
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), sheet.pages[0])
    output, journal = tmp_path / "out.json", tmp_path / "out.json.part.jsonl"
    template = str(folder / "visit.yaml")
    command = [sys.executable, "-m", "inkread", "forms", "read", template, str(tmp_path), "-o", str(output)]
    first = subprocess.Popen(command)
    deadline = time.monotonic() + 120
    while first.poll() is None and time.monotonic() < deadline:
        if journal.exists() and journal.read_bytes().count(b"\n") >= 2:  # its head, and a form
            break
        time.sleep(0.02)
    first.kill()
    first.wait()
    before = journal.read_bytes()
    assert not output.exists()
    subprocess.run(command, check=True)
    forms = json.loads(output.read_text(encoding="utf-8"))["forms"]
    assert [Path(form["sheets"]["0"]["source"]).name for form in forms] == [f"{number}.png" for number in range(4)]
    assert json.loads(before.split(b"\n")[1])["fields"].keys() == forms[0]["fields"].keys()
    assert not journal.exists()
