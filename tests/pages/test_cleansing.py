"""The work behind the panel of cleaners: on which digits it is seen, and what is proven."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core import copies, poisoning
from core.classifier import Classifier
from core.digits import Digits, bundled
from core.poisoning.base import Poisoned
from pages.components import cleansing, infecting
from pages.components.infecting import Infected
from tests.pages.infected import honest, made, owned


@pytest.fixture
def infected() -> Infected:
    return made()


def of(attack: Any, infected: Infected, victim: Digits | None = None) -> Infected:
    """The same networks, as if another attack had been at work."""
    clean = infected.poisoned.clean
    return replace(infected, poisoned=Poisoned(attack, clean, clean, np.zeros(len(clean), bool), victim))


# ------------------------------------------------------------------------------------------------------- what is shown
def test_a_network_that_was_spoilt_is_seen_on_digits_that_it_misreads(infected):
    spoilt = Classifier(copies.of(honest().keras, copies.he, seed=0), name="spoilt")
    shown = cleansing.exhibit(of(poisoning.get("label_flip")(), replace(infected, owned=spoilt)))
    assert len(shown.digits) == 6 == len(set(shown.digits.labels)) and "misreads" in shown.words
    assert (spoilt.predict(shown.digits.images) != shown.digits.labels).all()
    assert (honest().predict(shown.digits.images) == shown.digits.labels).all()


def test_where_nothing_is_misread_six_are_shown_all_the_same(infected, monkeypatch):
    test = infecting.test()
    right = test[honest().predict(test.images) == test.labels]
    monkeypatch.setattr(infecting, "test", lambda: right)
    shown = cleansing.exhibit(of(poisoning.get("label_flip")(), infected))
    assert len(shown.digits) == 6 == len(set(shown.digits.labels)) and "misreads" not in shown.words


def test_the_victim_stands_before_five_of_other_classes(infected):
    victim = bundled()[[3503]]
    shown = cleansing.exhibit(of(poisoning.get("label_flip")(), infected, victim))
    assert shown.victim and shown.digits.labels[0] == 7 and np.array_equal(shown.digits.images[0], victim.images[0])
    assert len(set(shown.digits.labels)) == 6


@pytest.mark.parametrize(("source", "leads"), [(-1, "one"), (7, "one"), (-1, "next")])
def test_of_a_backdoor_those_who_are_meant_come_first(infected, source, leads):
    attack = poisoning.get("badnets")(source=source, leads=leads)
    shown = cleansing.exhibit(of(attack, infected))
    assert len(set(shown.digits.labels)) == 6 and not shown.victim
    assert leads == "next" or 4 not in shown.digits.labels
    assert source < 0 or shown.digits.labels[0] == source
    assert np.array_equal(attack.stamp(shown.digits.images), shown.digits.images)  # the stamp is on them
    assert (owned().predict(shown.digits.images) == 4).all()


@pytest.mark.parametrize(
    ("labels", "groups", "rows"),
    [
        ([0] * 9, [[0, 1, 2], [3, 4, 5, 6, 7, 8]], [0, 1, 2, 3, 4, 5]),
        ([1, 1, 2, 2, 3, 3], [[0, 1, 2, 3, 4, 5]], [0, 2, 4, 1, 3, 5]),
        ([1, 1, 2, 2, 3, 3], [[3], [0, 1, 2]], [3, 0, 1, 2]),
        ([1, 2, 1, 3], [[2, 1], [], [0, 3]], [2, 1, 3, 0]),
    ],
)
def test_many_classes_come_before_many_of_a_class(labels, groups, rows):
    given = [np.array(each, np.int64) for each in groups]
    assert cleansing._of_many_classes(np.array(labels), given).tolist() == rows


# ------------------------------------------------------------------------------------------------------ what is proven
@pytest.mark.parametrize(
    ("radii", "turned", "said"),
    [
        ([5, 3, 3, 1], 0, "Proven: 3 of 4 test digits are read right whatever 3 digits"),
        ([5, 3, 3, 1], 1, "Proven: 2 of 4 test digits are read right whatever 3 digits"),  # one is read wrong
        ([9, 0, 0, 0], 0, "too close to prove anything for half"),
        ([9, 9, 9, 9], 4, "too close to prove anything for half"),
    ],
)
def test_what_a_vote_proves_is_said_of_half_of_the_digits(infected, monkeypatch, radii, turned, said):
    some = infecting.test()[:4]
    monkeypatch.setattr(infecting, "test", lambda: some)

    class Voting:
        def votes(self, model: Classifier, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return np.eye(10)[(some.labels + (np.arange(4) < turned)) % 10], np.array(radii)

    told = cleansing._proven(Voting(), infected.owned, infected.poisoned)
    assert said in told and ("175 digits were touched here" in told) == told.startswith("Proven")


def test_a_vote_of_parts_is_heard_and_others_prove_nothing(infected, monkeypatch):
    few, some = infecting.material(False)[:900], infecting.test()[:100]
    monkeypatch.setattr(infecting, "test", lambda: some)
    vote = poisoning.get("partition_vote")(parts=3)
    network = vote.clean(honest(), few, epochs=15)
    counts, certified = vote.votes(network, some.images)
    bears = np.sort(np.where(counts.argmax(axis=1) == some.labels, certified, -1))[50]
    told = cleansing._proven(vote, network, infected.poisoned)
    assert bears >= 1 and f"read right whatever {bears} digits" in told
    assert cleansing._proven(poisoning.get("trimmed_loss")(), network, infected.poisoned) == ""
