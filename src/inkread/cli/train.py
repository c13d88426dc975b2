"""``inkread train``: train a recogniser by a plan, or go on with an interrupted run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from inkread.errors import DatasetError
from inkread.training.train import TrainingPlan
from inkread.training.train import train as run_plan


def train(
    plan: Annotated[Path, typer.Argument(help="JSON file with the plan")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Run folder; an interrupted run there goes on")],
) -> None:
    """Train a recogniser.

    Example: inkread train plan.json -o runs/first
    """
    try:
        described = TrainingPlan.model_validate_json(plan.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"{plan}: the plan cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the plan"
        raise DatasetError(f"{plan}: {where}: {first['msg']}") from None
    typer.echo(f"last checkpoint: {run_plan(described, output)}")


if __name__ == "__main__":
    typer.run(train)
