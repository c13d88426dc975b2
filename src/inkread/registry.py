"""Model versions in MLflow: register, compare, promote, roll back, read in the shadow of the champion.

Usage: ``Registry().register(Path("bundle"), metrics={"cer": 0.12})``
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from inkread.bundle import Bundle
from inkread.errors import BundleError, RegistryDownError, RegistryError
from inkread.evaluation.gate import Change, Comparison, LineErrors, compare, gate_table, objections

if TYPE_CHECKING:
    from inkread.evaluation.gold import GoldImage

NAME = "inkread"
LOCAL = "sqlite:///mlflow.db"
CHAMPION, CHALLENGER, PREVIOUS, SHADOW = "champion", "challenger", "previous", "shadow"
BUNDLE, REPORT, GATE = "bundle", "report", "gate"
CHANGES = "changes.json"
AUDIT = "audit."
CHAMPION_ACTIONS = frozenset({"promote", "rollback", "found"})
METRIC, COMPARED = "metric.", "comparison"
IDENTITY, DATASETS = "sha256", "datasets"
SEEDER = "inkread"
REGISTER, MOVED, REFUSE, UNSHADOW = "register", "moved", "refuse", "unshadow"
OVERRULED = " (overruled: "
SHOWN_REASONS = 4
LEAST_SECONDS = 3.0
"""Of CPU time on the gold lines; which of two versions is faster cannot be told from less."""
_CHANGING = threading.RLock()
"""Held while the champion changes, so that of two changes at once the second sees what the first made."""

Reading = tuple[Sequence[LineErrors], float]
"""What a bundle read wrong in the gold lines, and the seconds of CPU time it took."""

for _name in ("mlflow", "alembic"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # they announce each table of a new database


@dataclass(frozen=True, slots=True)
class Version:
    """A registered bundle; ``sha256`` is that of its content."""

    version: int
    aliases: tuple[str, ...]
    metrics: dict[str, float]
    model: str
    data_hash: str
    code_commit: str
    created: str
    comparison: Comparison | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Audit:
    """One change of an alias: who, when (UTC, ISO 8601), why, what was done, and to which version.

    promote, rollback and found name the champion from then on; register names the challenger; refuse names what the
    gate did not let pass; shadow names what reads beside the champion, and unshadow what does so no more. moved says
    that an alias was not where the trail says, because it was moved in MLflow itself or its change was interrupted, and
    where it was: it was put back.
    """

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
        self._suspected: dict[str, int] | None = None

    def register(
        self,
        bundle: Path,
        *,
        report: Path | None = None,
        data_hash: str = "",
        metrics: Mapping[str, float] | None = None,
        run_id: str | None = None,
        who: str = SEEDER,
    ) -> int:
        """Store a bundle as a new version, make it the challenger, and return its number.

        Args:
            bundle: folder; its files are checked against their hashes first.
            report: kept beside it.
            data_hash: of the dataset it was trained on.
            metrics: its figures.
            run_id: the training run that made it; None opens one.
            who: for the audit trail.
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
                DATASETS: ",".join(sorted({source.sha256 for source in opened.model.sources if source.sha256})),
                "code_commit": opened.model.code_commit,
                **{METRIC + key: repr(value) for key, value in (metrics or {}).items()},
            }
            made = self._client.create_model_version(self.name, place, run, tags=tags)
            with _CHANGING:
                self._record(
                    Audit(_now(), who, f"{opened.model.name} {opened.model.version}", REGISTER, int(made.version))
                )
                self._client.set_registered_model_alias(self.name, CHALLENGER, made.version)
        except MlflowException as error:
            raise self._failed(error) from error
        return int(made.version)

    def keep_comparison(self, version: int, comparison: Comparison) -> None:
        """Note with a version how it compares with the champion; the promotion gate asks for it."""
        try:
            self._client.set_model_version_tag(self.name, str(version), COMPARED, json.dumps(asdict(comparison)))
        except MlflowException as error:
            raise self._failed(error) from error

    def keep_changes(self, version: int, changes: Sequence[Change], report: str) -> None:
        """Keep beside a version the lines that it reads otherwise than the champion, in place of those kept before."""
        try:
            run = str(self._client.get_model_version(self.name, str(version)).run_id)
            kept = json.dumps([asdict(change) for change in changes], ensure_ascii=False)
            self._client.log_text(run, kept, f"{GATE}/{CHANGES}")
            self._client.log_text(run, report, f"{GATE}/report.html")
        except MlflowException as error:
            raise self._failed(error) from error

    def changes(self, version: int) -> list[Change]:
        """The lines that a version reads otherwise than the champion it was compared with; none where not compared."""
        try:
            run = str(self._client.get_model_version(self.name, str(version)).run_id)
            if not any(Path(item.path).name == CHANGES for item in self._client.list_artifacts(run, GATE)):
                return []
            with TemporaryDirectory() as folder:
                kept = Path(self._client.download_artifacts(run, f"{GATE}/{CHANGES}", folder)).read_bytes()
        except (MlflowException, OSError) as error:
            raise self._failed(error) from error
        return [Change(**row) for row in json.loads(kept)]

    def seed(self, bundle: Path) -> int | None:
        """Register a bundle as the first champion, and return its number; None where there is a champion already.

        It is version 1 unless others were registered while no prediction service could reach the registry.
        """
        with _CHANGING:
            if self.champion() is not None:
                return None
            version = self.register(bundle)
            self.promote(version, SEEDER, "the bundled model is the first champion")
            return version

    def promote(self, version: int, who: str, why: str) -> None:
        """Make a version the champion, and the champion so far the one to go back to; nothing where it is already.

        The change is written to the audit trail first: what the trail says last is the champion.
        """
        with _CHANGING:
            try:
                self._client.get_model_version(self.name, str(version))
                if self._recorded_champion() == version:
                    return
                self._record(Audit(_now(), who, why, "promote", version))
                self._set_aliases()
            except MlflowException as error:
                raise self._failed(error) from error

    def refused(self, version: int, who: str, why: str) -> None:
        """Note in the audit trail that the gate refused a version."""
        try:
            self._record(Audit(_now(), who, why, REFUSE, version))
        except MlflowException as error:
            raise self._failed(error) from error

    def rollback(self, who: str, why: str, version: int | None = None) -> int:
        """Make the champion before this one the champion again, and return its number.

        Args:
            who: decides.
            why: for the audit trail.
            version: the champion to take back; where it is the champion no more, nothing is changed, so that asking
                twice is asking once.
        """
        with _CHANGING:
            history = self._history()
            if version is not None and history and history[-1] != version:
                return history[-1]
            if len(history) < 2:
                raise RegistryError(f"{self.name} has no former champion to go back to")
            try:
                self._record(Audit(_now(), who, why, "rollback", history[-2]))
                self._set_aliases()
            except MlflowException as error:
                raise self._failed(error) from error
            return history[-2]

    def shadow(self, reference: int | str, who: str, why: str) -> int:
        """Let a version read pages beside the champion, in place of any other, and return its number.

        Raises:
            RegistryError: there is no such version, no champion, or the version is the champion.
        """
        with _CHANGING:
            version = self.resolve(reference)
            try:
                self._client.get_model_version(self.name, str(version))
                champion = self._recorded_champion()
                if champion is None:
                    raise RegistryError(f"{self.name} has no champion that version {version} could read beside")
                if champion == version:
                    raise RegistryError(f"version {version} is the champion, choose another version for the shadow")
                if self.find(SHADOW) != version:
                    self._record(Audit(_now(), who, why, SHADOW, version))
                    self._set_aliases()
            except MlflowException as error:
                raise self._failed(error) from error
            return version

    def end_shadow(self, who: str, why: str) -> int | None:
        """Let no version read beside the champion; the number of the one that did, None where none did."""
        with _CHANGING:
            version = self.find(SHADOW)
            if version is None:
                return None
            try:
                self._record(Audit(_now(), who, why, UNSHADOW, version))
                self._set_aliases()
            except MlflowException as error:
                raise self._failed(error) from error
            return version

    def _recorded_champion(self) -> int | None:
        """The champion; one from before there was an audit trail is noted in it."""
        champion = self.champion()
        if champion is not None and not self._history():
            self._record(Audit(_now(), SEEDER, "champion before there was an audit trail", "found", champion))
        return champion

    def _history(self) -> list[int]:
        return _champions(self.audit())

    def _set_aliases(self) -> None:
        """Set the aliases as the audit trail says."""
        trail, found = self._state()
        for alias, number in _decided(trail, found).items():
            if number is not None:
                self._client.set_registered_model_alias(self.name, alias, str(number))
            elif alias in found:
                self._client.delete_registered_model_alias(self.name, alias)

    def anchor(self) -> int | None:
        """The first champion, or the last one that was promoted although the gate objected.

        The gate compares with it too, so that small losses of many promotions do not add up.
        """
        history = self._history()
        forced = {row.version for row in self.audit() if row.action == "promote" and OVERRULED in row.why}
        return next((version for version in reversed(history) if version in forced), history[0] if history else None)

    def champion(self) -> int | None:
        """Number of the version that is served; None where none is.

        The audit trail decides, not MLflow's alias, which anybody who reaches MLflow can move without a trace.
        """
        return self.find(CHAMPION)

    def put_back(self) -> list[Audit]:
        """Put back the aliases that are not where the audit trail says; each is noted in the trail and returned.

        A promotion that another process is making sets the alias only after the trail, so one that is only older than
        the trail is no news: it counts from the second look on.
        """
        with _CHANGING:
            trail, found = self._state()
            wanted = _decided(trail, found)
            wrong = [alias for alias, number in wanted.items() if found.get(alias) != number]
            try:
                moved = [
                    Audit(
                        _now(),
                        "unknown",
                        f"{alias} was moved in MLflow, or its change was interrupted; put back to {wanted[alias]}",
                        MOVED,
                        found.get(alias, 0),
                    )
                    for alias in wrong
                    if self._suspected == found
                ]
                self._suspected = found if wrong else None
                for entry in moved:
                    self._record(entry)
                if moved:
                    self._set_aliases()
            except MlflowException as error:
                raise self._failed(error) from error
            return moved

    def versions(self) -> list[Version]:
        """All versions, newest first."""
        try:
            if not self._client.search_registered_models(f"name='{self.name}'"):
                return []
            found = self._client.search_model_versions(f"name='{self.name}'")
        except MlflowException as error:
            raise self._failed(error) from error
        aliases = self._aliases()
        return sorted((_version(item, aliases) for item in found), key=lambda item: -item.version)

    def trained_on(self, datasets: AbstractSet[str]) -> dict[str, list[int]]:
        """The versions that learnt from each of some datasets, by content hash, as their cards say; ascending."""
        try:
            found = self._client.search_model_versions(f"name='{self.name}'")
        except MlflowException as error:
            raise self._failed(error) from error
        learnt: dict[str, list[int]] = {}
        for item in sorted(found, key=lambda item: int(item.version)):
            hashes = {item.tags.get("data_hash", ""), *item.tags.get(DATASETS, "").split(",")}
            for dataset in datasets & hashes:
                learnt.setdefault(dataset, []).append(int(item.version))
        return learnt

    def audit(self) -> list[Audit]:
        """The changes of the champion and of the shadow, oldest first."""
        return self._state()[0]

    def _state(self) -> tuple[list[Audit], dict[str, int]]:
        """The audit trail, oldest first, and the aliases as MLflow has them."""
        try:
            model = self._client.get_registered_model(self.name)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return [], {}
            raise self._failed(error) from error
        trail = [Audit(**json.loads(model.tags[key])) for key in sorted(model.tags) if key.startswith(AUDIT)]
        return trail, {alias: int(number) for alias, number in model.aliases.items()}

    def _aliases(self) -> dict[str, int]:
        """The aliases as they should be."""
        trail, found = self._state()
        return {alias: number for alias, number in (found | _decided(trail, found)).items() if number is not None}

    def resolve(self, reference: int | str) -> int:
        """The number of a version or of an alias."""
        found = self.find(reference)
        if found is None:
            raise RegistryError(f"{self.name} has no version with the alias {reference}")
        return found

    def find(self, reference: int | str) -> int | None:
        """The number of a version or of an alias; None for an alias that no version has."""
        if isinstance(reference, int) or reference.isdigit():
            return int(reference)
        return self._aliases().get(reference)

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
                    with suppress(FileExistsError):  # another process was faster
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

    def _record(self, audit: Audit) -> None:
        self._client.set_registered_model_tag(self.name, AUDIT + audit.when, json.dumps(asdict(audit)))

    def _failed(self, error: Exception) -> RegistryError:
        away = isinstance(error.__context__, OSError)  # MLflow's client has turned it into an error of its own
        return (RegistryDownError if away else RegistryError)(f"{self.uri}: {str(error).splitlines()[0]}")


