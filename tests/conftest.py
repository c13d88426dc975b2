"""Fixtures shared by all tests."""

from pathlib import Path

import hypothesis
import pytest

# how long an example takes says how busy the machine is, not whether it is right
hypothesis.settings.register_profile("inkread", deadline=None)
hypothesis.settings.load_profile("inkread")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real pages; tests that need it are skipped where it is missing."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real pages are not here ({SHARED_DATA.name} beside the checkout is missing)")
    return SHARED_DATA
