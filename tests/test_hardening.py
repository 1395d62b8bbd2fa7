"""The trainings that harden: a contract that walks them all, and what each of them is there for."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from core import attacks, bounds, defenses, digits, fit, knobs
from core.classifier import Classifier
from core.defenses.augmentation import turned
from core.errors import InputError
from core.objectives import Moment, cross_entropy, shifted
from tests.support import linear, untrained

TRAININGS = defenses.names("training")
#: Knobs with which a training is plain training on clean digits.
IDLE = {
    "augmentation": {"pixels": 0, "degrees": 0.0, "sigma": 0.0},
    "distillation": {"temperature": 1.0},
    "gaussian_noise": {"sigma": 0.0},
    "gradient_clipping": {},
    "input_gradient": {"weight": 0.0},
    "interval_training": {"eps": 0.0},
    "label_smoothing": {"share": 0.0},
    "pgd_training": {"eps": 0.0},
    "trades": {"beta": 0.0},
    "ensemble": {"eps": 0.0},
    "fgsm_rs": {"eps": 0.0},
}
MOMENT = Moment(tf.constant(1.0), tf.constant([3, 4]))


def flat(network):
    return np.concatenate([weight.ravel() for weight in network.get_weights()])


@pytest.fixture(scope="module")
def started():
    """A small network that reads the bundled digits somewhat, without dropout."""
    network = untrained(dropout=0.0)
    fit.fit(network, digits.bundled()[::5], fit.Plan(epochs=6, batch=50, rate=5e-3))
    return Classifier(network, name="started")


def test_every_idea_of_the_field_is_here():
    assert set(TRAININGS) == {*IDLE, "smoothing_training"}


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_hardens_a_copy(started, six_hundred, name):
    before, heard = started.version, []

    def watch(done, total, metrics):
        heard.append((done, total))
        assert np.isfinite(metrics["loss"])

    training = defenses.get(name)()
    hardened = training.harden(started, six_hundred, seed=3, epochs=2, watch=watch)
    assert started.version == before and hardened.version != before
    assert hardened.keras is not started.keras and hardened.name == f"started_{name}"
    assert np.isfinite(hardened.logits(six_hundred.images[:5])).all()
    done, total = zip(*heard, strict=True)
    assert list(done) == sorted(done) and done[-1] == total[-1] and len(set(total)) == 1
    again = training.harden(started, six_hundred, seed=3, epochs=2)
    other = training.harden(started, six_hundred, seed=4, epochs=2)
    assert again.version == hardened.version and other.version != hardened.version


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_that_is_stopped_gives_what_it_has_learnt(started, six_hundred, name):
    hardened = defenses.get(name)().harden(started, six_hundred, epochs=5, watch=lambda *_: False)
    assert np.isfinite(hardened.logits(six_hundred.images[:5])).all()


@pytest.mark.parametrize("name", sorted(IDLE))
def test_with_nothing_to_do_it_is_plain_training(started, six_hundred, name):
    x, y = tf.constant(six_hundred.images[:50]), tf.constant(six_hundred.labels[:50])
    losses, _ = defenses.get(name)(**IDLE[name])(started.keras, x, y, MOMENT)
    plain = cross_entropy(started.keras(x), y)
    np.testing.assert_allclose(losses, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", TRAININGS)
def test_a_knob_beyond_its_range_is_refused(name):
    for knob in knobs.of(defenses.get(name)):
        if knob.high is not None:
            with pytest.raises(InputError, match=knob.name):
                defenses.get(name)(**{knob.name: type(knob.default)(knob.high + 1)})


@pytest.mark.parametrize("name", TRAININGS)
def test_what_a_visitor_reads_is_there(name):
    offered = defenses.get(name)
    assert offered.kind == "training" and offered.title and "https://" in (offered.__doc__ or "")
    assert dataclasses.is_dataclass(offered) and all(knob.help for knob in knobs.of(offered))


@pytest.mark.parametrize("name", ["pgd_training", "trades", "fgsm_rs"])
def test_met_attacks_are_withstood(started, name):
    """At 0.1, on digits that it has not seen: a few seconds are not enough for more."""
    every = digits.bundled()
    hardened = defenses.get(name)(eps=0.1).harden(started, every[::4], epochs=8)
    test = every[1::50]
    standing = []
    for model in (started, hardened):
        result = attacks.get("pgd")(steps=20)(model, test.images, test.labels, eps=0.1)
        standing.append(np.mean(~result.fooled & ~result.already_wrong))
    assert standing[1] > standing[0] + 0.2


def test_interval_training_can_be_proven(six_hundred):
    every, proven = digits.bundled(), {}
    x, y = tf.constant(every.images[1::25]), tf.constant(every.labels[1::25])
    start = Classifier(untrained(dropout=0.0))
    for name, knob in (("gradient_clipping", {"length": 10.0}), ("interval_training", {"eps": 0.1})):
        network = defenses.get(name)(**knob).harden(start, every[::3], epochs=10, anew=True).keras
        margins = bounds.margins(network, bounds.around(x, tf.constant(0.05)), y) + 1e9 * tf.one_hot(y, 10)
        proven[name] = float(tf.reduce_mean(tf.cast(tf.reduce_min(margins, axis=1) > 0, tf.float32)))
    assert proven["interval_training"] > 0.6 > 0.2 > proven["gradient_clipping"]


def test_crowns_bounds_make_the_loss_smaller_and_fade_with_the_ramp(started, six_hundred):
    """They are tighter than intervals, and at the ramp's end nothing is left of them."""
    x, y = tf.constant(six_hundred.images[:30]), tf.constant(six_hundred.labels[:30])

    def loss(crown, share):
        training = defenses.get("interval_training")(eps=0.1, still=0.0, ramp=0.5, crown=crown)
        moment = Moment(tf.constant(share), tf.constant([0, 0]))
        return training(started.keras, x, y, moment)[0].numpy()

    plain, mixed, tight = (loss(crown, 0.25) for crown in (0.0, 0.5, 1.0))
    assert (tight <= mixed + 1e-4).all() and (mixed <= plain + 1e-4).all() and tight.mean() < 0.95 * plain.mean()
    np.testing.assert_allclose(loss(1.0, 0.6), loss(0.0, 0.6), rtol=1e-5)


