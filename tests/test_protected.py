"""A network behind a transform is one network: the same answers, the adaptive gradient, and every attack runs on it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from core import attacks, defenses, lowering, zoo
from core.classifier import Classifier
from core.defenses import _front, _ops
from core.errors import InputError
from tests.support import linear, quick, small, some_digits

NAMES = defenses.names("transform")
EVERY = pytest.mark.parametrize("name", NAMES)
BY_GRADIENT = {
    kind: [name for name in NAMES if defenses.get(name).gradient == kind]
    for kind in ("exact", "straight-through", "smooth", "averaged")
}


@pytest.fixture(scope="module")
def x():
    """Four digits in faint noise: no two pixels of a window are equal, so that a median has one gradient."""
    images = some_digits(4)[0]
    return np.clip(images + np.random.default_rng(1).uniform(-0.05, 0.2, images.shape), 0, 1).astype(np.float32)


def slope(model, x, mix):
    """The gradient of mix (10,) of the logits by x (n, 28, 28, 1), as attacks take it."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = lowering.forward(model.keras)(x)
    return tape.gradient(logits, x, output_gradients=tf.tile(tf.constant(mix, tf.float32)[None], (len(x), 1))).numpy()


def drawn(transform, x, draws, seed):
    """What the network reads in each of the draws: (draws, n, 28, 28, 1)."""
    return np.stack([transform.apply(tf.constant(x), _front.generator(seed, at)).numpy() for at in range(draws)])


