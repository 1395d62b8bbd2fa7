"""Fixtures of the whole suite. The models are read-only, so one of each serves every test."""

import os

# Before anything imports TensorFlow. The tests' batches are small: threads within an operation would only wait for each
# other, as they would in the dashboard, which does the same.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from core import attacks, digits, zoo
from core.classifier import Classifier
from tests.support import some_digits

# The same examples in every run and on every machine: a test that fails by luck teaches nobody anything.
settings.register_profile(
    "suite",
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
settings.load_profile("suite")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Which tests share a worker: those of one attack, whose graphs are traced once; the browser's, one server; else a
    file's."""
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        named = [value for value in params.values() if isinstance(value, str) and value in attacks.names()]
        group = named[0] if named else item.path.name
        item.add_marker(pytest.mark.xdist_group("browser" if item.get_closest_marker("browser") else group))


@pytest.fixture(scope="session")
def plain() -> Classifier:
    """The shipped, undefended network."""
    return zoo.load("plain_cnn")


@pytest.fixture(scope="session")
def hundred(plain):
    """A hundred bundled digits, ten a class: x (100, 28, 28, 1), y (100,)."""
    return some_digits(100)


@pytest.fixture(scope="session")
def six_hundred():
    """600 bundled digits to train on, 60 a class."""
    return digits.bundled()[np.arange(0, 5000, 8)[:600]]


@pytest.fixture(scope="session")
def few(plain):
    """Sixteen bundled digits that the plain network reads rightly: x (16, 28, 28, 1), y (16,)."""
    x, y = some_digits(40, start=20)
    right = plain.predict(x) == y
    return x[right][:16], y[right][:16]
