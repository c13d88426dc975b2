"""A run that was killed must go on as if it had not been, and leave what an export needs."""

import json
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from inkread.training.module import RecognizerModule
from inkread.training.stream import BUCKET, GPU_BUCKET, Batch
from inkread.training.train import LAST, TrainingPlan, fast_precision, starting_network, train, usual_bucket

PLANS = Path(__file__).parents[2] / "recipe" / "plans"


class PowerCut(Exception):
    pass


def test_an_interrupted_run_ends_with_the_weights_of_one_left_alone(
    plan: TrainingPlan, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = RecognizerModule.training_step

    def cut(module: RecognizerModule, batch: Batch, number: int) -> torch.Tensor:
        if module.global_step == 2:
            raise PowerCut
        return step(module, batch, number)

    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(RecognizerModule, "training_step", cut)
        train(plan, tmp_path)
    train(plan, tmp_path)
    straight, resumed = (torch.load(folder / LAST, weights_only=False) for folder in (run, tmp_path))
    assert resumed["global_step"] == straight["global_step"] == 4
    assert resumed["position"] == straight["position"]
    for part in ("state_dict", "current_model_state"):
        for name, weight in straight[part].items():
            assert torch.equal(resumed[part][name], weight), name


def test_a_killed_process_goes_on_with_the_same_curve(plan: TrainingPlan, run: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(plan.model_dump_json())
    command = [sys.executable, "-m", "inkread", "train", "plan.json", "-o", "run"]
    journal = tmp_path / "run" / "metrics.jsonl"
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not journal.is_file() and process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=240)
    assert curve(journal) == curve(run / "metrics.jsonl")


def curve(journal: Path) -> dict[int, dict[str, float]]:
    """CER by source at each step; a step that was done twice counts once."""
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    return {row["step"]: row["cer"] for row in rows}


def test_two_processes_train_together(plan: TrainingPlan, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(plan.model_copy(update={"devices": 2}).model_dump_json())
    command = [sys.executable, "-m", "inkread", "train", "plan.json", "-o", "run"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert answer.returncode == 0, answer.stderr
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4], "one of them writes the journal"
    assert torch.load(tmp_path / "run" / LAST, weights_only=False)["global_step"] == 4


def test_random_starting_weights_depend_on_the_seed_alone(plan: TrainingPlan) -> None:
    first, again = (starting_network(plan).state_dict() for _ in range(2))
    other = starting_network(plan.model_copy(update={"seed": plan.seed + 1})).state_dict()
    assert all(torch.equal(again[name], weight) for name, weight in first.items())
    assert not torch.equal(other["head.weight"], first["head.weight"])


def test_bf16_is_used_only_where_it_is_native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for native, expected in ((True, "bf16-mixed"), (False, "32-true")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda native=native: {"avx512_bf16": native})
        assert fast_precision() == expected


def test_the_journal_has_a_row_for_each_validation(run: Path) -> None:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4]
    assert set(rows[0]["cer"]) == {"letters"}


def test_a_gpu_gets_few_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, expected in ((True, GPU_BUCKET), (False, BUCKET)):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert usual_bucket() == expected


@pytest.mark.parametrize("plan_file", sorted(PLANS.glob("*.json")), ids=lambda path: path.stem)
def test_the_plans_of_the_project_can_be_run(plan_file: Path) -> None:
    assert TrainingPlan.model_validate_json(plan_file.read_text(encoding="utf-8")).optimisation.steps > 0
