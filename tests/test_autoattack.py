"""AutoAttack: each part sees what is left, what it says of itself, and warnings on models made to deserve them."""

import keras
import numpy as np
import pytest

from core import attacks
from core.attacks import _checks
from core.classifier import Classifier
from tests.support import linear, next_class, two_class

AutoAttack = attacks.get("autoattack")
SHORT = {"steps": 8, "queries": 60}


def said(result, beginning: str) -> bool:
    """Whether one of the result's notes contains those words."""
    return any(beginning in note for note in result.notes)


def standing(result) -> list[int]:
    """The counts of its last note: how many to attack, and how many stood after each part."""
    (note,) = (note for note in result.notes if note.startswith("Standing: "))
    return [int(part.split()[0]) for part in note.removeprefix("Standing: ").split(", ")]


@pytest.fixture
def watched_parts(monkeypatch):
    """What each part was given, by title: the rows of x, and its seed."""
    seen = {}
    real = AutoAttack.parts

    def parts(self, norm):
        def spied(title, attack):
            def call(model, x, y, *rest):
                seen[title] = x
                return attack(model, x, y, *rest)

            return title, call

        return [spied(*part) for part in real(self, norm)]

    monkeypatch.setattr(AutoAttack, "parts", parts)
    return seen


# ----------------------------------------------------------------------------------------------------------- its parts


def test_the_standard_version_is_the_references():
    for norm in ("linf", "l2"):
        ce, dlr, fab, square = (attack for _, attack in AutoAttack().parts(norm))
        assert [title for title, _ in AutoAttack().parts(norm)] == ["APGD-CE", "APGD-T", "FAB-T", "Square"]
        assert (ce.loss, ce.steps, ce.restarts, ce.targets) == ("cross_entropy", 100, 1, 0)
        assert (dlr.loss, dlr.steps, dlr.restarts, dlr.targets) == ("dlr", 100, 1, 9)
        assert (fab.steps, fab.restarts, fab.targets, square.queries) == (100, 1, 9, 5000)
    ce, dlr, fab, square = (attack for _, attack in AutoAttack().parts("l1"))
    assert (ce.restarts, dlr.targets, fab.targets, square.queries) == (5, 5, 9, 5000)
    assert len(AutoAttack(version="quick").parts("linf")) == 2


def test_each_part_sees_only_the_digits_that_stand(plain, hundred, watched_parts):
    x, y = hundred[0][:40], hundred[1][:40]
    result = AutoAttack(**SHORT)(plain, x, y, eps=0.05)
    counts = standing(result)
    given = [len(rows) for rows in watched_parts.values()]
    assert given == counts[: len(given)] and counts == sorted(counts, reverse=True)
    assert 0 < counts[-1] <= counts[1] < counts[0] == (~result.already_wrong).sum()
    assert counts[-1] == (~result.already_wrong & ~result.success).sum()
    left = x[~result.already_wrong & ~result.success]
    np.testing.assert_array_equal(
        watched_parts["Square"][np.isin(watched_parts["Square"], left).all(axis=(1, 2, 3))], left
    )


def test_no_part_runs_once_all_digits_have_fallen(plain, few, watched_parts):
    result = AutoAttack()(plain, *few, eps=0.3)
    assert result.success.all() and list(watched_parts) == ["APGD-CE"]
    assert standing(result) == [16, 0] and (result.gradients <= 101).all()


def test_it_finds_what_each_of_its_parts_finds_alone(plain, hundred):
    x, y = hundred[0][:40], hundred[1][:40]
    whole = AutoAttack(**SHORT)(plain, x, y, eps=0.06)
    first = AutoAttack(**SHORT).parts("linf")[0][1](plain, x, y, eps=0.06)
    assert (whole.success | ~first.success).all()


def test_counts_are_the_sums_of_the_parts(plain, few):
    """What still stands at the end has paid for everything: two looks, one gradient, then part after part."""
    result = AutoAttack(steps=5, queries=30)(plain, *few, eps=0.005)
    assert not result.success.any()
    fab = attacks.get("fab")(steps=5, targets=9, early_stop=True)(plain, *few, eps=0.005)
    np.testing.assert_array_equal(result.gradients, 1 + 5 + 9 * 5 + fab.gradients)
    apgd = 6 + 1 + 9 * 6  # each run looks once more than it takes gradients; the classes are ranked by one more look
    np.testing.assert_array_equal(result.forwards, 2 + 1 + apgd + fab.forwards + 30)


def test_digits_that_are_wrong_before_cost_nothing_but_the_look(plain, few):
    x, y = few
    result = AutoAttack(**SHORT)(plain, x, next_class(y), eps=0.1)
    np.testing.assert_array_equal(result.adversarial, x)
    assert (result.forwards == 2).all() and not result.gradients.any() and standing(result) == [0]


def test_a_target_goes_to_every_part(plain, few):
    aim = next_class(few[1])
    result = AutoAttack(**SHORT)(plain, *few, eps=0.25, target=aim)
    assert (result.prediction[result.success] == aim[result.success]).all() and result.success.mean() > 0.8


