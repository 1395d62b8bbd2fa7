"""What a certificate has proven no attack can break; radii are proven, and exact where they can be."""

import keras
import numpy as np
import pytest

from core import attacks, defenses, digits, fit, norms
from core.classifier import Classifier
from core.defenses._bounding import PRECISION
from core.errors import InputError
from tests.support import attacked, build, linear, some_digits, two_class

LAYERS = keras.layers
EPS = 0.08
CERTIFICATES = defenses.names("certificate")
#: The certificates by bounds, and how the tests that ask them often have them.
BOUNDS = {"interval": {}, "crown": {"widest": 0}}


@pytest.fixture(scope="module")
def sound():
    """A small network that has learnt in the interval bounds for a few seconds."""
    keras.utils.set_random_seed(3)
    model = build(
        LAYERS.Conv2D(8, 4, strides=2, activation="relu"),
        LAYERS.Flatten(),
        LAYERS.Dense(32),
        LAYERS.ReLU(max_value=1.0),
        LAYERS.Dense(10),
    )
    training = defenses.get("interval_training")(eps=EPS, ramp=0.5)
    plan = fit.Plan(epochs=6, batch=100, rate=5e-3, decay="cosine", clip=10.0)
    fit.fit(model, digits.bundled()[np.arange(0, 5000, 2)], plan, objective=training)
    return Classifier(model, name="sound")


@pytest.fixture(scope="module")
def shown(sound):
    """Digits that it has not learnt from: x (60, 28, 28, 1), y (60,)."""
    rows = np.arange(1, 5000, 84)
    return digits.bundled().images[rows], digits.bundled().labels[rows]


@pytest.fixture(scope="module")
def proven(sound, shown):
    """Which of them each certificate by bounds has proven at EPS."""
    asked = {"interval": defenses.get("interval")(), "crown": defenses.get("crown")(widest=32)}
    return {name: certificate.certify(sound, *shown, EPS) for name, certificate in asked.items()}


def linear_model(seed=0):
    """Ten random directions of about a digit's scale, and a second layer behind them."""
    draw = np.random.default_rng(seed)
    model = build(LAYERS.Flatten(), LAYERS.Dense(12), LAYERS.Dropout(0.5), LAYERS.Dense(10))
    weights = [
        draw.normal(size=(784, 12)) * 0.1,
        draw.normal(size=12),
        draw.normal(size=(12, 10)),
        draw.normal(size=10),
    ]
    model.set_weights(weights)
    return Classifier(model, name="two linear layers")


class TestSoundness:
    def test_a_good_number_of_digits_is_proven_and_crown_proves_all_that_intervals_do(self, proven):
        assert proven["interval"].sum() >= 30
        assert (proven["crown"] >= proven["interval"]).all()

    @pytest.mark.parametrize("name", [each for each in attacks.names() if "linf" in attacks.get(each).norms])
    def test_no_attack_fools_a_proven_digit(self, sound, shown, proven, name):
        """All digits are attacked; those that fall are none that was proven at the attack's budget."""
        result = attacked(name, "linf", sound, shown, eps=EPS)
        for certified in proven.values():
            assert not (result.success & certified).any()
            assert (result.prediction == shown[1])[certified & result.within].all()

    def test_attacks_do_fool_digits_that_were_not_proven(self, sound, shown, proven):
        assert attacked("pgd", "linf", sound, shown, eps=2.5 * EPS).success.sum() >= 5

    @pytest.mark.parametrize(("norm", "eps", "names"), [("l2", 0.4, ("pgd", "ddn")), ("l1", 2.0, ("pgd", "ead"))])
    def test_no_attack_fools_what_crown_has_proven_in_another_norm(self, norm, eps, names):
        keras.utils.set_random_seed(1)
        model = build(LAYERS.Flatten(), LAYERS.Dense(24, activation="relu"), LAYERS.Dense(10))
        fit.fit(model, digits.bundled()[np.arange(0, 5000, 4)], fit.Plan(epochs=4, rate=3e-3))
        classifier, given = Classifier(model), some_digits(60, start=7)
        certified = defenses.get("crown")(norm=norm).certify(classifier, *given, eps)
        assert certified.sum() >= 10
        for name in names:
            assert not (attacked(name, norm, classifier, given, eps=eps).success & certified).any()

    @pytest.mark.parametrize("name", BOUNDS)
    def test_the_bounds_hold_what_attacks_reach(self, sound, shown, name):
        certificate = defenses.get(name)(**BOUNDS[name])
        low, high = certificate.bounds(sound, shown[0], EPS)
        reached = attacked("bim", "linf", sound, shown, eps=EPS).logits_adversarial
        assert low.shape == (60, 10) and (reached >= low).all() and (reached <= high).all()
        near = np.subtract(*certificate.bounds(sound, shown[0], 0.0)[::-1])
        assert (near < 0.02).all() and (high - low > near).all()