@EVERY
def test_its_logits_are_the_networks_on_what_the_transform_makes(name, plain, x):
    transform = defenses.get(name)()
    if transform.draws == 1:
        expected = plain.logits(transform.transform(x))
    else:
        expected = np.mean([plain.logits(images) for images in drawn(transform, x, 3, 5)], axis=0)
        np.testing.assert_array_equal(transform.transform(x, seed=5), drawn(transform, x, 1, 5)[0])
    protected = transform.protect(plain, draws=3 if transform.draws > 1 else None, seed=5)
    np.testing.assert_allclose(protected.logits(x), expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(lowering.forward(protected.keras)(tf.constant(x)), expected, rtol=1e-3, atol=1e-3)
    assert protected.logits(x[:0]).shape == (0, 10) and protected.parameters == plain.parameters


@EVERY
def test_there_is_a_gradient_for_every_picture(name, plain, x):
    found = slope(defenses.get(name)().protect(plain), x, np.eye(10)[3])
    assert found.shape == x.shape and np.isfinite(found).all() and (np.abs(found).max(axis=(1, 2, 3)) > 1e-3).all()


@pytest.mark.parametrize("name", BY_GRADIENT["straight-through"])
def test_straight_through_it_is_the_networks_own_gradient_at_what_it_reads(name, plain, x):
    transform, mix = defenses.get(name)(), np.arange(10) - 4.0
    expected = slope(plain, transform.transform(x), mix)
    np.testing.assert_allclose(slope(transform.protect(plain), x, mix), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", [name for name in BY_GRADIENT["exact"] if name != "autoencoder"])
def test_an_exact_gradient_is_what_a_small_step_meets(name, x):
    """In front of a linear network, so that all that bends is the transform's."""
    rng = np.random.default_rng(2)
    weights = rng.normal(size=(784, 10))
    protected, mix = defenses.get(name)().protect(linear(weights)), np.eye(10)[0]
    inside = np.clip(x, 0.01, 0.99)
    found = slope(protected, inside, mix).astype(np.float64)
    step = 1e-4 * np.sign(found).astype(np.float32)
    met = (protected.logits(inside + step) - protected.logits(inside - step))[:, 0] / 2e-4
    np.testing.assert_allclose(met, np.abs(found).sum(axis=(1, 2, 3)), rtol=0.03)


def test_an_autoencoders_gradient_is_its_own_and_passes_the_clipping(x):
    weights = np.random.default_rng(2).normal(size=(784, 10)).astype(np.float32)
    found = slope(defenses.get("autoencoder")(share=0.75).protect(linear(weights)), x, np.eye(10)[0])
    images = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(images)
        rebuilt = zoo.autoencoder()(images)
    upstream = np.tile(weights[:, 0].reshape(1, 28, 28, 1), (len(x), 1, 1, 1))
    expected = tape.gradient(rebuilt, images, output_gradients=tf.constant(upstream)).numpy()
    np.testing.assert_allclose(found, 0.25 * upstream + 0.75 * expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", BY_GRADIENT["averaged"])
def test_over_draws_it_is_the_mean_of_their_gradients(name, plain, x):
    transform, mix = defenses.get(name)(), np.arange(10) - 4.0
    whole = slope(transform.protect(plain, draws=4, seed=7), x, mix)
    tensor = tf.constant(x)
    parts = []
    for at in range(4):
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            logits = plain.keras(transform.apply(tensor, _front.generator(7, at)), training=False)
        parts.append(tape.gradient(logits, tensor, output_gradients=np.tile(mix.astype("f4"), (len(x), 1))).numpy())
    np.testing.assert_allclose(whole, np.mean(parts, axis=0), rtol=1e-3, atol=1e-3)
    assert np.abs(parts[0] - whole).max() > 0.01


def test_resize_and_pad_has_an_exact_gradient_in_each_draw(x):
    rng = np.random.default_rng(3)
    protected = defenses.get("resize_pad")().protect(linear(rng.normal(size=(784, 10))), draws=2)
    change = 0.1 * rng.normal(size=x.shape).astype(np.float32)
    inside = 0.3 + 0.4 * x
    met = (protected.logits(inside + change) - protected.logits(inside))[:, 2]
    expected = (slope(protected, inside, np.eye(10)[2]) * change).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(met, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["total_variation", "non_local_means"])
def test_a_denoisers_gradient_is_that_of_a_blur(name, plain, x):
    transform, mix = defenses.get(name)(), np.arange(10) - 4.0
    at_output = tf.constant(slope(plain, transform.transform(x), mix))
    blurred = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(blurred)
        out = defenses.get("gaussian_blur")(sigma=1.0).apply(blurred, np.random.default_rng(0))
    expected = tape.gradient(out, blurred, output_gradients=at_output).numpy()
    np.testing.assert_allclose(slope(transform.protect(plain), x, mix), expected, rtol=1e-3, atol=1e-3)


def test_a_thermometers_gradient_is_that_of_the_smooth_code(x):
    rng = np.random.default_rng(4)
    weights, levels = rng.normal(size=(784, 10)), 4
    given = np.array([0.0, 0.1, 0.25, 0.6, 1.0], np.float32)
    images = np.zeros((1, 28, 28, 1), np.float32)
    images[0, 10, 10:15, 0] = given
    found = slope(defenses.get("thermometer")(levels=levels).protect(linear(weights)), images, np.eye(10)[0])
    reached = np.array([1, 1, 2, 3, 4]) / levels  # bits whose mark the pixel has reached: they rise with it
    np.testing.assert_allclose(found[0, 10, 10:15, 0], reached * weights[290:295, 0], rtol=1e-4)


def test_pixels_equal_to_a_median_share_its_gradient():
    black = tf.zeros((1, 28, 28, 1))
    with tf.GradientTape() as tape:
        tape.watch(black)
        out = _ops.median(black, 3)
    np.testing.assert_allclose(tape.gradient(out, black)[0, 5:-5, 5:-5], 1.0, rtol=1e-5)


@EVERY
def test_the_network_is_shared_and_stays_as_it_is(name, x):
    model = Classifier(small(), name="small")
    before, version = lowering.chain(model.keras), model.version
    protected = defenses.get(name)().protect(model, draws=None)
    assert lowering.suits_xla(model.keras) and not lowering.suits_xla(protected.keras)
    assert lowering.chain(model.keras) == before and model.version == version
    # Its own layers stand in the chain, where convolutions are lowered; and its weights are the very same.
    assert lowering.chain(protected.keras)[1:-1] == before
    assert {id(weight) for weight in model.keras.weights} == {id(weight) for weight in protected.keras.weights}


def test_versions_tell_knobs_draws_and_seeds_apart(plain):
    blur, noise = defenses.get("gaussian_blur"), defenses.get("random_noise")
    made = [blur().protect(plain), blur(sigma=1.1).protect(plain), defenses.get("median_blur")().protect(plain)]
    made += [noise().protect(plain), noise(sigma=0.3).protect(plain)]
    made += [noise().protect(plain, draws=3), noise().protect(plain, seed=1), plain]
    made += [blur().protect(Classifier(small(), name="plain_cnn"))]
    assert len({model.version for model in made}) == len(made)
    assert blur().protect(plain).version == made[0].version
    assert noise().protect(plain).version == made[3].version
    assert blur().protect(plain, draws=5, seed=6).version == made[0].version  # nothing is drawn there


def test_it_has_a_name_and_a_title(plain):
    assert defenses.get("jpeg")().protect(plain).title == "Plain CNN behind JPEG"
    assert defenses.get("median_blur")().protect(plain).title == "Plain CNN behind median blur"
    assert defenses.get("jpeg")().protect(plain).name == "plain_cnn_behind_jpeg"


@pytest.mark.parametrize("draws", [0, -1, 1.5, True, 257, "all"])
def test_a_number_of_draws_that_is_none_is_refused(plain, draws):
    with pytest.raises(InputError, match=r"draws is .* whole number from 1 to 256"):
        defenses.get("random_noise")().protect(plain, draws=draws)
    with pytest.raises(InputError, match="Classifier was expected"):
        defenses.get("random_noise")().protect(plain.keras)


@pytest.mark.parametrize("name", ["jpeg", "total_variation", "non_local_means"])
def test_several_threads_may_ask_at_once(name, plain):
    x, _ = some_digits(24)
    protected = defenses.get(name)().protect(plain)
    expected = protected.logits(x)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(protected.logits, np.split(x, 8)))
    np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-3, atol=1e-3)


@pytest.fixture(scope="module")
def behind(plain):
    return {
        "jpeg": defenses.get("jpeg")().protect(plain),
        "resize_pad": defenses.get("resize_pad")().protect(plain, draws=2),
    }


BY_SLOPE = [name for name in attacks.names() if attacks.get(name).knowledge == "gradient"]


@pytest.mark.parametrize(
    ("front", "name"),
    [("jpeg", name) for name in BY_SLOPE] + [("resize_pad", name) for name in ("pgd", "deepfool", "cw")],
)
def test_every_attack_by_gradient_runs_on_it(front, name, behind, few):
    x, y = few[0][:2], few[1][:2]
    attack = quick(attacks.get(name))
    result = attack(behind[front], x, y, eps={"linf": 0.15, "l2": 2.0}.get(attack.norms[0], 5.0), seed=1)
    assert result.adversarial.shape == x.shape and result.gradients.sum() > 0
    np.testing.assert_allclose(
        result.logits_adversarial, behind[front].logits(result.adversarial), rtol=1e-3, atol=1e-3
    )
