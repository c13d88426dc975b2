"""Versions, aliases and who moved them, on a real MLflow database."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inkread.bundle import Bundle
from inkread.errors import BundleError, RegistryError
from inkread.registry import Registry

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("mlflow")
    return f"sqlite:///{folder / 'mlflow.db'}"


@pytest.fixture(scope="module")
def registry(uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("artifacts"))
        made = Registry(uri)
        for cer in (0.12, 0.13):
            made.register(Bundle.open().folder, data_hash="d", metrics={"cer": cer})
        yield made


def test_the_life_of_two_versions(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry.champion() is None
    with pytest.raises(RegistryError, match="no former champion"):
        registry.rollback("ann", "nothing")
    assert [(item.version, item.aliases) for item in registry.versions()] == [(2, ("challenger",)), (1, ())]
    registry.promote(1, "ann", "first")
    registry.promote(2, "bob", "better on registers")
    with pytest.raises(RegistryError, match="champion already"):
        registry.promote(2, "bob", "again")
    with pytest.raises(RegistryError):
        registry.promote(9, "bob", "no such version")
    assert (registry.champion(), registry.resolve("previous")) == (2, 1)
    assert registry.rollback("ann", "complaints") == 1
    assert (registry.champion(), registry.resolve("previous")) == (1, 2)
    trail = [(row.action, row.version, row.who, row.why) for row in registry.audit()]
    assert trail[-1] == ("rollback", 1, "ann", "complaints")
    assert trail[:2] == [("promote", 1, "ann", "first"), ("promote", 2, "bob", "better on registers")]
    assert registry.versions()[1].metrics == {"cer": 0.12}

    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    monkeypatch.setenv("INKREAD_CACHE", str(tmp_path))
    fetched = Bundle.open("models:/inkread@champion")
    assert fetched.folder.parent == tmp_path
    fetched.verify()
    assert Bundle.open("models:/inkread/1") == fetched


def test_projects_that_share_a_cache_get_their_own_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKREAD_CACHE", str(tmp_path / "cache"))
    for project in ("one", "two"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / project}.db")
        (tmp_path / project).mkdir()
        monkeypatch.chdir(tmp_path / project)
        own = Path(shutil.copytree(Bundle.open().folder, "own"))
        described = Bundle.open(own).model.model_copy(update={"summary": project})
        (own / "model.json").write_text(described.model_dump_json(), encoding="utf-8")
        assert Registry().register(own) == 1
    for project in ("one", "two", "one"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / project}.db")
        assert Bundle.open("models:/inkread/1").model.summary == project
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_kept_copy_that_was_altered_is_fetched_again(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    monkeypatch.setenv("INKREAD_CACHE", str(tmp_path))
    fetched = Bundle.open("models:/inkread/1")
    identity = fetched.identity
    (fetched.folder / "lm.bin").write_bytes(b"other")
    assert fetched.identity != identity
    assert Bundle.open("models:/inkread/1").identity == identity == Bundle.open().identity


def test_a_damaged_bundle_is_not_registered(registry: Registry, tmp_path: Path) -> None:
    shutil.copytree(Bundle.open().folder, tmp_path / "b")
    (tmp_path / "b" / "recognizer.onnx").write_bytes(b"other")
    before = len(registry.versions())
    with pytest.raises(BundleError, match="does not match"):
        registry.register(tmp_path / "b")
    assert len(registry.versions()) == before


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with pytest.raises(RegistryError, match=r"127\.0\.0\.1:9"):
            Registry("http://127.0.0.1:9").versions()
