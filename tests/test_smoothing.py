"""Randomised smoothing: its bound is SciPy's, its radius that of the paper, its votes those of the truth."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import binomtest, norm

from core import attacks, defenses, knobs
from core.errors import InputError
from tests.support import some_digits, two_class

SMOOTHING = defenses.get("smoothing")
QUICK = {"choosing": 50, "samples": 600}


@pytest.fixture(scope="module")
def tens():
    return some_digits(10)


def plane(distance: float):
    """A classifier whose border between classes 0 and 1, a plane, lies so far from grey images, on the side of 0."""
    w = np.random.default_rng(0).normal(size=784)
    w /= np.linalg.norm(w)
    return two_class(w, distance - 0.5 * w.sum()), w


GREY = np.full((1, 28, 28, 1), 0.5, np.float32)


class TestVote:
    @pytest.mark.parametrize("samples", [10, 250, 600, 6001])
    def test_as_many_copies_vote_as_there_shall_be(self, plain, tens, samples):
        votes = SMOOTHING(samples=samples, choosing=10).vote(plain, tens[0][:2])
        assert votes.counts.shape == (2, 10) and (votes.counts.sum(axis=1) == samples).all()

    def test_the_bound_is_scipys_and_the_radius_that_of_the_paper(self, plain, tens):
        smoothing = SMOOTHING(sigma=1.0, alpha=0.01, **QUICK)
        votes = smoothing.vote(plain, tens[0])
        assert votes.abstains.any() and not votes.abstains.all()
        for counts, choice, abstains, p_low, radius in zip(
            votes.counts, votes.choice, votes.abstains, votes.p_low, votes.radius, strict=True
        ):
            test = binomtest(int(counts[choice]), 600, alternative="greater")
            assert p_low == pytest.approx(test.proportion_ci(0.99, method="exact").low, abs=1e-12)
            assert abstains == (p_low <= 0.5)
            assert radius == pytest.approx(0.0 if abstains else norm.ppf(p_low), abs=1e-9)

    @pytest.mark.parametrize(("distance", "sigma"), [(0.3, 0.5), (0.5, 0.25), (1.0, 2.0)])
    def test_a_plane_is_voted_on_as_the_closed_form_says(self, distance, sigma):
        """Noise crosses a plane at distance d with the probability Phi(-d / sigma), and the true radius is d."""
        model, _ = plane(distance)
        votes = SMOOTHING(sigma=sigma, samples=6000).vote(model, GREY)
        share = norm.cdf(distance / sigma)
        assert votes.choice[0] == 0
        assert votes.counts[0, 0] / 6000 == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 6000))
        assert 0.7 * distance < votes.radius[0] < distance

    def test_it_abstains_on_a_coin_toss(self):
        model, _ = plane(0.0)
        votes = SMOOTHING(sigma=0.5, samples=1000).vote(model, GREY)
        assert votes.abstains[0] and votes.radius[0] == 0 and 0.4 < votes.counts[0, 0] / 1000 < 0.6
        assert SMOOTHING(sigma=0.5, samples=1000).radius(model, GREY)[0] == 0

    def test_the_bound_is_wrong_as_rarely_as_alpha_says(self):
        """At alpha 0.1, of 60 seeds about 6 and never 20 prove more than is true."""
        model, _ = plane(0.3)
        smoothing = SMOOTHING(sigma=0.5, samples=250, choosing=10, alpha=0.1)
        radii = [smoothing.vote(model, GREY, seed=seed).radius[0] for seed in range(60)]
        assert 1 <= sum(radius > 0.3 for radius in radii) < 15

    def test_the_same_seed_votes_alike_and_another_does_not(self, plain, tens):
        smoothing = SMOOTHING(sigma=1.0, **QUICK)
        one, again, other = (smoothing.vote(plain, tens[0], seed=seed).counts for seed in (3, 3, 4))
        np.testing.assert_array_equal(one, again)
        assert (one != other).any(axis=1).mean() > 0.5

    def test_no_batch_mate_matters(self, plain, tens):
        smoothing = SMOOTHING(sigma=1.0, **QUICK)
        together = smoothing.vote(plain, tens[0]).counts
        np.testing.assert_array_equal(smoothing.vote(plain, tens[0][[7, 2]]).counts, together[[7, 2]])

    def test_copies_differ_from_each_other(self, plain, tens):
        """The second half of the votes is no copy of the first, nor the proof of the choice."""
        halves = []

        def watch(done, total, counts):
            halves.append(counts.copy())

        SMOOTHING(sigma=1.0, samples=1000, choosing=500).vote(plain, tens[0], watch=watch)
        first, second = halves[1], halves[3] - halves[1]
        assert (first != second).any(axis=1).mean() > 0.5


class TestWatching:
    def test_progress_rises_and_the_bars_fill(self, plain, tens):
        seen = []

        def watch(done, total, counts):
            seen.append((done, total, counts.sum(axis=1)))

        smoothing = SMOOTHING(samples=2100)
        watched = smoothing.vote(plain, tens[0][:3], watch=watch)
        assert len(seen) >= 5 and seen[-1][0] == 2100 and {total for _, total, _ in seen} == {2100}
        assert all((counted == done).all() for done, _, counted in seen)
        np.testing.assert_array_equal(watched.counts, smoothing.vote(plain, tens[0][:3]).counts)

    def test_who_stops_it_gets_the_votes_so_far_and_no_proof(self, plain, tens):
        votes = SMOOTHING(samples=5000).vote(plain, tens[0][:3], watch=lambda done, total, counts: False)
        assert 0 < votes.counts.sum(axis=1)[0] < 5000
        assert votes.abstains.all() and (votes.radius == 0).all() and (votes.p_low == 0).all()


def length(change):
    """The L2 norm of each change: (n, 1, 1, 1)."""
    return tf.sqrt(tf.reduce_sum(change**2, axis=(1, 2, 3), keepdims=True))


class TestCertificate:
    def test_certify_radius_and_curve_tell_the_same(self, plain, tens):
        smoothing, (x, y) = SMOOTHING(sigma=0.5, **QUICK), (tens[0][:6], tens[1][:6])
        votes, radius = smoothing.vote(plain, x), smoothing.radius(plain, x)
        np.testing.assert_allclose(radius, votes.radius, atol=1e-5)
        right = (votes.choice == y) & ~votes.abstains
        for eps in (0.0, 0.3):
            proven = smoothing.certify(plain, x, y, eps)
            np.testing.assert_array_equal(proven, right & (radius >= eps))
            assert smoothing.curve(plain, x, y, [eps])[0] == pytest.approx(proven.mean())
        assert not smoothing.certify(plain, x, (votes.choice + 1) % 10, 0.0).any()
        assert (radius <= smoothing.most).all()

    @pytest.mark.parametrize(("samples", "alpha"), [(10, 0.001), (1000, 0.001), (100_000, 1e-6)])
    def test_few_samples_cannot_prove_much(self, samples, alpha):
        most = SMOOTHING(sigma=0.5, samples=samples, alpha=alpha).most
        assert most == pytest.approx(max(0.5 * norm.ppf(alpha ** (1 / samples)), 0), abs=1e-9)
        assert "α^(1/n)" in next(knob.help for knob in knobs.of(SMOOTHING) if knob.name == "samples")

    def test_no_attack_within_the_radius_moves_the_plane_s_majority(self):
        """The worst change there is, straight to the border, leaves the smoothed vote where it was."""
        model, w = plane(0.6)
        smoothing = SMOOTHING(sigma=0.5, samples=4000)
        radius = smoothing.radius(model, GREY)[0]
        straight = w.reshape(1, 28, 28, 1)
        for factor in (0.9, 1.2):
            moved = (GREY - factor * radius * straight).astype(np.float32)
            assert (smoothing.vote(model, moved, seed=1).counts[0].argmax() == 0) == (factor < 1)

    def test_no_attack_on_the_mean_over_noise_moves_a_proven_choice(self, plain, tens):
        """The attack on the smoothed network climbs the mean loss of noisy copies, and stays inside the radius."""
        x, _ = tens
        smoothing = SMOOTHING(sigma=0.25, **QUICK)
        votes = smoothing.vote(plain, x)
        held = votes.radius > 0.1
        assert held.sum() >= 6
        x, choice, radius = x[held], votes.choice[held], votes.radius[held][:, None, None, None] * 0.999
        moved, draw = tf.constant(x), tf.random.Generator.from_seed(1)
        for _ in range(8):
            with tf.GradientTape() as tape:
                tape.watch(moved)
                noisy = tf.repeat(moved, 16, axis=0) + 0.25 * draw.normal((16 * len(x), 28, 28, 1))
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(np.repeat(choice, 16), plain.keras(noisy))
            g = tape.gradient(losses, moved)
            change = moved - x + radius * g / tf.maximum(length(g), 1e-12)
            moved = tf.constant(np.clip(x + (change * tf.minimum(1.0, radius / length(change))).numpy(), 0, 1))
        assert (np.linalg.norm((moved.numpy() - x).reshape(len(x), -1), axis=1) > 0.5 * radius.ravel()).all()
        after = smoothing.vote(plain, moved.numpy(), seed=5)
        np.testing.assert_array_equal(after.counts.argmax(axis=1), choice)
        # The same change against the bare network is no test of this; an attack on that one does succeed.
        bare = attacks.get("pgd")(steps=20)(plain, x, choice, eps=3.0, norm="l2")
        assert bare.success.any()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sigma": 0.0}, "sigma of Smoothing is 0.0; it must be a number from 0.05 to 2"),
        ({"samples": 0}, "samples of Smoothing is 0; it must be a whole number from 10 to 100000"),
        ({"alpha": 0.5}, "alpha of Smoothing is 0.5"),
    ],
    ids=str,
)
def test_a_knob_out_of_range_is_refused(changed, said):
    with pytest.raises(InputError, match=said):
        SMOOTHING(**changed)


def test_a_watcher_that_is_none_is_refused(plain, tens):
    with pytest.raises(InputError, match="watch is 3"):
        SMOOTHING().vote(plain, tens[0], watch=3)
