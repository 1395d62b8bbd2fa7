"""The same function as a Keras model, in TensorFlow operations whose input gradient is quick on a processor.

Attacks spend their time in the gradient with respect to the image, and TensorFlow's gradient of a strided convolution on
few channels is its slowest part: 20 ms for 1,000 digits where the same sums, arranged as a convolution without stride on
rearranged pixels, take 6 (measured by `python -m tests.perf`). Layers that are not known here run as they are.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

Forward = Callable[[tf.Tensor], tf.Tensor]


def forward(model: keras.Model) -> Forward:
    """x (n, 28, 28, 1) -> logits (n, 10), equal to model(x, training=False) up to rounding.

    Call it where the graph is built, outside of its loops: the weights are read and rearranged here, once a run.
    """
    chain = _chain(model)
    if chain is None:
        return lambda x: model(x, training=False)
    stages = [_stage(layer) for layer in chain]

    def run(x: tf.Tensor) -> tf.Tensor:
        for stage in stages:
            x = stage(x)
        return x

    return run


def _chain(model: keras.Model) -> list[keras.layers.Layer] | None:
    """The model's layers in order, where each feeds the next and nothing else; else None."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    flowing = model.inputs[0]
    for layer in layers:
        if isinstance(layer, keras.Model) or len(layer._inbound_nodes) != 1 or layer.input is not flowing:
            return None
        flowing = layer.output
    return layers if flowing is model.outputs[0] else None


def _stage(layer: keras.layers.Layer) -> Forward:
    if type(layer) is keras.layers.Conv2D and _is_strided(layer):
        return _strided(layer)
    return lambda x: layer(x, training=False)


def _is_strided(layer: keras.layers.Conv2D) -> bool:
    down, across = layer.strides
    return (
        down == across > 1
        and tuple(layer.dilation_rate) == (1, 1)
        and layer.groups == 1
        and layer.data_format == "channels_last"
        and layer.padding in ("same", "valid")
    )


def _strided(layer: keras.layers.Conv2D) -> Forward:
    """A convolution with stride s whose gradient is a convolution without stride, followed by depth_to_space(s)."""
    stride, padding = layer.strides[0], layer.padding.upper()
    _, *before, channels = layer.input.shape
    _, *after, filters = layer.output.shape
    kernel = tf.convert_to_tensor(layer.kernel)
    blocks = [-(-size // stride) for size in kernel.shape[:2]]
    fill = [[0, count * stride - size] for count, size in zip(blocks, kernel.shape[:2], strict=True)]
    turned = tf.reshape(
        tf.pad(kernel, [*fill, [0, 0], [0, 0]]), (blocks[0], stride, blocks[1], stride, channels, filters)
    )
    turned = tf.reshape(tf.transpose(turned, (0, 2, 1, 3, 4, 5)), (*blocks, stride * stride * channels, filters))
    turned = tf.transpose(tf.reverse(turned, axis=(0, 1)), (0, 1, 3, 2))
    rim = [[0, 0], *([count - 1, count - 1] for count in blocks), [0, 0]]
    # Where the first output looked, relative to the first pixel; and how many pixels at the end no output looked at.
    lead = [
        max((out - 1) * stride + size - full, 0) // 2 if padding == "SAME" else 0
        for out, size, full in zip(after, kernel.shape[:2], before, strict=True)
    ]
    unseen = [
        max(full + skip - stride * (out + count - 1), 0)
        for full, skip, out, count in zip(before, lead, after, blocks, strict=True)
    ]

    @tf.custom_gradient
    def convolve(x: tf.Tensor) -> tuple[tf.Tensor, Forward]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            g = tf.nn.depth_to_space(tf.nn.conv2d(upstream, turned, 1, rim), stride)
            if any(unseen):
                g = tf.pad(g, [[0, 0], *([0, count] for count in unseen), [0, 0]])
            return g[:, lead[0] : lead[0] + before[0], lead[1] : lead[1] + before[1]]

        return tf.nn.conv2d(x, kernel, stride, padding), gradient

    def stage(x: tf.Tensor) -> tf.Tensor:
        x = convolve(x)
        return layer.activation(tf.nn.bias_add(x, layer.bias) if layer.use_bias else x)

    return stage