def test_the_input_gradient_of_a_linear_model_has_a_closed_form(six_hundred):
    """Cross-entropy's gradient by the image is W (p - y)."""
    rng = np.random.default_rng(0)
    model = linear(rng.normal(size=(784, 10)) * 0.1)
    x, y = six_hundred.images[:20], six_hundred.labels[:20]
    losses, logits = defenses.get("input_gradient")(weight=2.0)(model.keras, tf.constant(x), tf.constant(y), MOMENT)
    slope = (tf.nn.softmax(logits).numpy() - np.eye(10)[y]) @ model.keras.get_weights()[0].T
    expected = cross_entropy(logits, tf.constant(y)) + 2.0 * (slope**2).sum(1)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


def test_regularised_gradients_are_smaller_and_clipped_ones_are_not(started):
    """The two that people mix up: clipping the weights' gradient leaves the image's as it was."""
    every, size = digits.bundled(), {}
    x, y = tf.constant(every.images[1::50]), tf.constant(every.labels[1::50])
    for name in ("gradient_clipping", "input_gradient"):
        network = defenses.get(name)().harden(started, every[::5], epochs=6).keras
        with tf.GradientTape() as tape:
            tape.watch(x)
            losses = cross_entropy(network(x), y)
        slopes = np.asarray(tape.gradient(losses, x)).reshape(len(y), -1)
        size[name] = np.median(np.linalg.norm(slopes, axis=1) / (1 - np.exp(-losses.numpy())))
    assert size["input_gradient"] < 0.7 * size["gradient_clipping"]


