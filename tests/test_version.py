"""The commit that is recorded is Inkread's own, never that of a repository in which Inkread is used."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from inkread.version import code_commit


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with src/inkread, committed."""
    (tmp_path / "src" / "inkread").mkdir(parents=True)
    (tmp_path / "src" / "inkread" / "a.py").write_text("a = 1\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "inkread"\n')
    git(tmp_path, "init")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--message", "first")
    return tmp_path


def test_a_checkout_of_inkread_has_its_commit(checkout: Path) -> None:
    assert code_commit(checkout / "src" / "inkread") == git(checkout, "rev-parse", "HEAD")


def test_changed_files_are_told(checkout: Path) -> None:
    (checkout / "src" / "inkread" / "a.py").write_text("a = 2\n")
    assert code_commit(checkout / "src" / "inkread") == git(checkout, "rev-parse", "HEAD") + "-dirty"


def test_a_repository_into_which_inkread_was_copied_is_not_asked(checkout: Path) -> None:
    (checkout / "pyproject.toml").write_text('[project]\nname = "letters"\n')
    assert code_commit(checkout / "src" / "inkread") == ""


def test_an_environment_within_a_repository_is_not_asked(checkout: Path) -> None:
    package = checkout / "venv" / "lib" / "site-packages" / "inkread"
    package.mkdir(parents=True)
    assert code_commit(package) == ""


def test_what_was_built_has_a_stamp(tmp_path: Path) -> None:
    (tmp_path / "commit.txt").write_text("0123abc\n")
    assert code_commit(tmp_path) == "0123abc"


def test_without_git_it_is_not_known(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert code_commit(checkout / "src" / "inkread") == ""
