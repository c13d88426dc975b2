"""Parameters are checked before anything runs, and the file in the project is complete."""

from pathlib import Path

import pytest
import yaml

from inkread.errors import DatasetError
from inkread.pipeline.params import Params, check_params, load_params

ROOT = Path(__file__).parents[2]


def test_the_file_of_the_project_names_every_parameter_with_its_default() -> None:
    written = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert load_params(ROOT / "params.yaml") == Params()
    assert Params().model_dump(mode="json") == Params.model_validate(written).model_dump(mode="json")
    for section, values in Params().model_dump().items():
        assert set(written[section]) == set(values), section


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"split_data": {"test": 2}}, r"split_data\.test"),
        ({"train": {}}, "train"),
        ({"build_train_cnn": {"recognizer": {"steps": "many"}}}, r"build_train_cnn\.recognizer\.steps"),
    ],
)
def test_a_wrong_value_is_named(content: dict[str, object], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        check_params(content, "params.yaml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none\.yaml"):
        load_params(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(DatasetError, match=r"bad\.yaml"):
        load_params(tmp_path / "bad.yaml")
