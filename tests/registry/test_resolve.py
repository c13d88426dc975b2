"""References are told from folders, and wrong ones are explained."""

import shutil
from pathlib import Path

import pytest

from inkread.bundle import Bundle, cache_folder
from inkread.errors import RegistryError


def test_folders_stay_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = shutil.copytree(Bundle.open().folder, tmp_path / "bundled")
    monkeypatch.chdir(tmp_path)
    assert Bundle.open(copy).folder == copy
    assert Bundle.open("./bundled").folder == Bundle.open(Path("bundled")).folder == Path("bundled")


def test_the_bundle_in_the_package_has_a_name() -> None:
    assert Bundle.open("bundled") == Bundle.open(None) == Bundle.open()


def test_a_malformed_reference_is_explained() -> None:
    with pytest.raises(RegistryError, match="models:/NAME@ALIAS"):
        Bundle.open("models:/inkread")


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("INKREAD_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "inkread"
