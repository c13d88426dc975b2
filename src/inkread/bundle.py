"""A model bundle: a folder with the network, its description and where it comes from.

Usage: ``bundle = Bundle.open(); bundle.model.alphabet``

::

    recognizer.onnx          int8 network for reading
    recognizer.safetensors   float weights that fine-tuning starts from
    detector.onnx            text detector (optional)
    lm.bin                   character language model (optional)
    lm.onnx                  neural language model, which chooses among the candidates of the first (optional)
    model.json               what `Model` describes
    drift.json               figures of pages that it learnt from, see `inkread.evaluation.drift` (optional)
    MODEL_CARD.md            the same for people

A bundle is what it reads with: its `Bundle.identity` is a hash over `FILES`, and every cache is keyed by it. Name and
version are for people; two projects may both call theirs ``inkread 3``.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from inkread.errors import BundleError, RegistryError

RECOGNIZER = "recognizer.onnx"
WEIGHTS = "recognizer.safetensors"
DETECTOR = "detector.onnx"
LANGUAGE_MODEL = "lm.bin"
NEURAL_LANGUAGE_MODEL = "lm.onnx"
DESCRIPTION = "model.json"
FILES = (DETECTOR, LANGUAGE_MODEL, NEURAL_LANGUAGE_MODEL, DESCRIPTION, RECOGNIZER, WEIGHTS)
"""What a bundle reads and learns with, in the order of its identity."""
LANGUAGE_MODELS = (LANGUAGE_MODEL, NEURAL_LANGUAGE_MODEL)
USER_PAGES = "pages of a user"
"""Kind of the sources that fine-tuning or the pipeline added to what a bundle had learnt."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputFormat(_Strict):
    """What the network is fed: uint8 strips [batch, 1, height, width], which it normalises itself."""

    height: int = Field(48, ge=16, le=256)
    stride: float = Field(description="strip pixels for one output frame", gt=0)


class Rescoring(_Strict):
    """How the neural language model chooses among the candidates of the search; the weights were tuned on val."""

    candidates: int = Field(8, ge=2, description="the best of the search, which are weighed")
    margin: float | None = Field(
        None, ge=0, description="how far below the best one, in nats, a candidate is still weighed; None for any"
    )
    weight: float = Field(ge=0, description="of the natural log probability by the neural model")
    language_model_weight: float = Field(0.0, description="added for the n-grams; below 0 they count less than before")
    length_bonus: float = Field(0.0, description="added for each character")


class Decoding(_Strict):
    """Defaults of the decoder; the weights were tuned on val."""

    beam_width: int = Field(16, ge=1)
    language_model_weight: float = Field(0.0, ge=0)
    length_bonus: float = 0.0
    temperature: float = Field(1.0, gt=0, description="of the network's probabilities, with the language model")
    rescoring: Rescoring | None = Field(None, description="None: the best text of the search is the reading")


Share = Annotated[float, Field(ge=0, le=1)]