@pytest.mark.parametrize("name", BOUNDS)
class TestRadius:
    def test_it_is_the_largest_that_is_proven(self, sound, shown, name):
        certificate = defenses.get(name)(**BOUNDS[name])
        x, read = shown[0], sound.predict(shown[0])
        radius = certificate.radius(sound, x)
        assert radius.shape == (60,) and radius.dtype == np.float64 and (radius > EPS).sum() >= 20
        known = radius > 0
        assert certificate.certify(sound, x, read, radius)[known].all()
        assert not certificate.certify(sound, x, read, radius + PRECISION["linf"]).any()
        wrong = (read + 1) % 10
        assert not certificate.certify(sound, x, wrong, 0.0).any()

    def test_the_curve_counts_the_digits_that_are_read_right_and_proven(self, sound, shown, proven, name):
        certificate, (x, y) = defenses.get(name)(**BOUNDS[name]), shown
        curve = certificate.curve(sound, x, y, [0.0, EPS / 2, EPS, 0.5])
        assert curve.shape == (4,) and (np.diff(curve) <= 0).all()
        assert curve[0] == certificate.certify(sound, x, y, 0.0).mean() == (sound.predict(x) == y).mean()
        assert curve[2] >= proven["interval"].mean() - 1 / 60 and curve[2] <= proven["crown"].mean()

    def test_no_batch_mate_matters(self, sound, shown, name):
        certificate = defenses.get(name)(**BOUNDS[name])
        alone = [certificate.radius(sound, shown[0][[at]])[0] for at in (0, 31)]
        np.testing.assert_allclose(certificate.radius(sound, shown[0])[[0, 31]], alone, atol=PRECISION["linf"])


class TestLinear:
    @pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
    def test_the_radius_is_the_distance_of_the_border(self, norm):
        """The steepest change fools just beyond the radius; just below, not even the steepest does."""
        weights, x = self.apart()
        self.assert_exact(defenses.get("linear")(norm=norm), linear(weights), x, weights, 0.001)

    @pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
    def test_so_it_is_through_two_layers_which_round_more(self, norm):
        (first, x), second = self.apart(), np.eye(10) + 0.02 * np.random.default_rng(2).normal(size=(10, 10))
        model = build(LAYERS.Flatten(), LAYERS.Dense(10), LAYERS.Dropout(0.5), LAYERS.Dense(10))
        model.set_weights([first, np.ones(10), second, np.ones(10)])
        self.assert_exact(defenses.get("linear")(norm=norm), Classifier(model), x, first @ second, 0.005)

    @staticmethod
    def apart():
        """Weights (784, 10), each pixel for one class, and ten images that are bright where their class looks.

        Little cancels in their margins, so rounding, which grows with the sums, takes little off the radius.
        """
        draw, own = np.random.default_rng(1), np.arange(784) * 10 // 784
        weights = np.where(own[:, None] == np.arange(10), draw.uniform(0.5, 1.0, (784, 10)), 0.0)
        x = np.where(own == np.arange(10)[:, None], 0.8, 0.3) + draw.uniform(-0.1, 0.1, (10, 784))
        return weights.astype(np.float32), x.reshape(10, 28, 28, 1).astype(np.float32)

    @staticmethod
    def assert_exact(certificate, model, x, weights, tolerance):
        """Within that share of the radius: weights (784, 10) are those of the whole network."""
        radius, read = certificate.radius(model, x), model.predict(x)
        assert (read == np.arange(10)).all()
        fooled = {}
        for factor in (1 - tolerance, 1 + tolerance):
            fooled[factor] = np.zeros(len(x), bool)
            for k in range(10):
                down = (weights[:, [k]] - weights[:, read]).T.reshape(x.shape).astype(np.float32)
                steepest = norms.get(certificate.norm).steepest(down).numpy()
                moved = x + (factor * radius)[:, None, None, None].astype(np.float32) * steepest
                fooled[factor] |= model.predict(moved) != read
            assert certificate.certify(model, x, read, factor * radius).all() == (factor < 1)
            assert certificate.certify(model, x, read, factor * radius).any() == (factor < 1)
        assert fooled[1 + tolerance].all() and not fooled[1 - tolerance].any()

    def test_two_classes_by_hand(self):
        """Logit 0 is w x + bias and the others are 0: the border lies (w x + bias) / |w| away, in the dual norm."""
        w, x = np.linspace(0.1, 1.0, 784), np.full((1, 28, 28, 1), 0.5, np.float32)
        model, margin = two_class(w, -200.0), 0.5 * w.sum() - 200.0
        for norm, dual in (("linf", w.sum()), ("l2", np.linalg.norm(w)), ("l1", w.max())):
            radius = defenses.get("linear")(norm=norm).radius(model, x)[0]
            assert radius == pytest.approx(margin / dual, rel=5e-3) and radius < margin / dual

    def test_no_attack_fools_a_proven_digit(self):
        model, (x, _) = linear_model(), some_digits(40)
        read = model.predict(x)
        for norm, names in {"linf": ("fgsm", "pgd"), "l2": ("fgm", "deepfool"), "l1": ("pgd",)}.items():
            certificate = defenses.get("linear")(norm=norm)
            radius = certificate.radius(model, x)
            for name in names:
                assert not attacked(name, norm, model, (x, read), eps=radius).success.any()

    def test_crown_proves_as_much(self):
        model, (x, _) = linear_model(), some_digits(20)
        exact = defenses.get("linear")().radius(model, x)
        assert (defenses.get("crown")().radius(model, x) >= exact * 0.999 - PRECISION["linf"]).all()

    def test_a_constant_network_is_proven_as_far_as_anything_can_change(self):
        model = linear(np.zeros((784, 10)), np.arange(10.0))
        for norm in ("linf", "l2", "l1"):
            radius = defenses.get("linear")(norm=norm).radius(model, some_digits(2)[0])
            np.testing.assert_array_equal(radius, norms.get(norm).diameter)

    def test_a_bend_is_refused_by_name(self, plain):
        with pytest.raises(InputError, match=r"'strokes' is not linear"):
            defenses.get("linear")().radius(plain, some_digits(1)[0])


