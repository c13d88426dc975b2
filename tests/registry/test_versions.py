"""Versions, aliases and who moved them, on a real MLflow database."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inkread.bundle import Bundle
from inkread.cli.models import app as models
from inkread.errors import BundleError, RegistryDownError, RegistryError
from inkread.registry import GateError, Registry, promote

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
    registry.promote(2, "bob", "again")  # asked twice, done once
    with pytest.raises(RegistryError):
        registry.promote(9, "bob", "no such version")
    assert (registry.champion(), registry.resolve("previous")) == (2, 1)
    assert registry.rollback("ann", "complaints") == 1
    assert registry.rollback("ann", "complaints", version=2) == 1, "version 2 is taken back already"
    assert registry.champion() == 1
    assert registry.find("previous") is None, "what was taken back is nothing to go back to"
    with pytest.raises(RegistryError, match="no former champion"):
        registry.rollback("ann", "complaints")
    trail = [(row.action, row.version, row.who, row.why) for row in registry.audit()]
    assert [row[:3] for row in trail[:2]] == [("register", 1, "inkread"), ("register", 2, "inkread")]
    assert trail[2:] == [
        ("promote", 1, "ann", "first"),
        ("promote", 2, "bob", "better on registers"),
        ("rollback", 1, "ann", "complaints"),
    ]
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


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.chdir(tmp_path)
    return Registry(f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_the_bundled_model_is_the_first_champion(fresh: Registry) -> None:
    assert fresh.seed(Bundle.open().folder) == 1
    assert fresh.seed(Bundle.open().folder) is None
    assert [(item.version, item.aliases) for item in fresh.versions()] == [(1, ("champion",))]
    assert [(row.action, row.version) for row in fresh.audit()] == [("register", 1), ("promote", 1)]
    toy = fresh.register(Bundle.open().folder, metrics={"cer": 0.01}, data_hash="toy")
    with pytest.raises(GateError, match="compared with nothing"):
        promote(fresh, toy, "ann", "hope")
    assert promote(fresh, toy, "ann", "hope", force=True) == 2
    assert fresh.rollback("ann", "it reads worse") == 1


def test_the_bundled_model_is_the_first_champion_even_if_another_was_registered_before(fresh: Registry) -> None:
    """Training may be done before prediction has reached the registry for the first time."""
    fresh.register(Bundle.open().folder, metrics={"cer": 0.01}, data_hash="toy")
    assert fresh.seed(Bundle.open().folder) == 2
    assert fresh.champion() == 2


def test_changes_at_the_same_time_are_made_one_after_another(fresh: Registry) -> None:
    for _ in range(3):
        fresh.register(Bundle.open().folder, data_hash="d", metrics={"cer": 0.1})
    fresh.promote(1, "ann", "first")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda version: Registry(fresh.uri).promote(version, "bob", "at once"), (2, 3, 2, 3)))
    promoted = [row.version for row in fresh.audit() if row.action == "promote"]
    assert len(promoted) in (3, 4, 5)
    assert all(one != other for one, other in pairwise(promoted))
    assert fresh.champion() == promoted[-1]
    assert fresh.resolve("previous") == promoted[-2]
    with ThreadPoolExecutor(2) as pool:
        last = promoted[-1]
        found = list(pool.map(lambda _: Registry(fresh.uri).rollback("ann", "bad", last), range(2)))
    assert found == [promoted[-2]] * 2
    assert [row.action for row in fresh.audit()].count("rollback") == 1


def test_an_alias_that_was_moved_in_mlflow_is_not_served(fresh: Registry) -> None:
    for _ in range(2):
        fresh.register(Bundle.open().folder)
    fresh.promote(1, "ann", "first")
    fresh._client.set_registered_model_alias("inkread", "champion", "2")
    assert fresh.champion() == fresh.resolve("champion") == 1, "the audit trail decides"
    fresh.promote(2, "ann", "second")
    assert fresh.resolve("champion") == 2


def test_an_alias_that_was_moved_in_mlflow_is_put_back_and_noted(fresh: Registry) -> None:
    for _ in range(2):
        fresh.register(Bundle.open().folder)
    fresh.promote(1, "ann", "first")
    assert fresh.put_back() == []
    fresh._client.set_registered_model_alias("inkread", "champion", "2")
    assert fresh.put_back() == [], "another process may be between the trail and the alias"
    (entry,) = fresh.put_back()
    assert (entry.action, entry.version, entry.who) == ("moved", 2, "unknown")
    assert entry.why.startswith("champion was moved in MLflow")
    assert entry.why.endswith("put back to 1")
    assert fresh._state()[1]["champion"] == 1
    assert fresh.audit()[-1] == entry
    assert fresh.put_back() == fresh.put_back() == []
    assert fresh.champion() == 1, "the note is no change of the champion"


def test_a_version_reads_beside_the_champion_until_it_is_the_champion(fresh: Registry) -> None:
    for _ in range(3):
        fresh.register(Bundle.open().folder)
    with pytest.raises(RegistryError, match="no champion"):
        fresh.shadow(2, "ann", "before there is anything to compare with")
    fresh.promote(1, "ann", "first")
    with pytest.raises(RegistryError, match="version 1 is the champion"):
        fresh.shadow("champion", "ann", "nothing to see")
    with pytest.raises(RegistryError):
        fresh.shadow(9, "ann", "no such version")
    assert fresh.shadow(2, "ann", "does it read our registers better?") == 2
    assert fresh.shadow("challenger", "bob", "the newer one") == 3
    assert fresh.shadow(3, "bob", "asked twice, done once") == fresh.find("shadow") == 3
    assert (fresh.champion(), fresh.versions()[0].aliases) == (1, ("challenger", "shadow"))
    fresh.promote(3, "ann", "it does")
    assert fresh.find("shadow") is None, "the champion is no shadow of itself"
    assert fresh.end_shadow("ann", "already over") is None
    told = CliRunner().invoke(models, ["shadow", "2", "--why", "again", "--uri", fresh.uri])
    assert told.stdout == "version 2 reads beside champion 3\n"
    assert CliRunner().invoke(models, ["shadow", "--uri", fresh.uri]).exit_code == 2, "which version?"
    ended = [CliRunner().invoke(models, ["shadow", "--end", "--uri", fresh.uri]).stdout for _ in range(2)]
    assert ended == ["version 2 reads no more\n", "no version read beside the champion\n"]
    assert fresh._state()[1] == {"champion": 3, "previous": 1}
    assert [(row.action, row.version) for row in fresh.audit() if row.action in ("shadow", "unshadow")] == [
        ("shadow", 2),
        ("shadow", 3),
        ("shadow", 2),
        ("unshadow", 2),
    ]


KILLED = """
import os, signal, sys
from inkread.registry import Registry
registry, allowed = Registry(sys.argv[1]), int(sys.argv[2])
def mortal(write):
    def call(*arguments):
        global allowed
        if not allowed:
            os.kill(os.getpid(), signal.SIGKILL)
        allowed -= 1
        return write(*arguments)
    return call
