"""Model versions in MLflow: register, compare, promote, roll back.

Usage: ``Registry().register(Path("bundle"), metrics={"cer": 0.12})``
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from inkread.bundle import Bundle
from inkread.errors import BundleError, RegistryError

NAME = "inkread"
LOCAL = "sqlite:///mlflow.db"
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
BUNDLE, REPORT = "bundle", "report"
AUDIT = "audit."
METRIC = "metric."
IDENTITY = "sha256"

for _name in ("mlflow", "alembic"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # they announce each table of a new database


@dataclass(frozen=True, slots=True)
class Version:
    """A registered bundle."""

    version: int
    aliases: tuple[str, ...]
    metrics: dict[str, float]
    model: str
    data_hash: str
    code_commit: str
    created: str


@dataclass(frozen=True, slots=True)
class Audit:
    """One change of the champion: who, when (UTC, ISO 8601), why, and what to."""

    when: str
    who: str
    why: str
    action: str
    version: int


def default_tracking_uri() -> str:
    """``MLFLOW_TRACKING_URI``, or a SQLite file in the current folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or LOCAL


class Registry:
    """The versions of one registered model.

    Args:
        tracking_uri: MLflow server or database; None for `default_tracking_uri`.
        name: of the registered model.

    Raises:
        RegistryError: from every method, where the server cannot be reached or knows no such version.
    """

    def __init__(self, tracking_uri: str | None = None, name: str = NAME) -> None:
        self.uri = tracking_uri or default_tracking_uri()
        self.name = name
        self._client = MlflowClient(self.uri)

    def register(
        self,
        bundle: Path,
        *,
        report: Path | None = None,
        data_hash: str = "",
        metrics: Mapping[str, float] | None = None,
        run_id: str | None = None,
    ) -> int:
        """Store a bundle as a new version, make it the challenger, and return its number.

        Args:
            bundle: folder; its files are checked against their hashes first.
            report: kept beside it.
            data_hash: of the data set that taught it.
            metrics: figures that the promotion gate compares.
            run_id: the training run that made it; None opens one.
        """
        opened = Bundle.open(bundle)
        opened.verify()
        try:
            run = run_id or self._new_run(f"register {opened.model.version}")
            self._client.log_artifacts(run, str(bundle), BUNDLE)
            if report is not None:
                self._client.log_artifact(run, str(report), REPORT)
            for key, value in (metrics or {}).items():
                self._client.log_metric(run, key, value)
            if run_id is None:
                self._client.set_terminated(run)
            self._ensure_model()
            place = f"{self._client.get_run(run).info.artifact_uri}/{BUNDLE}"
            tags = {
                "model": f"{opened.model.name} {opened.model.version}",
                IDENTITY: opened.identity,
                "data_hash": data_hash,
                "code_commit": opened.model.code_commit,
                **{METRIC + key: repr(value) for key, value in (metrics or {}).items()},
            }
            made = self._client.create_model_version(self.name, place, run, tags=tags)
            self._client.set_registered_model_alias(self.name, CHALLENGER, made.version)
        except MlflowException as error:
            raise self._failed(error) from error
        return int(made.version)

    def promote(self, version: int, who: str, why: str) -> None:
        """Make a version the champion, and the champion so far the one to go back to."""
        former = self.champion()
        if former == version:
            raise RegistryError(f"version {version} is the champion already")
        try:
            self._client.get_model_version(self.name, str(version))
            self._record(Audit(_now(), who, why, "promote", version))
            if former is not None:
                self._client.set_registered_model_alias(self.name, PREVIOUS, str(former))
            self._client.set_registered_model_alias(self.name, CHAMPION, str(version))
            if self._alias(CHALLENGER) == version:
                self._client.delete_registered_model_alias(self.name, CHALLENGER)
        except MlflowException as error:
            raise self._failed(error) from error

    def rollback(self, who: str, why: str) -> int:
        """Make the former champion the champion again, and return its number."""
        former, now = self._alias(PREVIOUS), self.champion()
        if former is None or now is None:
            raise RegistryError(f"{self.name} has no former champion to go back to")
        try:
            self._record(Audit(_now(), who, why, "rollback", former))
            self._client.set_registered_model_alias(self.name, CHAMPION, str(former))
            self._client.set_registered_model_alias(self.name, PREVIOUS, str(now))
        except MlflowException as error:
            raise self._failed(error) from error
        return former

    def champion(self) -> int | None:
        """Number of the version that is served; None where none is."""
        return self._alias(CHAMPION)

    def versions(self) -> list[Version]:
        """All versions, newest first."""
        try:
            if not self._client.search_registered_models(f"name='{self.name}'"):
                return []
            found = self._client.search_model_versions(f"name='{self.name}'")
            aliases = self._client.get_registered_model(self.name).aliases
        except MlflowException as error:
            raise self._failed(error) from error
        return sorted((_version(item, aliases) for item in found), key=lambda item: -item.version)

    def audit(self) -> list[Audit]:
        """The changes of the champion, oldest first."""
        try:
            tags = self._client.get_registered_model(self.name).tags
        except MlflowException as error:
            raise self._failed(error) from error
        return [Audit(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(AUDIT)]

    def resolve(self, reference: int | str) -> int:
        """The number of a version or of an alias."""
        found = self.find(reference)
        if found is None:
            raise RegistryError(f"{self.name} has no version with the alias {reference}")
        return found

    def find(self, reference: int | str) -> int | None:
        """The number of a version or of an alias; None for an alias that no version has."""
        return int(reference) if isinstance(reference, int) or reference.isdigit() else self._alias(reference)

    def fetch(self, reference: int | str, folder: Path) -> Path:
        """The bundle of a version below ``folder``, downloaded once and checked against its hashes.

        Its folder is named after its identity, so registries with versions of the same number can share ``folder``.
        """
        version = self.resolve(reference)
        try:
            found = self._client.get_model_version(self.name, str(version))
            kept = self._place(folder, found.tags[IDENTITY]) if IDENTITY in found.tags else None
            if kept is not None and _holds(kept, found.tags[IDENTITY]):
                return kept
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=folder) as work:
                got = Path(self._client.download_artifacts(str(found.run_id), BUNDLE, work))
                bundle = Bundle.open(got)
                bundle.verify()
                target = self._place(folder, bundle.identity)
                if not _holds(target, bundle.identity):
                    shutil.rmtree(target, ignore_errors=True)
                    got.rename(target)
        except (MlflowException, OSError) as error:
            raise self._failed(error) from error
        return target

    def _place(self, folder: Path, identity: str) -> Path:
        return folder / f"{self.name}-{identity[:16]}"

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(self.name)
        return str(found.experiment_id) if found else str(self._client.create_experiment(self.name))

    def _new_run(self, name: str) -> str:
        return str(self._client.create_run(self._experiment(), run_name=name).info.run_id)

    def _ensure_model(self) -> None:
        if not self._client.search_registered_models(f"name='{self.name}'"):
            self._client.create_registered_model(self.name)

    def _alias(self, alias: str) -> int | None:
        try:
            return int(self._client.get_model_version_by_alias(self.name, alias).version)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise self._failed(error) from error

    def _record(self, audit: Audit) -> None:
        self._client.set_registered_model_tag(self.name, AUDIT + audit.when, json.dumps(asdict(audit)))

    def _failed(self, error: Exception) -> RegistryError:
        return RegistryError(f"{self.uri}: {str(error).splitlines()[0]}")