def test_clipping_shortens_the_step(six_hundred):
    """One SGD step without momentum moves all weights together by exactly rate * clip."""
    for clip in (0.01, 0.1):
        network = untrained(dropout=0.0)
        before = flat(network)
        plan = fit.Plan(epochs=1, batch=600, rate=0.5, optimiser="sgd", momentum=0.0, clip=clip)
        fit.fit(network, six_hundred, plan)
        assert np.linalg.norm(flat(network) - before) == pytest.approx(0.5 * clip, rel=1e-3)
    assert defenses.get("gradient_clipping")(length=0.3).plan().clip == 0.3


def test_distillation_saturates_the_softmax_and_stops_no_attack_on_logits(started):
    every = digits.bundled()
    pupil = defenses.get("distillation")(temperature=30.0).harden(started, every[::3], epochs=20)
    plain = defenses.get("gradient_clipping")(length=10.0).harden(started, every[::3], epochs=20, anew=True)
    test = every[1::50]
    spread = [np.median(np.ptp(model.logits(test.images), axis=1)) for model in (plain, pupil)]
    assert spread[1] > 4 * spread[0]
    result = attacks.get("pgd")(steps=20)(pupil, test.images, test.labels, eps=0.3)
    assert (result.fooled | result.already_wrong).mean() > 0.95


def test_ensemble_training_meets_other_networks(started, six_hundred):
    """The others are trained first, each from weights of its own, and stay as they are."""
    training = defenses.get("ensemble")(others=2)
    plan = training.plan(1)
    met, _ = training.prepared(started.keras, six_hundred, plan, None)
    before = [flat(other) for other in met.others]
    assert np.abs(before[0] - before[1]).max() > 0.01
    x, y = tf.constant(six_hundred.images[:40]), tf.constant(six_hundred.labels[:40])
    losses = [met(started.keras, x, y, Moment(tf.constant(1.0), tf.constant([0, seed])))[0] for seed in range(12)]
    assert len({round(float(tf.reduce_sum(each)), 3) for each in losses}) == 12
    assert all((flat(other) == kept).all() for other, kept in zip(met.others, before, strict=True))


def test_fast_training_that_collapses_gives_its_best(started, six_hundred):
    """The rate blows up in the last epochs: what is given back is what PGD saw before."""
    training = defenses.get("fgsm_rs")(eps=0.03)

    class Wild(fit.Plan):
        def rate_at(self, share):
            return 3.0 if share > 0.5 else 2e-3

    network = keras.models.clone_model(started.keras)
    network.set_weights(started.keras.get_weights())
    fitted = training.train(network, six_hundred, Wild(epochs=20, batch=60))
    assert fitted.done < fitted.total and not fitted.stopped
    right = np.mean(network.predict(six_hundred.images, verbose=0).argmax(1) == six_hundred.labels)
    assert right > 0.6
    with pytest.raises(InputError, match="at least 10"):
        training.harden(started, six_hundred[:9])


def test_smoothing_training_without_noise_or_agreement_is_plain(started, six_hundred):
    x, y = tf.constant(six_hundred.images[:50]), tf.constant(six_hundred.labels[:50])
    training = defenses.get("smoothing_training")(sigma=0.01, consistency=0.0, entropy=0.0, copies=4)
    losses, _ = training(started.keras, x, y, MOMENT)
    np.testing.assert_allclose(losses, cross_entropy(started.keras(x), y), rtol=0.2, atol=0.02)
    agreeing = defenses.get("smoothing_training")(sigma=0.5, consistency=5.0, entropy=0.0)
    alone = defenses.get("smoothing_training")(sigma=0.5, consistency=0.0, entropy=0.0)
    apart, free = (each(started.keras, x, y, MOMENT)[0].numpy() for each in (agreeing, alone))
    assert (apart >= free - 1e-5).all() and apart.mean() > 1.1 * free.mean()
    moved = defenses.get("smoothing_training")(sigma=0.25, eps=1.0)
    still = defenses.get("smoothing_training")(sigma=0.25)
    harder, easier = (float(tf.reduce_mean(each(started.keras, x, y, MOMENT)[0])) for each in (moved, still))
    assert harder > 1.2 * easier


