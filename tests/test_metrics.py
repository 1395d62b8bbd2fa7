"""The figures of robustness against closed forms, on linear models and drawn numbers."""

import numpy as np
import pytest
from scipy.stats import weibull_max

from core import attacks, landscape, metrics
from core.errors import InputError
from tests.support import linear, two_class

DUAL = {"linf": 1, "l2": 2, "l1": np.inf}
GREY = np.full((2, 28, 28, 1), 0.5, np.float32)


@pytest.fixture(scope="module")
def drawn():
    """A linear model of ten classes, four images that it reads, and its weights and logits in float64."""
    rng = np.random.default_rng(1)
    weights, x = rng.normal(size=(784, 10)), rng.uniform(size=(4, 28, 28, 1)).astype(np.float32)
    model = linear(weights, -0.5 * weights.sum(axis=0))
    logits = x.reshape(4, 784).astype(np.float64) @ weights - 0.5 * weights.sum(axis=0)
    return model, x, logits.argmax(axis=1), weights, logits


def distances(weights, logits, labels, norm):
    """Margin over dual norm for each class: (n, 10), infinite for the label."""
    rows = np.arange(len(labels))
    lead = logits[rows, labels][:, None] - logits
    steep = np.linalg.norm(weights[:, labels][:, :, None] - weights[:, None, :], DUAL[norm], axis=0)
    return np.where(np.arange(10) == labels[:, None], np.inf, lead / np.where(steep > 0, steep, 1))


class TestClever:
    @pytest.mark.parametrize("norm", DUAL)
    def test_on_a_linear_model_it_is_the_distance_to_the_nearest_border(self, drawn, norm):
        model, x, labels, weights, logits = drawn
        score = metrics.clever(model, x, labels, norm=norm, batches=4, samples=3)
        expected = np.minimum(distances(weights, logits, labels, norm), {"linf": 0.3, "l2": 5.0, "l1": 40.0}[norm])
        np.testing.assert_allclose(score, expected.min(axis=1), rtol=1e-4)

    def test_a_target_asks_for_one_border_alone(self, drawn):
        model, x, labels, weights, logits = drawn
        aim = (labels + 3) % 10
        score = metrics.clever(model, x, labels, target=aim, radius=20.0, batches=4, samples=3)
        np.testing.assert_allclose(score, distances(weights, logits, labels, "l2")[np.arange(4), aim], rtol=1e-4)

    def test_it_is_never_more_than_the_radius_and_0_for_a_digit_read_wrong(self, drawn):
        model, x, labels, *_ = drawn
        np.testing.assert_allclose(metrics.clever(model, x, labels, radius=1e-3, batches=3, samples=2), 1e-3)
        assert not metrics.clever(model, x, (labels + 1) % 10, batches=3, samples=2).any()

    def test_on_the_network_it_comes_near_what_the_best_attack_finds(self, plain, few):
        x, y = few[0][:4], few[1][:4]
        score = metrics.clever(plain, x, y, radius=1.5, batches=20, samples=20)
        found = attacks.get("fab")(steps=40)(plain, x, y, norm="l2").size
        assert (score > 0.02 * found).all() and (score < 1.2 * found).all()

    def test_a_digit_scores_the_same_in_any_company_and_a_watcher_may_stop(self, plain, few):
        x, y = few[0][:3], few[1][:3]
        together = metrics.clever(plain, x, y, batches=3, samples=5)
        alone = metrics.clever(plain, x[1:2], y[1:2], batches=3, samples=5)
        np.testing.assert_allclose(alone[0], together[1], rtol=1e-3)
        calls = []
        metrics.clever(
            plain, x, y, batches=9, samples=2, watch=lambda done, total: calls.append((done, total)) or False
        )
        assert calls == [(1, 9)]

    @pytest.mark.parametrize(
        "wrong", [{"radius": 0}, {"radius": float("nan")}, {"batches": 0}, {"samples": 1.5}, {"norm": "l0"}]
    )
    def test_what_it_cannot_use_it_refuses(self, drawn, wrong):
        with pytest.raises(InputError, match="expected"):
            metrics.clever(*drawn[:3], **wrong)


class TestWeibull:
    @pytest.mark.parametrize("shape", [2.5, 4.0, 8.0])
    def test_the_end_point_is_as_likely_as_scipys_or_likelier_and_near_the_truth(self, shape):
        sample = weibull_max.rvs(shape, loc=7.0, scale=2.0, size=2000, random_state=0)
        end = metrics.weibull_end(sample)
        assert end >= sample.max() and end == pytest.approx(7.0, abs=0.35)
        theirs = weibull_max.fit(sample, shape, loc=7.0, scale=2.0)
        ours = weibull_max.fit(sample, shape, floc=end, scale=2.0)
        assert weibull_max.logpdf(sample, *ours).sum() >= weibull_max.logpdf(sample, *theirs).sum() - 0.05

    def test_it_moves_and_stretches_with_the_sample(self):
        sample = weibull_max.rvs(3.0, size=300, random_state=1)
        end = metrics.weibull_end(sample)
        assert metrics.weibull_end(100 * sample + 5) == pytest.approx(100 * end + 5, rel=1e-4)

    def test_equal_maxima_are_their_own_end(self):
        assert metrics.weibull_end(np.full(50, 3.25)) == 3.25
        assert metrics.weibull_end(np.zeros(50)) == 0.0


