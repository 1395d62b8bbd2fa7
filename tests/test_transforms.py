"""Transforms of the input: what each does to a picture, as its peers do it, and what all of them keep to."""

import io
import re

import numpy as np
import pytest
import scipy.ndimage
import skimage.restoration
from PIL import Image

from core import defenses, knobs
from core.errors import InputError
from tests.support import some_digits

NAMES = defenses.names("transform")
EVERY = pytest.mark.parametrize("name", NAMES)
#: The knobs at which a transform leaves every picture as it is.
IDLE = {
    "autoencoder": {"share": 0.0},
    "bit_depth": {"bits": 8},  # on pictures of 256 grey levels, as digits are
    "gaussian_blur": {"sigma": 0.0},
    "median_blur": {"window": 1},
    "non_local_means": {"strength": 0.0},
    "random_noise": {"sigma": 0.0},
    "resize_pad": {"smallest": 28},
    "total_variation": {"weight": 0.0},
}


@pytest.fixture(scope="module")
def x():
    """Five digits, three of them with noise: pictures that are not as clean as those from the scanner."""
    images = some_digits(5)[0].copy()
    images[2:] += np.random.default_rng(0).normal(0, 0.2, images[2:].shape)
    return np.clip(images, 0, 1).astype(np.float32)


def made(name, **chosen):
    return defenses.get(name)(**chosen)


def test_all_that_were_asked_for_are_there():
    asked = "bit_depth median_blur gaussian_blur jpeg total_variation non_local_means thermometer resize_pad"
    assert {*asked.split(), "random_noise", "autoencoder"} <= set(NAMES)


@EVERY
def test_the_outcome_is_pictures_again(name, x):
    before = x.copy()
    out = made(name).transform(x)
    assert out.shape == x.shape and out.dtype == np.float32
    assert out.min() >= 0 and out.max() <= 1
    assert np.abs(out - x).max() > 0.05, "it does nothing"
    np.testing.assert_array_equal(x, before)


@EVERY
def test_a_seed_fixes_the_outcome_and_only_random_ones_look_at_it(name, x):
    transform = made(name)
    out = transform.transform(x, seed=3)
    np.testing.assert_array_equal(out, transform.transform(x, seed=3))
    random = any(not np.array_equal(out, transform.transform(x, seed=seed)) for seed in (-4, 5, 6, 2**70))
    assert random == (transform.gradient == "averaged") == (transform.draws > 1)


@EVERY
def test_an_outcome_does_not_depend_on_batch_mates(name, x):
    transform = made(name)
    together = transform.transform(x)
    alone = np.concatenate([transform.transform(x[i : i + 1]) for i in range(len(x))])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@EVERY
def test_it_says_what_it_is(name):
    cls = defenses.get(name)
    assert cls.title[0].isupper() and cls.name == name
    assert cls.gradient in ("exact", "straight-through", "smooth", "averaged")
    assert re.search(r"https://\S+", cls.__doc__), "the source is missing"
    assert all(knob.help and knob.label for knob in knobs.of(cls)) and knobs.of(cls)


@EVERY
def test_a_knob_out_of_its_range_is_refused_in_a_sentence(name):
    cls = defenses.get(name)
    for knob in knobs.of(cls):
        for value in (knob.low - 1, knob.high + 1, "much", None, float("nan")):
            with pytest.raises(InputError, match=rf"^{knob.name} of {cls.__name__} is .*; it must be .* from .* to .*"):
                cls(**{knob.name: value})


@EVERY
def test_every_knob_turns_something(name, x):
    for knob in knobs.of(defenses.get(name)):
        ends = (type(knob.default)(end) for end in (knob.low, knob.high))
        low, high = (made(name, **{knob.name: end}).transform(x) for end in ends)
        assert np.abs(low - high).max() > 1e-3, f"{knob.name} changes nothing"


@EVERY
def test_what_is_no_picture_is_refused(name, x):
    for wrong in (x[0], x[:0], x * 255, (x * 255).astype(np.uint8)):
        with pytest.raises(InputError):
            made(name).transform(wrong)
    with pytest.raises(InputError, match="seed"):
        made(name).transform(x, seed=1.5)


@pytest.mark.parametrize("name", IDLE)
def test_without_strength_it_is_the_identity(name):
    images = some_digits(5)[0]
    np.testing.assert_allclose(made(name, **IDLE[name]).transform(images), images, atol=1e-6)


# ------------------------------------------------------------------------------------- the same as others make of it


def each(function, x):
    return np.stack([np.asarray(function(picture), np.float32) for picture in x[..., 0]])[..., None]


@pytest.mark.parametrize("window", [2, 3, 4, 7])
def test_median_blur_is_scipys(window, x):
    expected = each(lambda picture: scipy.ndimage.median_filter(picture, size=window), x)
    np.testing.assert_array_equal(made("median_blur", window=window).transform(x), expected)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 4.0])
