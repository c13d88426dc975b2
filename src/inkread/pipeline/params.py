"""``params.yaml``: every setting of the pipeline, checked.

Usage: ``params = load_params(Path("params.yaml")); params.split_data.test``
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inkread.data.cleaning import FilterSettings
from inkread.data.ingest import Format
from inkread.data.split import SplitSettings, WeightSettings
from inkread.data.store import CutSettings
from inkread.errors import DatasetError
from inkread.training.settings import CallbackSettings, WordCnnSettings

PARAMS = Path("params.yaml")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Extract(_Strict):
    """Where raw data comes from.

    Attributes:
        source: a folder, archive or table; empty for an IAM-format archive rendered from fonts.
        writers, forms: of the rendered archive.
        seed: of the rendered archive.
    """

    source: str = ""
    writers: int = Field(12, ge=3)
    forms: int = Field(3, ge=1)
    seed: int = 1


class Load(_Strict):
    """What the source does not say, and datasets that are added; see `inkread.data.ingest.IngestOptions`."""

    format: Format | None = None
    source: str = ""
    licence: str = ""
    language: str = ""
    add: tuple[Path, ...] = ()


class Clean(_Strict):
    """Characters outside this alphabet cannot be learnt: "latin" for the bundled one, or the characters."""

    alphabet: str = "latin"


class Reshape(_Strict):
    """Side of the word images of the baseline in pixels, and width step of the line buckets."""

    word_side: Literal[28] = 28
    bucket: int = Field(32, ge=8)


class OneHot(_Strict):
    """The closed vocabulary: words that occur at least so often in training, at most so many."""

    min_count: int = Field(8, ge=1)
    most_words: int = Field(500, ge=2)


class Recognizer(_Strict):
    """The run of the line recogniser.

    Attributes:
        start: bundle that it starts from, its folder or "bundled" for the one in the package; null for random weights.
        steps, rate, columns, warm_up: see `inkread.training.train.TrainingPlan`.
        validate_every, validation_lines: see there.
        known_share: share of the lines from sources that the first model has learnt, where the data has others too.
        seed: of all randomness.
    """

    start: str | None = "bundled"
    steps: int = Field(24, ge=1)
    rate: float = Field(2e-4, gt=0)
    columns: int = Field(4_800, ge=2_400)
    warm_up: int = Field(6, ge=1)
    validate_every: int = Field(12, ge=1)
    validation_lines: int = Field(24, ge=1)
    known_share: float = Field(0.5, ge=0, lt=1)
    seed: int = 1


class Train(_Strict):
    """Both models."""

    word_cnn: WordCnnSettings = WordCnnSettings()
    recognizer: Recognizer = Recognizer()


class Evaluate(_Strict):
    """At most so many lines and words of test are read."""

    most_lines: int = Field(400, ge=1)


class Export(_Strict):
    """Name and version of the bundle; without a version it gets that of the start and a hash of what was made.

    ``reference_pages`` of train and val are read for the reference for drift, where the dataset has pages.
    """

    name: str = "inkread"
    version: str = ""
    reference_pages: int = Field(60, ge=0)


class Register(_Strict):
    """MLflow: where to (empty for the environment's or the local one), under what name."""

    tracking_uri: str = ""
    name: str = "inkread"


class Params(_Strict):
    """One section a stage."""

    extract_raw_data: Extract = Extract()
    load_dataset: Load = Load()
    filter_data: FilterSettings = FilterSettings()
    clean_data: Clean = Clean()
    prepare_features: CutSettings = CutSettings()
    split_data: SplitSettings = SplitSettings()
    reshape_data: Reshape = Reshape()
    calculate_class_weights: WeightSettings = WeightSettings()
    one_hot_encode_labels: OneHot = OneHot()
    setup_callbacks: CallbackSettings = CallbackSettings()
    build_train_cnn: Train = Train()
    evaluate_model: Evaluate = Evaluate()
    export_model: Export = Export()
    register_model: Register = Register()


def load_params(path: Path = PARAMS) -> Params:
    """Read and check the file.

    Raises:
        DatasetError: it is missing, no YAML, or a value is wrong.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise DatasetError(f"{path}: the parameters cannot be read ({error})") from error
    return check_params(content, str(path))


def check_params(content: Any, name: str) -> Params:
    """Check parameters that are read already; DatasetError names the first wrong one."""
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the content"
        raise DatasetError(f"{name}: {where}: {first['msg']}") from None
