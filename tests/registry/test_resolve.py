"""References are told from folders, and wrong ones are explained."""

from pathlib import Path

import pytest

from inkread.bundle import bundle_folder, cache_folder
from inkread.errors import RegistryError


def test_folders_stay_folders(tmp_path: Path) -> None:
    assert bundle_folder(None) is None
    assert bundle_folder(tmp_path) == tmp_path
    assert bundle_folder("models") == Path("models")
    assert bundle_folder("./bundled") == Path("bundled")


def test_the_bundle_in_the_package_has_a_name() -> None:
    assert bundle_folder("bundled") is None


def test_a_malformed_reference_is_explained() -> None:
    with pytest.raises(RegistryError, match="models:/NAME@ALIAS"):
        bundle_folder("models:/inkread")


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("INKREAD_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "inkread"