def test_gaussian_blur_is_scipys(sigma, x):
    expected = each(lambda picture: scipy.ndimage.gaussian_filter(picture, sigma), x)
    np.testing.assert_allclose(made("gaussian_blur", sigma=sigma).transform(x), expected, atol=1e-6)


@pytest.mark.parametrize("quality", [1, 20, 75, 95])
def test_jpeg_is_pillows(quality, x):
    def stored(picture):
        file = io.BytesIO()
        Image.fromarray((picture * 255 + 0.5).astype(np.uint8), "L").save(file, format="JPEG", quality=quality)
        return np.array(Image.open(file)) / 255

    np.testing.assert_allclose(made("jpeg", quality=quality).transform(x), each(stored, x), atol=1e-6)


def test_jpeg_of_high_quality_loses_less(x):
    lost = [np.square(made("jpeg", quality=quality).transform(x) - x).mean() for quality in (5, 20, 75, 95)]
    assert lost == sorted(lost, reverse=True) and lost[-1] < 1e-4


def test_total_variation_is_scikit_images_and_lowers_what_it_minimises(x):
    transform = made("total_variation", weight=0.2, steps=100)
    out = transform.transform(x)
    planes = skimage.restoration.denoise_tv_chambolle(x[..., 0], 0.2, max_num_iter=100, channel_axis=0)
    np.testing.assert_allclose(out[..., 0], np.clip(planes, 0, 1), atol=1e-6)

    def energy(u):
        down, across = np.diff(u, axis=1, append=u[:, -1:]), np.diff(u, axis=2, append=u[:, :, -1:])
        flat = np.sqrt(down**2 + across**2).sum(axis=(1, 2, 3))
        return 0.5 * np.square(u - x).sum(axis=(1, 2, 3)) + 0.2 * flat

    assert (energy(out) < 0.9 * energy(x)).all()
    assert (energy(out) < energy(made("gaussian_blur", sigma=1.0).transform(x))).all()


def test_non_local_means_is_scikit_images(x):
    chosen = {"patch_size": 5, "patch_distance": 4, "h": 0.4}
    expected = each(lambda picture: skimage.restoration.denoise_nl_means(picture, **chosen), x)
    out = made("non_local_means", patch=5, distance=4, strength=0.4).transform(x)
    np.testing.assert_allclose(out, np.clip(expected, 0, 1), atol=1e-5)


@pytest.mark.parametrize("bits", [1, 2, 5])
def test_bit_depth_leaves_that_many_levels_and_takes_the_nearest(bits, x):
    out = made("bit_depth", bits=bits).transform(x)
    levels = np.linspace(0, 1, 2**bits)
    np.testing.assert_allclose(np.unique(out), levels, atol=1e-6)
    assert np.abs(out - x).max() <= 0.5 / (2**bits - 1) + 1e-6


@pytest.mark.parametrize("levels", [1, 4, 16])
def test_a_thermometer_is_as_high_as_the_marks_below_the_pixel(levels, x):
    marks = np.arange(levels, dtype=np.float32) / np.float32(levels)
    expected = (x > marks).sum(axis=-1, keepdims=True) / levels
    np.testing.assert_allclose(made("thermometer", levels=levels).transform(x), expected, atol=1e-6)


def test_resize_and_pad_is_pillows_resize_somewhere_on_black(x):
    transform, sides = made("resize_pad", smallest=16), set()
    for seed in range(12):
        draw = np.random.default_rng([seed, 0])
        side = int(draw.integers(16, 28, endpoint=True))
        top, left = draw.integers(0, 28 - side, size=2, endpoint=True)
        sides.add(side)

        def laid(picture, side=side, top=top, left=left):
            small = Image.fromarray(picture).resize((side, side), Image.Resampling.BILINEAR)
            return np.pad(np.asarray(small), [(top, 28 - side - top), (left, 28 - side - left)])

        np.testing.assert_allclose(transform.transform(x, seed=seed), each(laid, x), atol=1e-5)
    assert len(sides) > 4


def test_random_noise_has_that_deviation_and_is_shared_by_the_batch():
    grey = np.full((2, 28, 28, 1), 0.5, np.float32)
    out = made("random_noise", sigma=0.1).transform(grey) - 0.5
    assert abs(out.mean()) < 0.02 and 0.09 < out.std() < 0.11
    np.testing.assert_array_equal(out[0], out[1])


def test_the_autoencoder_takes_noise_off():
    images = some_digits(40)[0]
    noisy = np.clip(images + np.random.default_rng(0).normal(0, 0.3, images.shape), 0, 1).astype(np.float32)
    rebuilt = made("autoencoder").transform(noisy)
    assert np.square(rebuilt - images).mean() < 0.3 * np.square(noisy - images).mean()
    half = made("autoencoder", share=0.5).transform(noisy)
    np.testing.assert_allclose(half, 0.5 * (noisy + rebuilt), atol=1e-6)
