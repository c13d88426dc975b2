"""The stages before training, run once on a tiny rendered archive."""

import pytest

from inkread.pipeline.data_stages import (
    calculate_class_weights,
    clean_data,
    encode_data,
    extract_raw_data,
    filter_data,
    load_dataset,
    one_hot_encode_labels,
    prepare_features,
    reshape_data,
    split_data,
)
from inkread.pipeline.model_stages import setup_callbacks
from inkread.pipeline.params import Params, check_params
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