class TestLossSensitivity:
    @pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
    def test_on_a_linear_model_it_is_the_softmax_error_times_the_weights(self, drawn, norm):
        model, x, labels, weights, logits = drawn
        share = np.exp(logits - logits.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        wrong = (labels + 1) % 10  # a loss of which something is left
        gradient = (share - np.eye(10)[wrong]) @ weights.T
        expected = np.linalg.norm(gradient, {"linf": np.inf, "l2": 2, "l1": 1}[norm], axis=1).mean()
        assert metrics.loss_sensitivity(model, x, wrong, norm=norm) == pytest.approx(expected, rel=1e-4)

    def test_the_landscapes_picture_on_the_same_model_is_the_same_gradient(self, drawn):
        model, x, labels, *_ = drawn
        wrong = (labels[:1] + 1) % 10
        long, high = (metrics.loss_sensitivity(model, x[:1], wrong, norm=norm) for norm in ("l1", "linf"))
        picture = landscape.input_gradient(model, x[0], int(wrong[0]))
        assert np.abs(picture).sum() == pytest.approx(long / high, rel=1e-4) and np.abs(picture).max() == 1

    def test_the_margins_is_the_difference_of_two_columns(self):
        w = np.random.default_rng(0).normal(size=784)
        assert metrics.loss_sensitivity(
            two_class(w, 50.0), GREY, np.array([0, 0]), loss="margin", norm="l2"
        ) == pytest.approx(np.linalg.norm(w), rel=1e-5)


class TestEmpiricalRobustness:
    def test_it_is_the_mean_share_of_the_digits_own_size(self):
        w = np.random.default_rng(0).normal(size=784)
        model = two_class(w, bias=1.5 - 0.5 * w.sum())
        x = GREY.copy()
        result = attacks.get("fab")(steps=8)(model, x, np.array([0, 0]), norm="l2")
        own = 0.5 * 28
        assert metrics.empirical_robustness(result) == pytest.approx(1.5 / np.linalg.norm(w) / own, rel=1e-2)

    def test_where_every_attack_failed_it_is_no_number(self, few):
        result = attacks.get("fab")(steps=2)(linear(np.zeros((784, 10))), *few)
        assert np.isnan(metrics.empirical_robustness(result))

    def test_failures_and_digits_that_were_wrong_do_not_count(self, plain, few):
        x, y = few
        y = y.copy()
        y[::2] = (y[::2] + 1) % 10
        result = attacks.get("fab")(steps=10)(plain, x, y, norm="l2")
        size = result.l2[1::2] / np.linalg.norm(x[1::2].reshape(-1, 784), axis=1)
        assert metrics.empirical_robustness(result) == pytest.approx(size[result.success[1::2]].mean(), rel=1e-5)


class TestTransferMatrix:
    def test_twins_share_their_faults_and_strangers_do_not(self, few):
        """Two models that look at different halves of the image: a change for one is in part none for the other."""
        rng = np.random.default_rng(0)
        w = rng.normal(size=784)
        top, bottom = w * (np.arange(784) < 392), w * (np.arange(784) >= 392)
        models = [two_class(each, 2.0 - 0.5 * each.sum()) for each in (top, top, bottom)]
        shares = metrics.transfer_matrix(models, attacks.get("deepfool")(), GREY, np.array([0, 0]), norm="l2", eps=20.0)
        np.testing.assert_array_equal(shares, [[1, 1, 0], [1, 1, 0], [0, 0, 1]])

    def test_only_digits_that_both_read_rightly_count_and_nothing_fooled_is_no_number(self, plain, few):
        constant = linear(np.zeros((784, 10)), 5 * np.eye(10)[3])
        shares = metrics.transfer_matrix([plain, constant], attacks.get("fgsm")(), *few, eps=0.2)
        result = attacks.get("fgsm")()(plain, *few, eps=0.2)
        assert shares[0, 0] == 1 and np.isnan(shares[1]).all()
        assert (np.isnan(shares[0, 1]) and not result.success[few[1] == 3].any()) or shares[0, 1] == 0

    def test_no_model_is_refused(self, few):
        with pytest.raises(InputError, match="at least one"):
            metrics.transfer_matrix([], attacks.get("fgsm")(), *few, eps=0.1)


class TestCurveArea:
    def test_closed_forms(self):
        assert metrics.curve_area([0, 0.1, 0.4], [1, 1, 1]) == pytest.approx(1)
        assert metrics.curve_area(np.linspace(0, 3, 7), np.linspace(1, 0, 7)) == pytest.approx(0.5)
        assert metrics.curve_area([0, 1, 4], [1, 0.5, 0]) == pytest.approx((0.75 + 0.75) / 4)

    @pytest.mark.parametrize(
        ("epsilons", "accuracy"),
        [([0.1], [1]), ([0, 0], [1, 1]), ([0, 1], [1, 1.2]), ([0, 1], [1]), ([0, 1], [1, float("nan")])],
    )
    def test_what_is_no_curve_is_refused(self, epsilons, accuracy):
        with pytest.raises(InputError):
            metrics.curve_area(epsilons, accuracy)