def _holds(folder: Path, identity: str) -> bool:
    try:
        return Bundle.open(folder).identity == identity
    except BundleError:
        return False


def _version(item: ModelVersion, aliases: Mapping[str, Any]) -> Version:
    tags = item.tags
    return Version(
        int(item.version),
        tuple(sorted(alias for alias, number in aliases.items() if int(number) == int(item.version))),
        {key.removeprefix(METRIC): float(value) for key, value in tags.items() if key.startswith(METRIC)},
        tags.get("model", ""),
        tags.get("data_hash", ""),
        tags.get("code_commit", ""),
        datetime.fromtimestamp(item.creation_timestamp / 1000, UTC).isoformat(timespec="seconds"),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


TOLERANCE = 0.002
"""A CER that is higher by this much or less counts as the same: 0.2 points are noise on the sample sizes at hand."""
MEASURE = "cer"


def objection(challenger: Version, champion: Version | None) -> str:
    """Why the challenger should not be promoted, in one sentence; "" where nothing speaks against it."""
    if MEASURE not in challenger.metrics:
        return f"version {challenger.version} has no {MEASURE}; evaluate it before it is promoted"
    if champion is None or MEASURE not in champion.metrics:
        return ""
    if challenger.data_hash != champion.data_hash:
        return (
            f"version {challenger.version} and the champion {champion.version} were measured on different data; "
            "evaluate both on the same data, or force it"
        )
    new, old = challenger.metrics[MEASURE], champion.metrics[MEASURE]
    if new > old + TOLERANCE:
        return (
            f"version {challenger.version} reads worse than champion {champion.version}: CER {new:.4f}, not {old:.4f}"
        )
    return ""


def promote(registry: Registry, reference: int | str, who: str, why: str, *, force: bool = False) -> int:
    """Make a version the champion where the gate does not object, or ``force`` overrules it; return its number.

    Raises:
        RegistryError: the gate objects, there is no such version, or it is the champion already.
    """
    number = registry.resolve(reference)
    known = {item.version: item for item in registry.versions()}
    if number not in known:
        raise RegistryError(f"there is no version {number}; inkread models list shows what there is")
    against = objection(known[number], known.get(registry.champion() or 0))
    if against and not force:
        raise RegistryError(f"{against} (force promotes it nevertheless)")
    registry.promote(number, who, why)
    return number