client = registry._client
for name in ("set_registered_model_tag", "set_registered_model_alias", "delete_registered_model_alias"):
    setattr(client, name, mortal(getattr(client, name)))
getattr(registry, sys.argv[3])(2, "ann", "killed in the middle")
"""


@pytest.mark.system
@pytest.mark.parametrize("change", ["promote", "shadow"])
def test_a_change_that_is_killed_at_any_write_is_made_or_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Version 2 is the challenger, and for a promotion the shadow too, so that every alias moves."""
    monkeypatch.chdir(tmp_path)
    before = Registry(f"sqlite:///{tmp_path / 'before.db'}")
    for _ in range(2):
        before.register(Bundle.open().folder)
    before.promote(1, "ann", "first")
    if change == "promote":
        before.shadow(2, "ann", "try it")
    done = {"promote": {"champion": 2, "previous": 1}, "shadow": {"champion": 1, "challenger": 2, "shadow": 2}}[change]
    undone = {"champion": 1, "challenger": 2} | ({"shadow": 2} if change == "promote" else {})
    seen = []
    for writes in range(10):
        shutil.copy(tmp_path / "before.db", tmp_path / f"{writes}.db")
        uri = f"sqlite:///{tmp_path / f'{writes}.db'}"
        process = subprocess.run([sys.executable, "-c", KILLED, uri, str(writes), change], check=False)
        after = Registry(uri)
        assert after._aliases() == (undone if writes == 0 else done), "what every service sees at once"
        after.put_back()
        after.put_back()
        assert after._state()[1] == after._aliases(), "and MLflow itself once a service has looked twice"
        getattr(after, change)(2, "ann", "asked again")
        assert after._state()[1] == done
        seen.append(process.returncode)
        if process.returncode == 0:
            break
    assert seen == [-signal.SIGKILL] * (len(seen) - 1) + [0]
    assert len(seen) >= 3, "it was killed between two writes"


def test_a_champion_from_before_the_trail_can_be_gone_back_to(fresh: Registry) -> None:
    for _ in range(2):
        fresh.register(Bundle.open().folder)
    fresh._client.set_registered_model_alias("inkread", "champion", "1")
    assert fresh.champion() == 1
    fresh.promote(2, "ann", "second")
    assert fresh.rollback("ann", "worse") == 1


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
        with pytest.raises(RegistryDownError, match=r"127\.0\.0\.1:9"):
            Registry("http://127.0.0.1:9").versions()


def test_versions_are_found_by_what_they_learnt_from(registry: Registry) -> None:
    known = next(source.sha256 for source in Bundle.open().model.sources if source.sha256)
    assert registry.trained_on({"d", known, "never"}) == {"d": [1, 2], known: [1, 2]}
