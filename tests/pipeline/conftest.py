"""The stages before training, run once on a tiny rendered archive."""

import pytest

from inkread.pipeline.calculate_class_weights import calculate_class_weights
from inkread.pipeline.clean_data import clean_data
from inkread.pipeline.encode_data import encode_data
from inkread.pipeline.extract_raw_data import extract_raw_data
from inkread.pipeline.filter_data import filter_data
from inkread.pipeline.load_dataset import load_dataset
from inkread.pipeline.one_hot_encode_labels import one_hot_encode_labels
from inkread.pipeline.params import Params, check_params
from inkread.pipeline.prepare_features import prepare_features
from inkread.pipeline.reshape_data import reshape_data
from inkread.pipeline.setup_callbacks import setup_callbacks
from inkread.pipeline.split_data import split_data
from inkread.pipeline.stage import Artifacts

STAGES = (
    extract_raw_data,
    load_dataset,
    filter_data,
    clean_data,
    encode_data,
    prepare_features,
    split_data,
    reshape_data,
    calculate_class_weights,
    one_hot_encode_labels,
    setup_callbacks,
)


@pytest.fixture(scope="session")
def params() -> Params:
    """Small enough for a test: 5 writers with one form each, and a few steps of training."""
    return check_params(
        {
            "extract_raw_data": {"writers": 5, "forms": 1},
            "split_data": {"val": 0.2, "test": 0.2},
            "one_hot_encode_labels": {"min_count": 3},
            "build_train_cnn": {
                "word_cnn": {"epochs": 3},
                "recognizer": {"steps": 2, "warm_up": 1, "validate_every": 2, "validation_lines": 4, "columns": 2400},
            },
            "evaluate_model": {"most_lines": 20},
            "export_model": {"version": "0.0.0+test"},
        },
        "test",
    )


@pytest.fixture(scope="session")
def prepared(params: Params, tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """What the stages before training leave."""
    artifacts = Artifacts(tmp_path_factory.mktemp("pipeline"))
    for stage in STAGES:
        stage(artifacts, params)
    return artifacts