def _champions(trail: Sequence[Audit]) -> list[int]:
    """The champions so far, the present one last, without those that were taken back."""
    history: list[int] = []
    for entry in trail:
        if entry.action not in CHAMPION_ACTIONS:
            continue
        if entry.action == "rollback":
            while history and history[-1] != entry.version:
                history.pop()
        if not history or history[-1] != entry.version:
            history.append(entry.version)
    return history


def _decided(trail: Sequence[Audit], found: Mapping[str, int]) -> dict[str, int | None]:
    """Which version each alias belongs to, None for no version, as far as the audit trail says so."""
    *before, champion = _champions(trail) or [0]
    if not champion:
        return {}
    wanted = {CHAMPION: champion, PREVIOUS: before[-1] if before else None, SHADOW: _shadow(trail)}
    return wanted | ({CHALLENGER: None} if found.get(CHALLENGER) == champion else {})


def _shadow(trail: Sequence[Audit]) -> int | None:
    """The version that reads beside the champion: none once it became the champion itself."""
    shadow = None
    for entry in trail:
        if entry.action == SHADOW:
            shadow = entry.version
        elif entry.action == UNSHADOW or (entry.action in CHAMPION_ACTIONS and entry.version == shadow):
            shadow = None
    return shadow


def _holds(folder: Path, identity: str) -> bool:
    try:
        return Bundle.open(folder).identity == identity
    except BundleError:
        return False