def test_smoothing_training_moves_what_it_reads_surely_and_spares_what_noise_hides(started, six_hundred):
    x, y = tf.constant(six_hundred.images[:50]), started.predict(six_hundred.images[:50])
    training = defenses.get("smoothing_training")(sigma=0.05, copies=8, eps=1.0, spare=0.5)

    def lengths(classes, **knobs):
        each = dataclasses.replace(training, **knobs)
        moved = each._moved(started.keras, x, tf.constant(classes), MOMENT.seed)
        assert float(tf.reduce_min(moved)) >= 0 and float(tf.reduce_max(moved)) <= 1
        return np.linalg.norm((moved - x).numpy().reshape(50, -1), axis=1)

    sure = started.probabilities(six_hundred.images[:50]).max(axis=1)
    far = lengths(y)
    assert (far <= 1 + 1e-5).all() and (sure > 0.9).any() and (far[sure > 0.9] > 0.3).all()
    assert (far[sure < 0.4] == 0).all() and (lengths(y, spare=0.0) >= far - 1e-5).all()
    assert (lengths((y + 1) % 10) == 0).all()  # what is read as another class is not pushed further away


def test_smoothing_training_shifts_digits_and_not_their_noise(started, six_hundred):
    x, y = tf.constant(six_hundred.images[:20]), tf.constant(six_hundred.labels[:20])
    training = defenses.get("smoothing_training")(sigma=0.25)
    there = dataclasses.replace(training, pixels=3)(started.keras, x, y, MOMENT)[0]
    where = shifted(x, 3, MOMENT.seed + tf.constant([1, 0]))
    assert float(tf.reduce_max(tf.abs(where - x))) > 0.5
    np.testing.assert_allclose(there, training(started.keras, where, y, MOMENT)[0], rtol=1e-5)


def test_turned_digits_keep_their_ink_and_turn_about_the_centre():
    x = np.zeros((3, 28, 28, 1), np.float32)
    x[:, 13:15, 4:24] = 1.0  # a bar through the centre
    again = turned(tf.constant(x), 0.0, tf.constant([0, 0])).numpy()
    np.testing.assert_allclose(again, x, atol=1e-5)
    moved = turned(tf.constant(x), 45.0, tf.constant([5, 1])).numpy()
    np.testing.assert_allclose(moved.sum(axis=(1, 2, 3)), x.sum(axis=(1, 2, 3)), rtol=0.05)
    centre = (moved * np.arange(28)[None, :, None, None]).sum(axis=(1, 2, 3)) / moved.sum(axis=(1, 2, 3))
    np.testing.assert_allclose(centre, 13.5, atol=0.2)
    assert len({each.tobytes() for each in moved}) == 3


def test_a_judge_tells_how_a_training_stands(started, six_hundred):
    heard, test = [], digits.bundled()[1::50]
    training = defenses.get("pgd_training")(eps=0.1)
    given = {"epochs": 2, "test": test, "test_eps": 0.05, "watch": lambda done, total, metrics: heard.append(metrics)}
    hardened = training.harden(started, six_hundred, **given)
    assert heard[-1]["clean"] == pytest.approx(np.mean(hardened.predict(test.images) == test.labels))
    pgd = attacks.get("pgd")(steps=20)(hardened, test.images, test.labels, eps=0.05)
    assert heard[-1]["attacked"] == pytest.approx(np.mean(~pgd.fooled & ~pgd.already_wrong), abs=0.05)
    assert heard[-1]["attacked"] < heard[-1]["clean"]


def test_a_training_that_diverges_says_so(started, six_hundred):
    plan = fit.Plan(epochs=30, batch=100, rate=1e30)
    with pytest.raises(fit.Diverged, match="diverged"):
        defenses.get("label_smoothing")().train(keras.models.clone_model(started.keras), six_hundred, plan)
