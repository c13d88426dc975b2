"""Fixtures of the trainings, for the recipe."""

from tests.training.conftest import pages, plan, run, stores

__all__ = ["pages", "plan", "run", "stores"]
