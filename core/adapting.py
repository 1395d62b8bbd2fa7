"""A digit network of somebody else's, made to fit: digits of 28 x 28 x 1 in [0, 1] go in, logits come out."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import activations, layers

from core import lowering
from core.model_archives import ModelRefused

IMAGE = (28, 28, 1)
CLASSES = 10
#: What a network may take instead of IMAGE: the same 784 pixels in the same order.
SHAPES = (IMAGE, (28, 28), (784,), (1, 28, 28), (784, 1), (1, 784))
#: What networks end in to make of logits something else, in the same order of the classes.
_ENDS = (activations.softmax, activations.log_softmax, activations.sigmoid)


@dataclass(frozen=True)
class Pixels:
    """The range of pixels that a network was trained on: scale * x + offset, of x in [0, 1]."""

    title: str
    scale: float
    offset: float


#: What people feed their networks with; the last is ink on paper, as a scanner gives it.
PIXELS = {
    "unit": Pixels("0 to 1", 1.0, 0.0),
    "bytes": Pixels("0 to 255", 255.0, 0.0),
    "signed": Pixels("\u22121 to 1", 2.0, -1.0),
    "standard": Pixels("mean 0, deviation 1", 1 / 0.3081, -0.1307 / 0.3081),
    "paper": Pixels("1 to 0, dark ink on white", -1.0, 1.0),
}


def adapted(model: keras.Model, pixels: str = "unit") -> keras.Model:
    """A network from digits (n, 28, 28, 1) in [0, 1] to logits (n, 10); the model itself where it is one already.

    A softmax or ten sigmoids at its end are taken off. pixels: a name of PIXELS, what the model takes. Its own weights
    are never changed. Raises ModelRefused where it does not fit, and where its outputs still look like probabilities.
    """
    _check_ends(model)
    given, read = model.inputs[0], PIXELS[pixels]
    links = lowering.chain(model)
    fits = tuple(given.shape) == (None, *IMAGE) and read == PIXELS["unit"] and _in_single_floats(model)
    if fits and not _squashed(model.layers[-1]):
        made = model
    else:
        try:
            made = _wrapped(model, read) if links is None else _rebuilt(model, links, read)
        except ModelRefused:
            raise
        except Exception as error:  # Keras raises nearly every kind for a network that it cannot put together
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ModelRefused(f"Keras could not fit the model to these digits: {reason[:200]}") from error
    _check_outputs(made)
    return made


def _check_ends(model: keras.Model) -> None:
    inputs = getattr(model, "inputs", None) or ()  # a Sequential that was never built has none
    if len(inputs) != 1 or tuple(inputs[0].shape[1:]) not in SHAPES:
        shapes = " and ".join(str(tuple(each.shape[1:])) for each in inputs) or "nothing that it knows yet"
        raise ModelRefused(
            f"The model takes {shapes}; one digit of 28 x 28 pixels was expected, as (28, 28, 1), (28, 28) or (784,)."
        )
    if len(model.outputs) != 1 or tuple(model.outputs[0].shape[1:]) != (CLASSES,):
        shapes = " and ".join(str(tuple(each.shape[1:])) for each in model.outputs)
        raise ModelRefused(f"The model returns {shapes}; one number for each of {CLASSES} digits was expected.")


def _check_outputs(model: keras.Model) -> None:
    """Refuse what looks like probabilities."""
    probe = np.random.default_rng(0).uniform(size=(16, *IMAGE)).astype(np.float32)
    outputs = np.asarray(model(probe, training=False))
    if (outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1.0, atol=1e-3):
        raise ModelRefused(
            "The model's outputs look like probabilities: on random images they are never negative and sum to 1. "
            "Attacks need logits; save the model without its softmax."
        )


def _squashed(last: layers.Layer) -> bool:
    """Whether a last layer turns logits into something else."""
    return isinstance(last, layers.Softmax) or getattr(last, "activation", None) in _ENDS


def _in_single_floats(model: keras.Model) -> bool:
    return all(layer.dtype_policy.name == "float32" for layer in model.layers)


def _front(model: keras.Model, read: Pixels) -> list[layers.Layer]:
    """What turns digits into what the model takes."""
    shape = tuple(model.inputs[0].shape[1:])
    scaling = [] if read == PIXELS["unit"] else [layers.Rescaling(read.scale, read.offset, name="pixels")]
    return [*scaling, *([] if shape == IMAGE else [layers.Reshape(shape, name="arranged")])]


def _rebuilt(model: keras.Model, links: list[layers.Layer], read: Pixels) -> keras.Model:
    """A chain, built anew from its layers in single floats, for batches of any size."""
    *hidden, last = links
    bare = isinstance(last, layers.Softmax) or (isinstance(last, layers.Activation) and _squashed(last))
    kept = [*hidden] if bare else links
    fresh = []
    for at, layer in enumerate(kept):
        config = {**layer.get_config(), "dtype": "float32", "name": f"layer_{at}"}  # no name may stand twice
        if layer is last and _squashed(layer):
            config["activation"] = "linear"
        fresh.append(type(layer).from_config(config))
    made = keras.Sequential([keras.Input(IMAGE, name="digit"), *_front(model, read), *fresh], name=model.name)
    made.set_weights([np.asarray(weight, np.float32) for weight in model.get_weights()])
    return made


def _wrapped(model: keras.Model, read: Pixels) -> keras.Model:
    """Anything else, as it is but for its end, behind what turns digits into what it takes."""
    if not _in_single_floats(model):
        raise ModelRefused("The model computes in other numbers than float32. Save it with the policy 'float32'.")
    last = model.layers[-1]
    if _squashed(last):
        if isinstance(last, layers.Softmax | layers.Activation):
            outputs = last.input
        else:
            bare = type(last).from_config({**last.get_config(), "activation": "linear"})
            outputs = bare(last.input)
            bare.set_weights(last.get_weights())
        model = keras.Model(model.inputs, outputs, name=model.name)
    front = _front(model, read)
    if not front:
        return model
    flowing = inputs = keras.Input(IMAGE, name="digit")
    for layer in [*front, model]:
        flowing = layer(flowing)
    return keras.Model(inputs, flowing, name=model.name)
