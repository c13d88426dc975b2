"""The fixtures of the services' tests."""

from tests.server.conftest import called_by, letter, settings

__all__ = ["called_by", "letter", "settings"]