# ------------------------------------------------------------------------------------------------ watching and stopping


def test_progress_rises_across_the_parts_and_a_stop_ends_them_all(plain, few, watched_parts):
    seen = []
    AutoAttack(**SHORT)(plain, *few, eps=0.01, watch=lambda done, total, x: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen}) and seen[-1] == (400, 400)
    assert len(watched_parts) == 4
    watched_parts.clear()
    cut = AutoAttack(**SHORT)(plain, *few, eps=0.01, watch=lambda done, total, x: done < 150)
    assert list(watched_parts) == ["APGD-CE", "APGD-T"]
    assert (cut.size <= 0.01 + 1e-6).all()


# ----------------------------------------------------------------------------------------------------------- warnings


class Chance(keras.layers.Layer):
    """Adds noise to whatever it is given, also when nobody trains."""

    def __init__(self, **more):
        super().__init__(**more)
        self.draws = keras.random.SeedGenerator(0)

    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x), stddev=0.05, seed=self.draws)


class Steps(keras.layers.Layer):
    """Rounds pixels to two grey levels: flat everywhere, so that no gradient comes through."""

    def call(self, x):
        return keras.ops.round(x)


def behind(layer: keras.layers.Layer, plain: Classifier) -> Classifier:
    """The plain network behind another layer."""
    inputs = keras.Input((28, 28, 1))
    return Classifier(keras.Model(inputs, plain.keras(layer(inputs))), name="behind")


def test_nothing_is_said_of_an_honest_network(plain, few):
    result = AutoAttack(**SHORT)(plain, *few, eps=0.1)
    assert len(result.notes) == 1 and result.notes[0].startswith("Standing: ")


def test_random_answers_are_noticed(plain, few):
    result = AutoAttack(version="quick", steps=2)(behind(Chance(), plain), *few, eps=0.05)
    assert said(result, "differently each time")
    assert not said(result, "no gradient at all")


def test_a_hidden_gradient_is_noticed_and_square_wins(plain, few):
    """Rounded pixels: the attacks along the gradient stand still, and Square, which sees scores, walks in."""
    result = AutoAttack(steps=3, queries=300)(behind(Steps(), plain), *few, eps=0.51)
    counts = standing(result)
    assert said(result, "digits have no gradient at all")
    assert counts[-1] < counts[-2] and said(result, "fooled")
    assert said(result, "Square Attack, which sees no gradient")


def test_outputs_that_turn_into_probabilities_on_digits_are_noticed(plain, few):
    """The classifier looks at noise before it takes a model; this one is honest there, and a softmax on digits."""
    inputs = keras.Input((28, 28, 1))
    logits = plain.keras(inputs)
    bright = keras.ops.cast(keras.ops.mean(inputs, axis=(1, 2, 3), keepdims=False)[:, None] > 0.45, "float32")
    model = Classifier(keras.Model(inputs, bright * logits + (1 - bright) * keras.ops.softmax(logits)), name="turncoat")
    assert said(AutoAttack(version="quick", steps=2)(model, *few, eps=0.05), "look like probabilities")


def test_the_checks_alone():
    share = np.random.default_rng(0).dirichlet(np.ones(10), 5)
    assert _checks.look_like_probabilities(share) and not _checks.look_like_probabilities(share * 1.01)
    assert not _checks.look_like_probabilities(np.array([[-0.5] + [1.5 / 9] * 9]))
    assert not _checks.differ(share, share.copy()) and not _checks.differ(share, share * np.float32(1 + 1e-6))
    assert _checks.differ(share, share[:, ::-1])
    assert _checks.square_alone(2, 1000) == [] and len(_checks.square_alone(3, 1000)) == 1


# ---------------------------------------------------------------------------------------------------------- odd models


@pytest.mark.parametrize("norm", AutoAttack.norms)
def test_a_model_that_answers_nothing_is_not_fooled(few, norm):
    for bias in (np.zeros(10), np.full(10, np.nan)):
        result = AutoAttack(**SHORT)(linear(np.zeros((784, 10)), bias), *few, eps=1.0, norm=norm)
        assert not result.success.any() and np.isfinite(result.adversarial).all()


@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2)])
def test_on_a_linear_model_its_verdict_is_the_truth(norm, dual):
    """A digit in the middle of the box falls exactly when its margin is below eps times the dual norm of w."""
    w = np.random.default_rng(5).normal(size=784)
    x = np.full((8, 28, 28, 1), 0.5, np.float32)
    eps = {"linf": 0.05, "l2": 0.8}[norm]
    border = eps * np.linalg.norm(w, ord=dual)
    for share, falls in ((0.98, True), (1.02, False)):
        model = two_class(w, bias=-0.5 * w.sum() + share * border)
        result = AutoAttack(steps=40, queries=20)(model, x[:2], np.zeros(2, int), eps=eps, norm=norm)
        assert (result.success == falls).all()
