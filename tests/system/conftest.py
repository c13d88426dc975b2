"""The fixtures of the services' tests."""

from tests.services.conftest import called_by, letter, settings

__all__ = ["called_by", "letter", "settings"]