class CalibrationValues(_Strict):
    """What turns a raw confidence into a probability, see `inkread.recognition.confidence.Calibration`."""

    scale: float = Field(1.0, gt=0)
    shift: float = 0.0
    scale_wrong: float | None = Field(None, gt=0, description="None: the same as scale")
    length: float = Field(0.0, description="of a word, for the natural log of its characters")
    changed: float = Field(0.0, description="of a word, for what the language model changed in it")
    bend: tuple[tuple[Share, Share], ...] = Field((), description="points that the result is bent through at last")

    @field_validator("bend")
    @classmethod
    def _bend_rises(cls, bend: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if any(x <= before or y < lower for (before, lower), (x, y) in pairwise(bend)):
            raise ValueError("its points must rise")
        return bend


class Rejection(_Strict):
    """Lines at least so sure had, on val, so low a character error rate together."""

    cer: float = Field(ge=0)
    confidence: float = Field(ge=0, le=1)
    coverage: float = Field(description="share of the characters of val in such lines", ge=0, le=1)


class Confidences(_Strict):
    """What val says of the confidences of one way of decoding; without values they stay raw."""

    word_calibration: CalibrationValues = CalibrationValues()
    line_calibration: CalibrationValues = CalibrationValues()
    rejection: tuple[Rejection, ...] = ()


class DataSource(_Strict):
    """Something the model learnt from: pages, fonts, texts or starting weights."""

    name: str
    kind: str
    licence: str
    origin: str = ""
    sha256: str = ""


class Metric(_Strict):
    """A measured figure with its 95 % interval."""

    name: str
    dataset: str
    split: str
    value: float
    low: float | None = None
    high: float | None = None
    lines: int | None = None
    documents: int | None = Field(None, description="what the interval is a bootstrap over")
    command: str = ""


class Model(Confidences):
    """``model.json``; its own confidences are those of decoding as the bundle does by default."""

    name: str
    version: str
    licence: str = "Apache-2.0"
    summary: str = ""
    alphabet: str
    input: InputFormat
    decoding: Decoding = Decoding()
    greedy: Confidences | None = Field(None, description="without the bundle's language model")
    parameters: int = Field(0, ge=0)
    sources: tuple[DataSource, ...] = ()
    metrics: tuple[Metric, ...] = ()
    training_command: str = ""
    code_commit: str = ""
    files: dict[str, str] = Field(default_factory=dict, description="sha256 of each file of the bundle")

    def confidences(self, *, language_model: bool) -> Confidences:
        """Those that belong to reading with the bundle's language model, or without one."""
        return self if language_model or self.greedy is None else self.greedy

    def confidence_for(self, cer: float, *, language_model: bool = True) -> float:
        """The least confidence of lines that together had at most this character error rate on val.

        Raises:
            BundleError: no such confidence was measured; the sentence names the lowest rate for which one was.
        """
        rejection = self.confidences(language_model=language_model).rejection
        reached = [row for row in rejection if row.cer <= cer]
        if not reached:
            lowest = min((row.cer for row in rejection), default=None)
            known = "none was measured for it" if lowest is None else f"the lowest that was reached is {lowest:.1%}"
            raise BundleError(f"{self.name} {self.version} cannot promise a CER of {cer:.1%}: {known}")
        return max(reached, key=lambda row: row.cer).confidence


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: where it lies and what it says of itself."""

    folder: Path
    model: Model = field(repr=False)

    @classmethod
    def open(cls, reference: str | Path | None = None) -> Bundle:
        """Open a bundle.

        Args:
            reference: a folder; ``models:/inkread@champion`` or ``models:/inkread/3`` for a version in the registry,
                which is fetched once; ``"bundled"`` or None for the bundle in the package.

        Raises:
            BundleError: the folder, its description or its network is missing or wrong.
            RegistryError: the reference is malformed, or the registry has no such version.
        """
        path = _folder(reference)
        try:
            text = (path / DESCRIPTION).read_text(encoding="utf-8")
        except OSError:
            raise BundleError(f"{path}: no model bundle here ({DESCRIPTION} cannot be read)") from None
        try:
            model = Model.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or DESCRIPTION
            raise BundleError(f"{path / DESCRIPTION}: {where}: {first['msg']}") from None
        bundle = cls(path, model)
        if not bundle.recognizer.is_file():
            raise BundleError(f"{path}: {RECOGNIZER} is missing; copy the whole bundle folder")
        return bundle

    @property
    def known(self) -> tuple[str, ...]:
        """Names of the sources that the first model learnt; those that retraining added are left out."""
        return tuple(source.name for source in self.model.sources if source.kind != USER_PAGES)

    @property
    def recognizer(self) -> Path:
        """The int8 network."""
        return self.folder / RECOGNIZER

    @property
    def weights(self) -> Path:
        """The float weights."""
        return self.folder / WEIGHTS

    @property
    def detector(self) -> Path | None:
        """The text detector, where the bundle has one."""
        return self._optional(DETECTOR)

    @property
    def language_model(self) -> Path | None:
        """The language model, where the bundle has one."""
        return self._optional(LANGUAGE_MODEL)

    @property
    def neural_language_model(self) -> Path | None:
        """The neural language model, where the bundle has one."""
        return self._optional(NEURAL_LANGUAGE_MODEL)

    @property
    def identity(self) -> str:
        """Hex SHA-256 of what ``sha256sum`` prints for the `FILES` that are there: equal for copies of a bundle.

        Files are hashed again only where their time or size changed.
        """
        files = [self.folder / name for name in FILES if (self.folder / name).is_file()]
        listing = "".join(f"{file_sha256(path)}  {path.name}\n" for path in files)
        return hashlib.sha256(listing.encode()).hexdigest()

    def verify(self) -> None:
        """Compare every listed file with its hash.

        Raises:
            BundleError: a file is missing or was altered.
        """
        for name, expected in self.model.files.items():
            path = self.folder / name
            if not path.is_file():
                raise BundleError(f"{self.folder}: {name} is missing; copy the whole bundle folder")
            if file_sha256(path) != expected:
                raise BundleError(f"{path}: the content does not match {DESCRIPTION}; copy the bundle again")

    def _optional(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.is_file() else None


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file's content."""
    status = path.stat()
    return _sha256(path, status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(path: Path, _number: int, _size: int, _changed: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


REFERENCE = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[\w.-]+)|/(?P<version>\d+))")
SCHEME = "models:"
BUNDLED = "bundled"
"""The bundle in the package; a folder of that name is written ``./bundled``."""


def cache_folder() -> Path:
    """Where fetched bundles are kept: ``INKREAD_CACHE``, or a folder in the user's cache."""
    chosen = os.environ.get("INKREAD_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        home = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        home = Path.home() / "Library" / "Caches"
    else:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "inkread"


def is_registered(reference: str | Path) -> bool:
    """``is_registered("models:/inkread/3")``: whether it names a version in the registry, not a folder."""
    return str(reference).startswith(SCHEME)


def split_reference(reference: str) -> tuple[str, str]:
    """``split_reference("models:/inkread@champion") == ("inkread", "champion")``; RegistryError where malformed."""
    match = REFERENCE.fullmatch(reference)
    if match is None:
        raise RegistryError(f"{reference}: write models:/NAME@ALIAS or models:/NAME/VERSION")
    return match["name"], match["alias"] or match["version"]


def _folder(reference: str | Path | None) -> Path:
    if reference is None or reference == BUNDLED:
        return Path(str(resources.files("inkread") / "assets" / "model"))
    if not is_registered(reference):
        return Path(reference)
    name, wanted = split_reference(str(reference))
    try:
        from inkread.registry import Registry
    except ModuleNotFoundError as error:
        need = f"{reference}: this needs {error.name}, install it with pip install 'inkread[serve]'"
        raise RegistryError(need) from None
    return Registry(name=name).fetch(wanted, cache_folder())
