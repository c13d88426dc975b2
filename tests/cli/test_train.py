"""A mistake in a plan must be one clear line, not a traceback."""

from pathlib import Path

import pytest

from inkread.cli.train import train
from inkread.errors import DatasetError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "plan.json"),
        ('{"mixture": {}}', "mixture.store"),
        ('{"mixture": {"store": "x"}, "speed": 1}', "speed"),
        ('{"mixture": {"store": "missing"}, "warm": false}', "no cut lines"),
    ],
)
def test_a_bad_plan_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    plan = tmp_path / "plan.json"
    if content is not None:
        plan.write_text(content)
    with pytest.raises(DatasetError, match=message):
        train(plan, tmp_path / "run")
