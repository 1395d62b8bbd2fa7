"""The training loop: it learns, resumes bit for bit, stops when told, and refuses what it cannot use."""

import math

import keras
import numpy as np
import pytest

from core import fit
from core.defenses.pgd_training import PGDTraining
from core.errors import InputError
from core.fit import Plan
from core.objectives import CrossEntropy
from tests.support import untrained


def weights(model: keras.Model) -> np.ndarray:
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


PLAN = Plan(epochs=3, batch=100, rate=3e-3, warmup=0.2, decay="cosine", average=0.9, seed=3)


def test_it_learns(six_hundred):
    model = untrained(dropout=0.1)
    told = []
    fitted = fit.fit(
        model, six_hundred, Plan(epochs=8, batch=50, rate=5e-3), watch=lambda *news: told.append(news) or None, every=5
    )
    assert fitted.done == fitted.total == 8 * 12 and not fitted.stopped
    assert len(fitted.history) == 8 and fitted.history[-1]["epoch"] == 8
    assert fitted.history[-1]["loss"] < 0.5 * fitted.history[0]["loss"]
    assert np.mean(model.predict(six_hundred.images, verbose=0).argmax(1) == six_hundred.labels) > 0.9
    steps = [done for done, _, _ in told]
    assert steps == sorted({*range(5, 97, 5), *range(12, 97, 12)})
    assert all(total == 96 and set(metrics) == {"epoch", "loss", "accuracy", "rate"} for _, total, metrics in told)


def test_same_seed_same_weights_and_another_seed_others(six_hundred):
    ends = []
    for seed in (3, 3, 4):
        model = untrained()
        fit.fit(model, six_hundred, Plan(epochs=1, batch=100, seed=seed))
        ends.append(weights(model))
    np.testing.assert_array_equal(ends[0], ends[1])
    assert np.abs(ends[0] - ends[2]).max() > 1e-4


