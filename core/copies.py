"""Copies of a network, to train without changing it."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

First = Callable[[tuple[int, ...]], float]  # a kernel's shape -> the standard deviation of its fresh weights


def of(network: keras.Model, first: First | None = None, seed: int = 0) -> keras.Model:
    """A copy to train, with the network's weights; or with fresh ones, drawn by that seed as `first` says."""
    copy = keras.models.clone_model(network)
    weights = network.get_weights()
    if first is not None:
        # Keras' own seeding is global and would reach into other visitors' trainings: the weights are drawn here.
        draw = np.random.default_rng(seed)
        paths = [variable.path for variable in copy.weights]
        for place, (path, old) in enumerate(zip(paths, weights, strict=True)):
            if old.ndim > 1:
                weights[place] = (draw.standard_normal(old.shape) * first(old.shape)).astype(np.float32)
            else:
                weights[place] = np.full_like(old, path.endswith(("gamma", "moving_variance")))
    copy.set_weights(weights)
    return copy


def he(shape: tuple[int, ...]) -> float:
    """The standard deviation of a fresh kernel of that shape before ReLUs: He et al. 2015,
    https://arxiv.org/abs/1502.01852"""
    return float(np.sqrt(2.0 / np.prod(shape[:-1])))
