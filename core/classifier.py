"""A Keras model that returns logits, compiled once, and the safe way to load one that somebody else made."""

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core import model_files
from core.errors import InputError
from core.model_files import ModelRefused

IMAGE = (28, 28, 1)
CLASSES = 10
BATCH = 512  # rows of one forward call: more gain nothing here and cost memory
IMAGES = tf.TensorSpec((None, *IMAGE), tf.float32)


class Classifier:
    """A digit classifier: images (n, 28, 28, 1) in [0, 1] to logits (n, 10).

    keras_model: a Keras 3 model with that input and 10 outputs. A softmax at its end is taken off; a model whose
    outputs still look like probabilities is refused with ModelRefused. The Keras model is never trained or changed
    here.

    traces counts how often each compiled graph was traced: a knob that moves must not raise it. Classifier.traced
    counts those of all models.
    """

    traced = 0

    def __init__(self, keras_model: keras.Model, *, name: str = "model", title: str | None = None):
        self.keras = as_logits(keras_model)
        self.name = name
        self.title = title or name.replace("_", " ").capitalize()
        self.traces: dict[Any, int] = {}
        self._graphs: dict[Any, Any] = {}
        self._lock = threading.RLock()
        self._version: str | None = None

    @property
    def parameters(self) -> int:
        """How many weights the model has."""
        return self.keras.count_params()

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that change whenever the architecture or a weight does: a key for caches."""
        if self._version is None:
            digest = hashlib.sha256(json.dumps(self.keras.get_config(), sort_keys=True, default=str).encode())
            for weight in self.keras.get_weights():
                digest.update(np.ascontiguousarray(weight).tobytes())
            self._version = digest.hexdigest()[:12]
        return self._version

    def graph(
        self, key: Any, build: Callable[[], Callable], signature: Sequence[tf.TypeSpec], *, xla: bool = False
    ) -> Any:
        """The compiled graph of that key for this model: built and traced on the first call, then only looked up."""
        with self._lock:
            if key not in self._graphs:
                body = build()

                def counted(*arguments: tf.Tensor) -> Any:
                    self.traces[key] = self.traces.get(key, 0) + 1
                    Classifier.traced += 1
                    return body(*arguments)

                self._graphs[key] = tf.function(counted, input_signature=signature, jit_compile=xla, autograph=False)
            return self._graphs[key]

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Logits (n, 10) float32 of images x (n, 28, 28, 1); InputError for any other shape."""
        x = np.asarray(x, dtype=np.float32)
        if x.shape[1:] != IMAGE:
            raise InputError(f"The images have the shape {x.shape}; (n, 28, 28, 1) was expected.")
        forward = self.graph("logits", lambda: lambda rows: self.keras(rows, training=False), [IMAGES])
        parts = [forward(tf.constant(x[at : at + BATCH])).numpy() for at in range(0, len(x), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, CLASSES), np.float32)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The class read from each image: (n,) int64."""
        return self.logits(x).argmax(axis=1)

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """The softmax of the logits: (n, 10) float32."""
        return softmax(self.logits(x))

    def __repr__(self) -> str:
        return f"Classifier({self.name!r}, {self.parameters:,} parameters)"


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (n, 10) of logits (n, 10)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def as_logits(model: keras.Model) -> keras.Model:
    """The same model without the softmax at its end, sharing its weights; itself where it already returns logits."""
    inputs = getattr(model, "inputs", None) or ()  # a Sequential that was never built has none
    if len(inputs) != 1 or tuple(inputs[0].shape[1:]) != IMAGE:
        shapes = [tuple(each.shape) for each in inputs]
        raise ModelRefused(f"The model takes {shapes}; one input of shape (None, 28, 28, 1) was expected.")
    if len(model.outputs) != 1 or tuple(model.outputs[0].shape[1:]) != (CLASSES,):
        shapes = [tuple(each.shape) for each in model.outputs]
        raise ModelRefused(f"The model returns {shapes}; one output of shape (None, {CLASSES}) was expected.")
    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax) or (
        isinstance(last, keras.layers.Activation) and last.activation is keras.activations.softmax
    ):
        return keras.Model(model.inputs, last.input, name=model.name)
    if getattr(last, "activation", None) is keras.activations.softmax:
        bare = type(last).from_config({**last.get_config(), "activation": "linear"})
        outputs = bare(last.input)
        bare.set_weights(last.get_weights())
        return keras.Model(model.inputs, outputs, name=model.name)
    probe = np.random.default_rng(0).uniform(size=(16, *IMAGE)).astype(np.float32)
    outputs = np.asarray(model(probe, training=False))
    if (outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1.0, atol=1e-3):
        raise ModelRefused(
            "The model's outputs look like probabilities: on random images they are never negative and sum to 1. "
            "Attacks need logits; save the model without its softmax."
        )
    return model


def load(source: str | Path | bytes, *, name: str = "model", title: str | None = None) -> Classifier:
    """Load an untrusted .keras or .h5 file, by its path or bytes, as a Classifier; ModelRefused says why not."""
    return Classifier(model_files.read(source), name=name, title=title)