@pytest.mark.parametrize("stop_at", [6, 8], ids=["at an epoch's end", "within an epoch"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_a_training_that_resumes_ends_as_one_that_was_not_cut_off(six_hundred, tmp_path, stop_at, optimiser):
    """Bit for bit: weights, optimiser, average, dropout masks, shuffles, attack starts, and the history told."""
    plan = Plan(**{**PLAN.__dict__, "optimiser": optimiser})
    objective = PGDTraining(steps=2, ramp=0.5)
    whole = untrained()
    untouched = fit.fit(whole, six_hundred, plan, objective=objective)

    first = untrained()
    path = tmp_path / "deep" / "state.npz"
    cut = fit.fit(
        first, six_hundred, plan, objective=objective, watch=lambda done, *_: done < stop_at, every=1, checkpoint=path
    )
    assert cut.stopped and cut.done == stop_at
    again = untrained()
    resumed = fit.fit(again, six_hundred, plan, objective=objective, checkpoint=path)

    np.testing.assert_array_equal(weights(whole), weights(again))
    assert resumed.history == untouched.history and resumed.done == resumed.total and not resumed.stopped
    # What is left is a finished training: the same call once more has nothing to do and gives the same model.
    finished = untrained()
    assert fit.fit(finished, six_hundred, plan, objective=objective, checkpoint=path).done == untouched.total
    np.testing.assert_array_equal(weights(whole), weights(finished))
    assert [file.name for file in path.parent.iterdir()] == ["state.npz"]


def test_a_crash_costs_no_more_than_the_epoch(six_hundred, tmp_path):
    path = tmp_path / "state.npz"

    def crash(done, *_):
        if done == 9:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        fit.fit(untrained(), six_hundred, PLAN, watch=crash, every=1, checkpoint=path)
    seen = []
    again, whole = untrained(), untrained()
    fit.fit(again, six_hundred, PLAN, watch=lambda done, *_: seen.append(done), every=1, checkpoint=path)
    fit.fit(whole, six_hundred, PLAN)
    assert seen[0] == 7
    np.testing.assert_array_equal(weights(again), weights(whole))


def test_a_checkpoint_of_another_training_is_refused(six_hundred, tmp_path):
    path = tmp_path / "state.npz"
    fit.fit(untrained(), six_hundred, PLAN, checkpoint=path)
    others = [
        (untrained(), six_hundred, Plan(epochs=4, batch=100), None),
        (untrained(), six_hundred[:500], PLAN, None),
        (untrained(), six_hundred, PLAN, CrossEntropy(smoothing=0.1)),
        (untrained(dropout=0.2), six_hundred, PLAN, None),
    ]
    for model, data, plan, objective in others:
        before = weights(model)
        with pytest.raises(InputError, match="belongs to another training"):
            fit.fit(model, data, plan, objective=objective, checkpoint=path)
        np.testing.assert_array_equal(before, weights(model))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_damaged_checkpoint_is_refused_with_what_to_do(six_hundred, tmp_path, share):
    path = tmp_path / "state.npz"
    fit.fit(untrained(), six_hundred, Plan(epochs=1, batch=100), checkpoint=path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"state\.npz is damaged .*Delete it"):
        fit.fit(untrained(), six_hundred, Plan(epochs=1, batch=100), checkpoint=path)


def test_a_failed_save_leaves_the_checkpoint_that_was_there(six_hundred, tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    fit.fit(untrained(), six_hundred, Plan(epochs=1, batch=100), checkpoint=path)
    before = path.read_bytes()
    training = fit._Training(untrained(), six_hundred, Plan(epochs=1, batch=100), CrossEntropy())

    def full(_):
        raise OSError("no space left on the disk")

    monkeypatch.setattr(fit.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        training.save(path)
    assert path.read_bytes() == before


def test_the_step_is_traced_once(six_hundred):
    traced = []

    class Counting(CrossEntropy):
        def __call__(self, model, x, y, moment):
            traced.append(1)
            return super().__call__(model, x, y, moment)

    fit.fit(untrained(), six_hundred, Plan(epochs=2, batch=64, decay="cosine"), objective=Counting())
    assert len(traced) == 1


def test_the_average_is_what_the_model_gets(six_hundred):
    ends = {}
    for average in (0.0, 0.9):
        model = untrained(dropout=0.0)
        fit.fit(model, six_hundred, Plan(epochs=2, batch=100, rate=1e-2, average=average))
        ends[average] = weights(model)
    start = weights(untrained(dropout=0.0))
    # The average lags behind: it is nearer to where the training began.
    assert 0 < np.linalg.norm(ends[0.9] - start) < np.linalg.norm(ends[0.0] - start)


def test_fewer_digits_than_a_batch_and_none(six_hundred):
    assert fit.fit(untrained(), six_hundred[:7], Plan(epochs=2, batch=100)).total == 2
    with pytest.raises(InputError, match="no digits"):
        fit.fit(untrained(), six_hundred[:0], PLAN)


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("epochs", 0),
        ("batch", 0),
        ("rate", 0.0),
        ("rate", math.nan),
        ("warmup", 1.5),
        ("decay", "steep"),
        ("optimiser", "adagrad"),
        ("momentum", 1.0),
        ("weight_decay", -1),
        ("average", 1.0),
        ("seed", -1),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(knob, value):
    with pytest.raises(InputError, match=rf"plan's {knob} is .*; it must be"):
        Plan(**{knob: value})


def test_the_learning_rate():
    plan = Plan(rate=1.0, warmup=0.2, decay="cosine")
    assert plan.rate_at(0) == 0 and plan.rate_at(0.1) == pytest.approx(0.5) and plan.rate_at(0.2) == pytest.approx(1)
    assert plan.rate_at(0.6) == pytest.approx(0.5) and plan.rate_at(1) == pytest.approx(0)
    linear = Plan(rate=1.0, decay="linear")
    assert linear.rate_at(0) == 1 and linear.rate_at(0.75) == pytest.approx(0.25)
    assert Plan(rate=0.5).rate_at(0.9) == 0.5
    assert Plan(rate=1.0, warmup=1.0, decay="linear").rate_at(0.5) == 0.5


def test_a_training_describes_itself():
    described = fit.describe(PLAN, PGDTraining(eps=0.2))
    assert described["plan"]["epochs"] == 3 and described["plan"]["seed"] == 3
    assert described["objective"] == {
        "name": "PGDTraining",
        "eps": 0.2,
        "steps": 10,
        "step_size": 0.25,
        "ramp": 0.2,
        "norm": "linf",
        "smoothing": 0.0,
    }
