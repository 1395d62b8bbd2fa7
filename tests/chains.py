"""Small networks of every layer that can be bounded, and points of a box to try them on."""

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from tests.support import build

LAYERS = keras.layers

#: Every layer that bounds are carried through, by what is special about it; each takes and returns pictures.
PICTURES = {
    "same": lambda: LAYERS.Conv2D(3, 3, padding="same", activation="relu"),
    "strided": lambda: LAYERS.Conv2D(3, 4, strides=2, activation="tanh"),
    "strided_same": lambda: LAYERS.Conv2D(4, (3, 2), strides=(1, 2), padding="same", use_bias=False),
    "dilated": lambda: LAYERS.Conv2D(2, 3, dilation_rate=2, padding="same", activation="sigmoid"),
    "per_pixel": lambda: LAYERS.Dense(3, activation="softplus"),
    "norm": lambda: LAYERS.BatchNormalization(),
    "norm_bare": lambda: LAYERS.BatchNormalization(center=False, scale=False),
    "relu": lambda: LAYERS.ReLU(),
    "capped": lambda: LAYERS.ReLU(max_value=0.4),
    "sloped_cap": lambda: LAYERS.ReLU(max_value=0.5, negative_slope=0.1),
    "sloped": lambda: LAYERS.ReLU(negative_slope=0.3),
    "jump": lambda: LAYERS.ReLU(threshold=0.2),
    "leaky": lambda: LAYERS.LeakyReLU(0.2),
    "steep": lambda: LAYERS.LeakyReLU(1.5),
    "elu": lambda: LAYERS.ELU(),
    "max": lambda: LAYERS.MaxPooling2D(2),
    "max_same": lambda: LAYERS.MaxPooling2D(3, strides=2, padding="same"),
    "mean": lambda: LAYERS.AveragePooling2D(2),
    "mean_same": lambda: LAYERS.AveragePooling2D(3, strides=2, padding="same"),
    "padding": lambda: LAYERS.ZeroPadding2D(((1, 0), (0, 2))),
    "cropping": lambda: LAYERS.Cropping2D(1),
    "larger": lambda: LAYERS.UpSampling2D(2),
    "larger_smooth": lambda: LAYERS.UpSampling2D(2, interpolation="bilinear"),
    "turned": lambda: LAYERS.Permute((2, 1, 3)),
    "rescaled": lambda: LAYERS.Rescaling(-2.0, 0.5),
    "dropout": lambda: LAYERS.Dropout(0.5),
    "dropped_maps": lambda: LAYERS.SpatialDropout2D(0.5),
    "noise": lambda: LAYERS.GaussianNoise(0.5),
    **{
        f"act_{name}": lambda name=name: LAYERS.Activation(name)
        for name in "linear relu relu6 leaky_relu selu hard_sigmoid softsign exponential".split()
    },
}
#: What turns pictures into a row of features.
ENDS = {
    "flatten": lambda: LAYERS.Flatten(),
    "reshape": lambda: LAYERS.Reshape((-1,)),
    "mean_of_all": lambda: LAYERS.GlobalAveragePooling2D(),
    "max_of_all": lambda: LAYERS.GlobalMaxPooling2D(),
}


def chain(names: str | list[str], seed: int = 0, end: str = "flatten", hidden: tuple[int, ...] = (6,)) -> keras.Model:
    """A network of those layers on digits of a quarter of the size; its weights and its statistics are random."""
    keras.utils.set_random_seed(seed)
    body = [PICTURES[name]() for name in (names.split() if isinstance(names, str) else names)]
    dense = [LAYERS.Dense(width, activation="relu") for width in hidden]
    model = build(LAYERS.AveragePooling2D(4), *body, ENDS[end](), *dense, LAYERS.Dense(10))
    draw = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, LAYERS.BatchNormalization):
            values = [draw.normal(0.0, 0.5, weight.shape) for weight in layer.get_weights()]
            values[-1] = draw.uniform(0.1, 2.0, values[-1].shape)  # the variance
            layer.set_weights(values)
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(draw.normal(0.0, 0.3, layer.bias.shape))
    return model


#: Layers after which there is little picture left: one of them in a network.
_SHRINK = "strided strided_same max max_same mean mean_same cropping".split()


@st.composite
def chains(draw: st.DrawFn) -> dict:
    """What `chain` is to build: up to four layers, one way to flatten, up to two hidden layers."""
    names = draw(st.lists(st.sampled_from(sorted(set(PICTURES) - {"act_exponential", *_SHRINK})), max_size=3))
    names.insert(draw(st.integers(0, len(names))), draw(st.sampled_from(_SHRINK)))
    hidden = draw(st.sampled_from([(), (5,), (7, 4)]))
    return {
        "names": names,
        "end": draw(st.sampled_from(sorted(ENDS))),
        "hidden": hidden,
        "seed": draw(st.integers(0, 99)),
    }


def points(x: np.ndarray, eps: float, count: int = 40, seed: int = 0) -> np.ndarray:
    """(count, n, 28, 28, 1): images within eps of x (n, 28, 28, 1) and in [0, 1], half of them corners of that box."""
    draw = np.random.default_rng(seed)
    change = draw.uniform(-1, 1, (count, *x.shape))
    change[::2] = np.sign(change[::2])
    return np.clip(x + eps * change, 0, 1).astype(np.float32)


def outputs(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The logits (count, n, 10) of images (count, n, 28, 28, 1)."""
    flat = model(images.reshape(-1, 28, 28, 1), training=False)
    return np.asarray(flat).reshape(*images.shape[:2], -1)


def uphill(model: keras.Model, x: np.ndarray, eps: float) -> np.ndarray:
    """(10, n, 28, 28, 1): for each logit the corner of the box towards which its gradient at x points."""
    # All ten in one pass: each on rows of its own.
    start = tf.constant(np.tile(x, (10, 1, 1, 1)))
    rows = np.repeat(np.eye(10, dtype=np.float32), len(x), axis=0)
    with tf.GradientTape() as tape:
        tape.watch(start)
        logits = model(start, training=False)
    slopes = tape.gradient(logits, start, output_gradients=tf.constant(rows)).numpy().reshape(10, *x.shape)
    return np.clip(x + eps * np.sign(slopes), 0, 1).astype(np.float32)
