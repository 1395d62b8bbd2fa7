"""The plane through a digit, against truths of a linear model, where every border is a straight line."""

import numpy as np
import pytest

from core import attacks, landscape, norms
from core.errors import InputError
from tests.support import linear, some_digits, two_class

NORMS = ("linf", "l2", "l1")
GREY = np.full((28, 28, 1), 0.5, np.float32)


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def directions():
    """Two directions at right angles, small enough for a grey picture to stay a picture."""
    u = landscape.unit(np.random.default_rng(1).normal(size=(28, 28, 1)), "linf")
    return u, landscape.random_direction(u, "linf", seed=3)


class TestDirections:
    @pytest.mark.parametrize("norm", NORMS)
    def test_they_have_size_one_and_stand_at_right_angles(self, rng, norm):
        u = landscape.unit(rng.normal(size=(28, 28, 1)), norm)
        others = [landscape.random_direction(u, norm), landscape.orthogonal(rng.uniform(size=(28, 28, 1)), u, norm)]
        for d in (u, *others):
            assert norms.get(norm).size(d[None])[0] == pytest.approx(1)
        for v in others:
            assert abs(np.vdot(u, v)) < 1e-9 * np.linalg.norm(u) * np.linalg.norm(v)

    def test_what_is_orthogonal_spans_the_same_plane(self, rng):
        u, d = rng.normal(size=(2, 28, 28, 1))
        v = landscape.orthogonal(d, u)
        rest = d - u * np.vdot(u, d) / np.vdot(u, u) - v * np.vdot(v, d)
        assert np.abs(rest).max() < 1e-9

    def test_a_seed_fixes_the_random_one(self, rng):
        u = rng.normal(size=(28, 28, 1))
        one, same, other = (landscape.random_direction(u, seed=seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(one, same)
        assert abs(np.vdot(one, other)) < 0.2

    def test_no_direction_is_refused(self, rng):
        u = rng.normal(size=(28, 28, 1))
        with pytest.raises(InputError, match="zero everywhere"):
            landscape.unit(np.zeros((28, 28, 1)))
        with pytest.raises(InputError, match="parallel"):
            landscape.orthogonal(-3 * u, u)
        with pytest.raises(InputError, match="shape"):
            landscape.unit(np.ones(784))
        for norm in ("l0", "warp"):
            with pytest.raises(InputError, match="linf, l2 or l1"):
                landscape.unit(u, norm)


class TestThePlane:
    def test_its_points_are_the_models_own_answers(self, plain, few, directions):
        x = few[0][0]
        seen = landscape.plane(plain, x, *directions, 0.2, count=31)
        assert seen.logits.shape == (31, 31, 10) and seen.logits.dtype == np.float32
        np.testing.assert_allclose(seen.a, np.linspace(-0.2, 0.2, 31))
        for i, j in ((0, 0), (4, 25), (15, 15), (30, 7)):
            image = seen.picture(seen.a[j], seen.b[i])
            assert image.min() >= 0 and image.max() <= 1
            np.testing.assert_allclose(seen.logits[i, j], plain.logits(image[None])[0], rtol=1e-3, atol=1e-3)
            assert seen.prediction[i, j] == seen.logits[i, j].argmax()
            assert seen.confidence[i, j] == pytest.approx(plain.probabilities(image[None]).max(), abs=1e-3)
        np.testing.assert_allclose(seen.logits[15, 15], plain.logits(x[None])[0], rtol=1e-4, atol=1e-4)

    def test_the_border_of_two_classes_is_the_exact_line(self, rng, directions):
        """w . (x + a u + b v) + bias > 0 is class 0: a straight line in a and b, known beforehand."""
        w, (u, v) = rng.normal(size=784), directions
        bias = -w.sum() / 2 + 0.03 * np.dot(w, u.ravel())
        seen = landscape.plane(two_class(w, bias), GREY, u, v, 0.24)
        a, b = np.meshgrid(seen.a, seen.b)
        height = (0.03 + a) * np.dot(w, u.ravel()) + b * np.dot(w, v.ravel())
        clear = np.abs(height) > 1e-4 * np.abs(height).max()
        assert clear.mean() > 0.99
        np.testing.assert_array_equal((seen.prediction == 0)[clear], (height > 0)[clear])
        assert 0.05 < (seen.prediction == 0).mean() < 0.95

    @pytest.mark.parametrize("name", ["cross_entropy", "margin"])
    def test_the_loss_surface_is_exact(self, rng, directions, name):
        weights, (u, v) = rng.normal(size=(784, 10)) / 20, directions
        seen = landscape.plane(linear(weights), GREY, u, v, 0.24, count=25)
        a, b = np.meshgrid(seen.a, seen.b)
        points = GREY + a[..., None, None, None] * u + b[..., None, None, None] * v
        logits = points.reshape(25, 25, 784) @ weights
        if name == "margin":
            expected = np.delete(logits, 4, axis=-1).max(axis=-1) - logits[..., 4]
        else:
            expected = np.log(np.exp(logits).sum(axis=-1)) - logits[..., 4]
        np.testing.assert_allclose(seen.loss(4, name), expected, atol=1e-4)

    def test_a_target_turns_the_loss_round(self, plain, few, directions):
        seen = landscape.plane(plain, few[0][0], *directions, 0.2, count=5)
        y = int(few[1][0])
        np.testing.assert_allclose(seen.loss(y, target=(y + 1) % 10), -seen.loss((y + 1) % 10), rtol=1e-5)

    def test_points_beyond_the_box_are_clipped_or_told(self, rng):
        w = rng.normal(size=784)
        up = np.ones((28, 28, 1))
        side = np.zeros((28, 28, 1))
        side[3, 3] = 1
        clipped = landscape.plane(two_class(w), GREY, up, side, (-1, 1, -0.1, 0.1), count=21)
        flat = landscape.plane(two_class(w), GREY, up, side, (-1, 1, -0.1, 0.1), count=21, clip=False)
        np.testing.assert_allclose(clipped.outside, flat.outside)
        a, b = np.meshgrid(flat.a, flat.b)
        farthest = np.maximum(np.abs(a), np.abs(a + b)) - 0.5
        np.testing.assert_allclose(flat.outside, np.maximum(farthest, 0), atol=1e-6)
        np.testing.assert_allclose(flat.logits[..., 0], (0.5 + a) * w.sum() + b * w[3 * 28 + 3], rtol=1e-3, atol=1e-2)
        bound = np.clip(0.5 + a, 0, 1) * (w.sum() - w[87]) + np.clip(0.5 + a + b, 0, 1) * w[87]
        np.testing.assert_allclose(clipped.logits[..., 0], bound, rtol=1e-3, atol=1e-2)
        assert clipped.clipped and not flat.clipped

    def test_four_bounds_place_it_off_the_digit(self, plain, few, directions):
        seen = landscape.plane(plain, few[0][1], *directions, (0.0, 0.3, -0.1, 0.2), count=7)
        assert (seen.a[0], seen.a[-1], seen.b[0], seen.b[-1]) == (0.0, 0.3, -0.1, 0.2)
        np.testing.assert_allclose(
            seen.logits[0, 6], plain.logits(seen.picture(0.3, -0.1)[None])[0], rtol=1e-3, atol=1e-3
        )

    def test_an_attack_ends_where_the_plane_reads_its_class(self, plain, few):
        x, y = few[0][:1], few[1][:1]
        found = attacks.get("pgd")()(plain, x, y, eps=0.2, path=True)
        assert found.success[0] and found.path is not None
        u = landscape.unit(found.change[0], "linf")
        size = float(found.linf[0])
        seen = landscape.plane(plain, x[0], u, landscape.random_direction(u, "linf"), size, count=11)
        np.testing.assert_allclose(seen.logits[5, 10], found.logits_adversarial[0], rtol=1e-2, atol=1e-2)
        assert seen.prediction[5, 5] == y[0] and seen.prediction[5, 10] == found.prediction[0]

    @pytest.mark.parametrize("extent", [0, -1, np.nan, np.inf, True, "wide", None, (0, 1), (1, 0, 0, 1), (0, 1, 2, 2)])
    def test_no_extent_is_refused(self, plain, directions, extent):
        with pytest.raises(InputError, match="extent is"):
            landscape.plane(plain, GREY, *directions, extent)

    @pytest.mark.parametrize("count", [1, 0, 1.5, 1000, True, None])
    def test_no_count_is_refused(self, plain, directions, count):
        with pytest.raises(InputError, match="count is"):
            landscape.plane(plain, GREY, *directions, 0.1, count=count)

    def test_a_second_plane_traces_nothing(self, plain, few, directions):
        landscape.plane(plain, few[0][0], *directions, 0.1, count=9)
        before = dict(plain.traces)
        landscape.plane(plain, few[0][1], *directions[::-1], (0, 1, 0, 2), count=33, clip=False)
        assert plain.traces == before


class TestWhatIsDrawnIntoIt:
    def test_a_path_in_the_plane_is_found_exactly(self, rng):
        u, v = rng.normal(size=(2, 28, 28, 1))
        places = rng.uniform(-2, 2, size=(9, 2))
        beside = np.linspace(0, 1, 9)
        normal = landscape.orthogonal(landscape.random_direction(u), landscape.orthogonal(v, u))
        x = some_digits(1)[0][0]
        points = x + np.einsum("kp,pijc->kijc", places, np.stack([u, v])) + beside[:, None, None, None] * normal
        found, off = landscape.coordinates(points, x, u, v)
        np.testing.assert_allclose(found, places, atol=1e-6)
        np.testing.assert_allclose(off, beside, atol=1e-6)

    def test_the_digit_is_the_origin_and_an_attack_ends_on_its_axis(self, plain, few):
        found = attacks.get("pgd")(steps=9)(plain, few[0][:2], few[1][:2], eps=1.5, norm="l2", path=True)
        assert found.path is not None
        u = landscape.unit(found.change[0])
        v = landscape.orthogonal(found.change[1], u)
        places, off = landscape.coordinates(found.path[:, 0], few[0][0], u, v)
        assert places.shape == (10, 2) and off.shape == (10,)
        np.testing.assert_allclose(places[-1], [found.l2[0], 0], atol=1e-5)
        assert off[-1] < 1e-5
        np.testing.assert_allclose(landscape.coordinates(few[0][:1], few[0][0], u, v)[0], 0, atol=1e-9)

    @pytest.mark.parametrize("norm", NORMS)
    def test_every_point_of_the_rim_is_a_change_of_that_size(self, rng, norm):
        u = landscape.unit(rng.normal(size=(28, 28, 1)), norm)
        v = landscape.random_direction(u, norm)
        rim = landscape.ball(u, v, 0.7, norm)
        changes = rim[:, 0, None, None, None] * u + rim[:, 1, None, None, None] * v
        np.testing.assert_allclose(norms.get(norm).size(changes), 0.7, rtol=1e-6)
        np.testing.assert_allclose(rim[0], [0.7, 0], atol=1e-9)
        np.testing.assert_allclose(rim[0], rim[-1], atol=1e-9)

    def test_the_rims_of_known_shapes(self):
        """Along two pixels the L2 ball is a circle, the L1 ball a diamond and the L-infinity ball a square."""
        u, v = np.zeros((2, 28, 28, 1))
        u[3, 4], v[20, 9] = 1, 1
        circle, diamond, square = (landscape.ball(u, v, 2, norm, count=8) for norm in ("l2", "l1", "linf"))
        np.testing.assert_allclose(np.hypot(*circle.T), 2)
        np.testing.assert_allclose(np.abs(diamond).sum(axis=1), 2)
        np.testing.assert_allclose(np.abs(square).max(axis=1), 2)
        np.testing.assert_allclose(square[1], [2, 2])

    def test_the_l1_polygon_has_all_its_corners(self, rng):
        """Between two of its points the rim is straight: the middle of each side is on it too, which no circle has."""
        u = landscape.unit(rng.normal(size=(28, 28, 1)), "l1")
        v = landscape.random_direction(u, "l1")
        rim = landscape.ball(u, v, 1.0, "l1", count=8)
        middle = (rim[1:] + rim[:-1]) / 2
        changes = middle[:, 0, None, None, None] * u + middle[:, 1, None, None, None] * v
        np.testing.assert_allclose(norms.get("l1").size(changes), 1, rtol=1e-9)

    def test_the_gradient_of_a_linear_model_is_its_weights(self, rng):
        w = rng.normal(size=784)
        picture = landscape.input_gradient(two_class(w, bias=50.0), GREY, 0)
        assert picture.shape == (28, 28, 1) and picture.dtype == np.float32
        np.testing.assert_allclose(picture.ravel(), -w / np.abs(w).max(), atol=1e-5)
        towards = landscape.input_gradient(linear(rng.normal(size=(784, 10))), GREY, 0, target=3, loss="margin")
        assert np.abs(towards).max() == pytest.approx(1)

    def test_no_gradient_is_a_blank_picture(self):
        assert not landscape.input_gradient(linear(np.zeros((784, 10))), GREY, 0).any()

    def test_wrong_input_is_refused(self, plain, rng):
        u = rng.normal(size=(28, 28, 1))
        with pytest.raises(InputError, match="eps is"):
            landscape.ball(u, landscape.random_direction(u), -1, "l2")
        with pytest.raises(InputError, match="parallel"):
            landscape.coordinates(u[None], GREY, u, 2 * u)
        with pytest.raises(InputError, match="no loss named"):
            landscape.input_gradient(plain, GREY, 0, loss="hinge")
        with pytest.raises(InputError, match="from 0 to 9"):
            landscape.input_gradient(plain, GREY, 11)
