"""What every attack on a training set, every detector and every cleaner keeps to: a walk over the registry."""

import dataclasses
import inspect
import re
from typing import Any

import keras
import numpy as np
import pytest

from core import knobs, poisoning
from core.classifier import Classifier
from core.digits import Digits, bundled
from core.errors import InputError
from core.poisoning._backdoor import Backdoor, CleanLabel
from tests.support import build

ATTACKS, FINDERS, CLEANERS = (poisoning.names(kind=kind) for kind in ("attack", "detector", "cleaner"))
RATE = 0.05
#: What a contract that needs no strength lets an idea spend at most, by knob.
BRIEF = {"steps": 3, "restarts": 1, "networks": 2, "parts": 3, "overlays": 8, "folds": 2, "copies": 2}


def brief(name: str, **given: Any) -> Any:
    """The idea of that name, told to be quick."""
    cls = poisoning.get(name)
    least = {each.name: each.low for each in knobs.of(cls)}
    quick = {each: max(value, least[each]) for each, value in BRIEF.items() if each in least}
    return cls(**quick | given)


@pytest.fixture(scope="module")
def network(six_hundred) -> Classifier:
    """A small network that has learnt the six hundred digits; it has two hidden layers, as some ideas need."""
    model = build(
        keras.layers.Conv2D(4, 4, 2, padding="same", activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(10),
    )
    return poisoning.learn(Classifier(model, name="small"), six_hundred, epochs=8)


@pytest.fixture(scope="module")
def victim(six_hundred) -> Digits:
    """A 7 that is in no training set here."""
    return bundled()[[3503]]


def call(name: str, digits: Digits, network: Classifier, victim: Digits, **given: Any) -> poisoning.Poisoned:
    """Poison those digits, with whatever that attack needs."""
    attack = brief(name, **{"rate": RATE} | given)
    return attack(digits, model=network, victim=victim if attack.aim == "target" else None)


def same(a: Digits, b: Digits) -> bool:
    return np.array_equal(a.images, b.images) and np.array_equal(a.labels, b.labels)


def test_the_registry_has_all_three_kinds():
    assert set(ATTACKS) | set(FINDERS) | set(CLEANERS) == set(poisoning.names())
    assert all((ATTACKS, FINDERS, CLEANERS))


@pytest.mark.parametrize("name", poisoning.names())
class TestEveryIdea:
    def test_it_says_what_it_is_and_where_it_is_from(self, name):
        cls = poisoning.get(name)
        text = inspect.getdoc(cls) or ""
        assert cls.title and cls.name == name
        assert text.split("\n\n")[0].endswith(".") and "$$" in text and "http" in text

    def test_it_is_a_frozen_dataclass_whose_knobs_hold_their_bounds(self, name):
        cls = poisoning.get(name)
        assert cls.__dataclass_params__.frozen and hash(cls()) == hash(cls())
        for each in knobs.of(cls):
            assert each.help and each.label
            if each.high is not None:
                with pytest.raises(InputError, match=rf"^{each.name} of .*; it must be"):
                    cls(**{each.name: type(each.default)(each.high + 1)})

    def test_an_unknown_one_is_named_with_those_that_exist(self, name):
        with pytest.raises(InputError, match=re.escape(name)):
            poisoning.get(name + "x")


@pytest.mark.parametrize("name", ATTACKS)
class TestEveryAttack:
    def test_the_mask_tells_the_truth_and_the_input_stays(self, name, six_hundred, network, victim):
        before = Digits(six_hundred.images.copy(), six_hundred.labels.copy())
        done = call(name, six_hundred, network, victim)
        assert same(six_hundred, before) and done.clean is six_hundred and len(done.digits) == len(before)
        moved = (done.digits.images != before.images).any(axis=(1, 2, 3)) | (done.digits.labels != before.labels)
        assert not (moved & ~done.touched).any(), "a digit was changed that the mask calls untouched"
        assert moved[done.touched].mean() > 0.9, "the mask claims digits that nobody changed"
        assert done.count == round(RATE * len(before)) and done.share == pytest.approx(RATE)

    def test_the_pictures_stay_pictures_and_the_labels_classes(self, name, six_hundred, network, victim):
        done = call(name, six_hundred, network, victim).digits
        assert done.images.dtype == np.float32 and done.images.min() >= 0 and done.images.max() <= 1
        assert done.labels.dtype == np.int64 and set(done.labels.tolist()) <= set(range(10))

    def test_the_budget_is_what_was_changed(self, name, six_hundred, network, victim):
        done = call(name, six_hundred, network, victim)
        change = np.abs(done.digits.images - six_hundred.images).reshape(len(six_hundred), -1).astype(np.float64)
        assert done.budget["touched"] == done.touched.sum()
        assert done.budget["relabelled"] == (done.digits.labels != six_hundred.labels).sum()
        assert done.budget["linf"] == pytest.approx(change.max())
        assert done.budget["l2"] == pytest.approx(np.sqrt((change**2).sum(axis=1)).max(), rel=1e-5)
        assert done.budget["l0"] == (change > 0).sum(axis=1).max()

    def test_the_same_seed_gives_the_same_set_and_another_one_another(self, name, six_hundred, network, victim):
        first, again, other = (call(name, six_hundred, network, victim, seed=seed) for seed in (1, 1, 2))
        assert same(first.digits, again.digits) and np.array_equal(first.touched, again.touched)
        assert not same(first.digits, other.digits) or dataclasses.asdict(first.attack).get("how") == "loss"

    def test_no_share_is_no_poison(self, name, six_hundred, network, victim):
        done = call(name, six_hundred, network, victim, rate=0.0)
        assert same(done.digits, six_hundred) and not done.touched.any() and done.budget["linf"] == 0

    def test_a_share_that_is_no_digit_is_said(self, name, six_hundred, network, victim):
        with pytest.raises(InputError, match=r"is not one digit\. Choose a higher rate"):
            call(name, six_hundred, network, victim, rate=0.0005)

    @pytest.mark.parametrize("rate", [-0.1, 1.01, float("nan"), "much"])
    def test_a_share_beyond_the_set_is_refused(self, name, rate):
        with pytest.raises(InputError, match=r"^rate of .* it must be a number from 0 to 1"):
            poisoning.get(name)(rate=rate)

    def test_a_rate_of_one_takes_all_or_says_how_many_there_are(self, name, six_hundred, network, victim):
        try:
            done = call(name, six_hundred, network, victim, rate=1.0)
        except InputError as refusal:
            assert re.search(
                r"asks for 600 digits, and only \d+ of these 600 are .*A rate of at most 0\.\d+", str(refusal)
            )
        else:
            assert done.touched.all()

    def test_what_it_needs_is_asked_for(self, name, six_hundred, network, victim):
        attack = brief(name, rate=RATE)
        if attack.needs_model:
            with pytest.raises(InputError, match="Pass model="):
                attack(six_hundred, victim=victim if attack.aim == "target" else None)
        if attack.aim == "target":
            with pytest.raises(InputError, match="Pass victim="):
                attack(six_hundred, model=network)
            with pytest.raises(InputError, match="one was expected"):
                attack(six_hundred, model=network, victim=six_hundred[:2])
        else:
            with pytest.raises(InputError, match="Leave victim out"):
                attack(six_hundred, model=network, victim=victim)


@pytest.mark.parametrize("name", [name for name in ATTACKS if issubclass(poisoning.get(name), Backdoor)])
class TestEveryBackdoor:
    def test_the_trigger_is_put_on_any_digit_and_leaves_it_as_it_was(self, name, six_hundred):
        attack = brief(name)
        before = six_hundred.images.copy()
        stamped = attack.stamp(six_hundred.images)
        assert np.array_equal(six_hundred.images, before)
        assert stamped.shape == before.shape and stamped.min() >= 0 and stamped.max() <= 1
        assert (stamped != before).any(axis=(1, 2, 3)).all(), "some digit shows no trigger"

    def test_who_is_meant(self, name):
        wanted = brief(name, target=3).wanted()
        assert wanted[3] == -1 and (np.delete(wanted, 3) == 3).all()

    def test_true_labels_stay_where_they_are_promised(self, name, six_hundred, network, victim):
        done = call(name, six_hundred, network, victim, target=3)
        if isinstance(done.attack, CleanLabel):
            assert not done.relabelled.any() and (six_hundred.labels[done.touched] == 3).all()
        else:
            assert done.relabelled[done.touched].all() and (done.digits.labels[done.touched] == 3).all()


@pytest.mark.parametrize("name", FINDERS)
class TestEveryDetector:
    def test_it_answers_for_each_digit_and_changes_nothing(self, name, six_hundred, network):
        weights = [each.copy() for each in network.keras.get_weights()]
        found = brief(name).find(network, six_hundred)
        assert found.score.shape == found.flagged.shape == (600,) and np.isfinite(found.score).all()
        assert found.score.dtype == np.float32 and found.flagged.dtype == bool and found.classes.shape == (10,)
        assert found.points is None or (found.points.shape == (600, 2) and np.isfinite(found.points).all())
        assert all(np.array_equal(a, b) for a, b in zip(weights, network.keras.get_weights(), strict=True))

    def test_the_same_seed_gives_the_same_answer(self, name, six_hundred, network):
        first, again = (brief(name).find(network, six_hundred, seed=3) for _ in range(2))
        assert np.array_equal(first.score, again.score) and np.array_equal(first.flagged, again.flagged)

    def test_too_few_digits_are_said(self, name, six_hundred, network):
        with pytest.raises(InputError, match="at least 100 were expected"):
            brief(name).find(network, six_hundred[:20])

    def test_no_model_is_said(self, name, six_hundred):
        with pytest.raises(InputError, match=r"core\.classifier\.Classifier was expected"):
            brief(name).find("plain_cnn", six_hundred)


@pytest.mark.parametrize("name", CLEANERS)
class TestEveryCleaner:
    def given(self, cleaner: poisoning.Cleaner, digits: Digits) -> dict[str, Any]:
        flagged = np.arange(len(digits)) % 20 == 0
        found = poisoning.Findings(flagged.astype(np.float32), flagged, np.full(10, np.nan, np.float32))
        return {
            "findings": found if cleaner.needs_findings else None,
            "trusted": digits[::6] if cleaner.needs_trusted else None,
        }

    def test_it_gives_a_network_and_changes_nothing(self, name, six_hundred, network):
        cleaner = brief(name)
        weights = [each.copy() for each in network.keras.get_weights()]
        cleaned = cleaner.clean(network, six_hundred, epochs=1, **self.given(cleaner, six_hundred))
        assert cleaned.logits(six_hundred.images[:5]).shape == (5, 10)
        assert all(np.array_equal(a, b) for a, b in zip(weights, network.keras.get_weights(), strict=True))

    def test_what_it_needs_is_asked_for(self, name, six_hundred, network):
        cleaner = brief(name)
        given = self.given(cleaner, six_hundred)
        for need, word in (("findings", "Pass findings="), ("trusted", "Pass trusted=")):
            if given[need] is not None:
                with pytest.raises(InputError, match=word):
                    cleaner.clean(network, six_hundred, epochs=1, **given | {need: None})

    @pytest.mark.parametrize("epochs", [0, -1, 1.5, True])
    def test_epochs_are_whole_numbers(self, name, epochs, six_hundred, network):
        cleaner = brief(name)
        with pytest.raises(InputError, match=r"^epochs is .* a whole number from 1"):
            cleaner.clean(network, six_hundred, epochs=epochs, **self.given(cleaner, six_hundred))

    def test_a_watcher_may_end_it(self, name, six_hundred, network):
        cleaner, heard = brief(name), []

        def watch(done, total, metrics):
            heard.append((done, total))
            return False

        cleaned = cleaner.clean(network, six_hundred, epochs=2, watch=watch, **self.given(cleaner, six_hundred))
        assert heard and heard[0][0] < heard[0][1]
        assert np.isfinite(cleaned.logits(six_hundred.images[:5])).all()
