"""A small archive in IAM's layout, and the dataset that comes out of it."""

from pathlib import Path

import pytest

from inkread.data.ingest import ingest
from inkread.synthesis.iam import IamPlan, render_archive
from tests.training.conftest import pages, stores, user_lines


@pytest.fixture(scope="session")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four archives as IAM is distributed: 3 writers, 2 forms each, 3 lines a form."""
    folder = tmp_path_factory.mktemp("source") / "iam"
    render_archive(folder, IamPlan(writers=3, forms=2, lines=3, errors=0.1))
    return folder


@pytest.fixture(scope="session")
def dataset(iam: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of `iam`."""
    target = tmp_path_factory.mktemp("sets") / "dataset"
    ingest(iam, target)
    return target


__all__ = ["pages", "stores", "user_lines"]