X, Y = some_digits(2)
BAD = {
    "a Keras model": ({"model": None}, r"[Mm]odel is of type"),
    "grey levels": ({"x": (X * 255).astype(np.uint8)}, r"x has the type uint8"),
    "one image without a batch": ({"x": X[0]}, r"x has the shape \(28, 28, 1\)"),
    "labels too few": ({"y": Y[:1]}, r"y has the shape \(1,\)"),
    "label ten": ({"y": Y + 9}, r"y runs from 9 to 10"),
    "no eps": ({"eps": None}, r"eps is missing"),
    "eps negative": ({"eps": -0.1}, r"eps is -0\.1; .* a number from 0 to"),
    "eps NaN": ({"eps": float("nan")}, r"eps is nan; .* a number from 0 to"),
    "eps infinite": ({"eps": np.inf}, r"eps is inf; .* a number from 0 to"),
    "an eps too many": ({"eps": np.zeros(3)}, r"eps has the shape \(3,\)"),
    "a seed as a word": ({"seed": "one"}, r"seed is 'one'"),
}


@pytest.mark.parametrize("name", CERTIFICATES)
@pytest.mark.parametrize(("changed", "said"), BAD.values(), ids=BAD)
def test_a_certificate_refuses(name, changed, said):
    given = {"model": linear_model(), "x": X, "y": Y, "eps": 0.1, "seed": 0} | changed
    with pytest.raises(InputError, match=said):
        defenses.get(name)().certify(given["model"], given["x"], given["y"], given["eps"], seed=given["seed"])


def test_the_certificates_are_there_and_say_what_they_are():
    assert {"interval", "crown", "linear", "smoothing"} <= set(CERTIFICATES)
    for name in CERTIFICATES:
        certificate = defenses.get(name)()
        assert (
            certificate.norm in ("linf", "l2", "l1") and certificate.title and "https://" in (certificate.__doc__ or "")
        )


def test_a_curve_refuses_a_grid_that_is_none():
    for grid in ([0.1, -0.1], [[0.1]], ["0.1"], None):
        with pytest.raises(InputError, match="eps"):
            defenses.get("linear")().curve(linear_model(), X, Y, grid)


@pytest.mark.parametrize("name", BOUNDS)
def test_what_cannot_be_bounded_is_refused_by_name(name):
    keras.utils.set_random_seed(0)
    body = LAYERS.Flatten(), LAYERS.Dense(4, activation="gelu", name="smooth"), LAYERS.Dense(10)
    model = Classifier(build(*body))
    for ask in ("radius", "bounds"):
        with pytest.raises(InputError, match=r"'smooth' has the activation gelu"):
            getattr(defenses.get(name)(), ask)(model, X, *([0.1] if ask == "bounds" else []))


def test_crown_refuses_what_would_need_too_much_memory():
    huge = build(LAYERS.Conv2D(300, 3, padding="same"), LAYERS.GlobalAveragePooling2D(), LAYERS.Dense(10))
    with pytest.raises(InputError, match=r"a layer of 235,200 numbers, and CROWN needs too much memory"):
        defenses.get("crown")().radius(Classifier(huge), X)
