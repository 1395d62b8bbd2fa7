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
from core.adapting import CLASSES, IMAGE, adapted
from core.errors import InputError

BATCH = 512  # rows of one forward call: more gain nothing here and cost memory
IMAGES = tf.TensorSpec((None, *IMAGE), tf.float32)


class Classifier:
    """A digit classifier: images (n, 28, 28, 1) in [0, 1] to logits (n, 10).

    keras_model: a Keras 3 model that takes the 784 pixels in any usual shape and has 10 outputs; pixels: the range that
    it takes them in, a name of core.adapting.PIXELS. A softmax at its end is taken off; ModelRefused says what does not
    fit. The Keras model is never trained or changed here.

    traces counts how often each compiled graph was traced: a knob that moves must not raise it. Classifier.traced
    counts those of all models.
    """

    traced = 0

    def __init__(
        self, keras_model: keras.Model, *, name: str = "model", title: str | None = None, pixels: str = "unit"
    ):
        self.keras = adapted(keras_model, pixels)
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


def load(
    source: str | Path | bytes, *, name: str = "model", title: str | None = None, pixels: str = "unit"
) -> Classifier:
    """Load an untrusted .keras or .h5 file, by its path or bytes, as a Classifier; ModelRefused says why not.

    pixels: the range that it takes pixels in, a name of core.adapting.PIXELS. core.model_process reads the file in a
    process of its own.
    """
    return Classifier(model_files.read(source), name=name, title=title, pixels=pixels)
