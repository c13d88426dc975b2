"""Raw data is unpacked safely, or its absence named."""

from pathlib import Path

import pytest

from inkread.data.dataset import Dataset
from inkread.errors import DatasetError
from inkread.pipeline.data_stages import extract_raw_data
from inkread.pipeline.params import check_params
from inkread.pipeline.stage import Artifacts


def test_raw_data_is_unpacked_and_loaded(prepared: Artifacts) -> None:
    assert (prepared.raw / "ascii" / "words.txt").is_file()
    samples = Dataset.open(prepared.dataset).samples
    assert {sample.source for sample in samples} == {"iam-synthetic"}
    assert {sample.kind for sample in samples} == {"line", "word"}


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    wrong = check_params({"extract_raw_data": {"source": "no/such.tgz"}}, "params.yaml")
    with pytest.raises(DatasetError, match="extract_raw_data.source"):
        extract_raw_data(Artifacts(tmp_path), wrong)
