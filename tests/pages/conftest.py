"""Fixtures of the pages' tests."""

import pytest

from pages.components import filming


@pytest.fixture
def alone(monkeypatch):
    """Only the page's own attack is filmed, so that a test that is not about the table is quick."""
    run = filming.run
    monkeypatch.setattr(filming, "run", lambda job, scene, others: run(job, scene, ()))
