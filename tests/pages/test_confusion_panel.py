"""The panel of who is taken for whom: the counts are those of the networks, for clean digits and for stamped ones."""

import gc
import weakref

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import poisoning
from pages.components import confusing, confusion_panel, infecting
from tests.pages.driving import calm, told
from tests.pages.infected import TARGET, honest, made, owned


def panel(infected=None) -> AppTest:
    def page() -> None:
        import streamlit as st

        from pages.components import confusion_panel

        confusion_panel.draw(st.session_state.get("made"))

    at = AppTest.from_function(page, default_timeout=60)
    at.session_state["made"] = infected
    return calm(at.run())


def test_without_a_training_it_says_what_will_stand_there():
    at = panel()
    assert "which digits it mistakes" in at.caption[0].value


def test_clean_digits_are_counted_as_the_networks_read_them():
    shown = np.array(told(panel(made()), "confusion")["shown"]["clean"])
    test, reads = infecting.test(), honest().predict(infecting.test().images)
    assert shown.shape == (2, 10, 10) and shown.sum(axis=(1, 2)).tolist() == [1000, 1000]
    for true, read in ((7, 7), (9, 4), (3, 5)):
        assert shown[0, true, read] == np.sum((test.labels == true) & (reads == read))
    assert np.array_equal(shown[0], shown[1])  # the poisoned one differs on stamped digits alone
    assert np.trace(shown[1]) == 1000 * poisoning.accuracy(owned(), test)


def test_stamped_digits_fill_the_column_of_the_target():
    data = told(panel(made()), "confusion")
    before, after = np.array(data["shown"]["stamped"])
    counts = np.bincount(infecting.test().labels, minlength=10)
    assert after[:, TARGET].tolist() == counts.tolist() and after.sum() == before.sum() == 1000
    assert np.trace(before) > 800
    assert data["wanted"] == [TARGET if digit != TARGET else -1 for digit in range(10)]
    assert data["words"]["stamped"].endswith(f"as {TARGET}")


def test_a_stamp_that_leads_to_the_next_class_says_so():
    data = told(panel(made(leads="next")), "confusion")
    assert data["wanted"] == [*range(1, 10), 0] and data["words"]["stamped"].endswith("as the next")


@pytest.mark.parametrize("attack", ["label_flip", "random_garbage"])
def test_without_a_trigger_there_is_nothing_stamped(attack):
    data = told(panel(made(attack)), "confusion")
    assert list(data["shown"]) == ["clean"] and data["wanted"] is None


def test_it_is_counted_once_a_training(monkeypatch):
    asked = []
    count = poisoning.confusion
    monkeypatch.setattr(confusing.poisoning, "confusion", lambda *given: (asked.append(given), count(*given))[1])
    infected = made()
    at = panel(infected)
    calm(at.run())
    assert len(asked) == 4
    confusion_panel._data(infected)
    assert len(asked) == 4
    panel(made())
    assert len(asked) == 8


def test_what_was_counted_keeps_no_training_alive():
    infected = made()
    confusing.counted(infected)
    gone = weakref.ref(infected)
    del infected
    gc.collect()
    assert gone() is None