def _version(item: ModelVersion, aliases: Mapping[str, int]) -> Version:
    tags = item.tags
    return Version(
        int(item.version),
        tuple(sorted(alias for alias, number in aliases.items() if number == int(item.version))),
        {key.removeprefix(METRIC): float(value) for key, value in tags.items() if key.startswith(METRIC)},
        tags.get("model", ""),
        tags.get("data_hash", ""),
        tags.get("code_commit", ""),
        datetime.fromtimestamp(item.creation_timestamp / 1000, UTC).isoformat(timespec="seconds"),
        Comparison.from_dict(json.loads(tags[COMPARED])) if COMPARED in tags else None,
        tags.get(IDENTITY, ""),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def compare_with_champion(
    registry: Registry, version: int, lines: Sequence[GoldImage], known: Mapping[str, Reading] | None = None
) -> Comparison | None:
    """Read the same lines with a version and with the champion, and note the comparison with the version.

    Args:
        registry: has both.
        version: what may be promoted.
        lines: what the gate decides on.
        known: what was read in these lines already, by the identity of the bundle.

    Returns:
        The comparison; None where there is no champion, or where the version is it.
    """
    from inkread.evaluation.changes import changed_lines, gate_report
    from inkread.evaluation.gold import read_gold  # the gateway, which imports this module, reads no lines

    champion = registry.champion()
    if champion is None or champion == version:
        return None
    anchor = registry.anchor() or champion
    readings = {}
    with TemporaryDirectory() as folder:
        for number in {version, champion, anchor}:
            bundle = Bundle.open(registry.fetch(number, Path(folder)))
            readings[number] = (known or {}).get(bundle.identity) or read_gold(bundle, lines)
    (new, seconds), (old, champion_seconds) = readings[version], readings[champion]
    time = seconds / champion_seconds if champion_seconds >= LEAST_SECONDS else None
    older = None if anchor == champion else (anchor, readings[anchor][0])
    comparison = compare(champion, [line.place for line in lines], new, old, time, older)
    registry.keep_comparison(version, comparison)
    changes = changed_lines(lines, new, old)
    registry.keep_changes(version, changes, gate_report(version, comparison, changes))
    return comparison


class GateError(RegistryError):
    """The gate objects to a promotion.

    Attributes:
        table: the comparison, a row a slice, see `inkread.evaluation.gate.gate_table`; empty where nothing was
            compared.
    """

    def __init__(self, sentence: str, table: list[dict[str, float | str]]) -> None:
        super().__init__(sentence)
        self.table = table


def objection(challenger: Version, champion: Version | None) -> GateError | None:
    """Why the challenger should not be promoted; None where nothing speaks against it.

    The two must have been compared on the same lines; `inkread.evaluation.gate.objections` says what decides.
    """
    if champion is None:
        return None
    number, compared = challenger.version, challenger.comparison
    if compared is None or compared.champion != champion.version:
        other = f"with version {compared.champion}, which is no longer the champion" if compared else "with nothing"
        return GateError(
            f"version {number} was compared {other}; inkread models compare {number} DATASET compares it with the "
            f"champion {champion.version}",
            [],
        )
    reasons = objections(compared)
    if not reasons:
        return None
    more = f" (and {len(reasons) - SHOWN_REASONS} more)" if len(reasons) > SHOWN_REASONS else ""
    said = "; ".join(reasons[:SHOWN_REASONS])
    return GateError(f"version {number} beside champion {champion.version}: {said}{more}", gate_table(compared))


def promote(registry: Registry, reference: int | str, who: str, why: str, *, force: bool = False) -> int:
    """Make a version the champion where the gate does not object, or ``force`` overrules it; return its number.

    What was overruled, or refused, stands in the audit trail with the reason.

    Raises:
        GateError: the gate objects, or is to be overruled without a reason.
        RegistryError: there is no such version.
    """
    with _CHANGING:
        number = registry.resolve(reference)
        known = {item.version: item for item in registry.versions()}
        if number not in known:
            raise RegistryError(f"there is no version {number}; inkread models list shows what there is")
        champion = registry.champion()
        against = objection(known[number], known.get(champion or 0)) if number != champion else None
        if against is not None and not force:
            registry.refused(number, who, str(against))
            raise GateError(f"{against} (force promotes it nevertheless)", against.table)
        if against is not None and not why.strip():
            raise GateError(f"{against}; say why it is promoted nevertheless", against.table)
        registry.promote(number, who, why if against is None else f"{why}{OVERRULED}{against})")
    return number
