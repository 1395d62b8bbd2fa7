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
    if type(layer) is keras.layers.Dense and len(layer.input.shape) == 2:
        return _dense(layer)
    return lambda x: layer(x, training=False)


def _with_bias(layer: keras.layers.Layer, linear: Forward) -> Forward:
    bias = tf.convert_to_tensor(layer.bias) if layer.use_bias else None

    def stage(x: tf.Tensor) -> tf.Tensor:
        x = linear(x)
        return layer.activation(x if bias is None else tf.nn.bias_add(x, bias))

    return stage


def _dense(layer: keras.layers.Dense) -> Forward:
    """A dense layer whose kernel is transposed once, not in every gradient."""
    kernel = tf.convert_to_tensor(layer.kernel)
    turned = tf.transpose(kernel)

    @tf.custom_gradient
    def multiply(x: tf.Tensor) -> tuple[tf.Tensor, Forward]:
        return tf.matmul(x, kernel), lambda upstream: tf.matmul(upstream, turned)

    return _with_bias(layer, multiply)


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
    """A convolution with stride s, whose gradient scatters into s x s blocks of pixels, block by block.

    Blocks turn the stride into channels: from the outputs' gradients, the blocks come by a convolution without stride; or,
    where one channel makes such convolutions too thin to be quick, by one matrix product for each row of outputs.
    """
    stride, padding = layer.strides[0], layer.padding.upper()
    _, *before, channels = layer.input.shape
    _, *after, filters = layer.output.shape
    kernel = tf.convert_to_tensor(layer.kernel)
    size = kernel.shape[:2]
    # How many blocks a kernel spans; where the first output looks, relative to the first pixel; all blocks ever looked at.
    span = [-(-count // stride) for count in size]
    lead = [
        max((out - 1) * stride + count - full, 0) // 2 if padding == "SAME" else 0
        for out, count, full in zip(after, size, before, strict=True)
    ]
    blocks = [out + count - 1 for out, count in zip(after, span, strict=True)]
    fill = [[0, count * stride - full] for count, full in zip(span, size, strict=True)]
    padded = tf.pad(kernel, [*fill, [0, 0], [0, 0]])
    scatter = _by_rows if channels == 1 else _by_blocks
    scattered = scatter(padded, stride, span, after, blocks)

    @tf.custom_gradient
    def convolve(x: tf.Tensor) -> tuple[tf.Tensor, Forward]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            g = scattered(upstream)
            unseen = [max(full + skip - wide, 0) for full, skip, wide in zip(before, lead, g.shape[1:3], strict=True)]
            if any(unseen):
                g = tf.pad(g, [[0, 0], *([0, count] for count in unseen), [0, 0]])
            return g[:, lead[0] : lead[0] + before[0], lead[1] : lead[1] + before[1]]

        return tf.nn.conv2d(x, kernel, stride, padding), gradient

    return _with_bias(layer, convolve)


def _by_blocks(kernel: tf.Tensor, stride: int, span: list[int], after: list[int], blocks: list[int]) -> Forward:
    """upstream (n, *after, filters) -> (n, blocks * stride, blocks * stride, channels), by a convolution without stride."""
    channels, filters = kernel.shape[2:]
    turned = tf.reshape(kernel, (span[0], stride, span[1], stride, channels, filters))
    turned = tf.reshape(tf.transpose(turned, (0, 2, 1, 3, 4, 5)), (*span, stride * stride * channels, filters))

    def scatter(upstream: tf.Tensor) -> tf.Tensor:
        shape = [tf.shape(upstream)[0], *blocks, stride * stride * channels]
        g = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=shape, filter=turned, out_backprop=upstream, strides=[1, 1, 1, 1], padding="VALID"
        )
        # depth_to_space by hand: TensorFlow's own takes twice as long for many channels, seven times for one.
        g = tf.transpose(tf.reshape(g, (-1, *blocks, stride, stride * channels)), (0, 1, 3, 2, 4))
        return tf.reshape(g, (-1, blocks[0] * stride, blocks[1] * stride, channels))

    return scatter


def _by_rows(kernel: tf.Tensor, stride: int, span: list[int], after: list[int], blocks: list[int]) -> Forward:
    """The same, by a matrix from a row of outputs to the rows of pixels below it, which is mostly zero and still quicker."""
    channels, filters = kernel.shape[2:]
    height, width = kernel.shape[0], blocks[1] * stride * channels
    # band[o, f, i, :] is kernel row i of filter f, moved to where output o looks.
    flat = tf.reshape(tf.transpose(kernel, (3, 0, 1, 2)), (filters, height, -1))
    band = tf.stack(
        [
            tf.pad(flat, [[0, 0], [0, 0], [out * stride * channels, width - out * stride * channels - flat.shape[2]]])
            for out in range(after[1])
        ]
    )
    band = tf.reshape(band, (after[1] * filters, height * width))
    tall = stride * width

    def scatter(upstream: tf.Tensor) -> tf.Tensor:
        rows = tf.matmul(tf.reshape(upstream, (-1, after[1] * filters)), band)
        rows = tf.reshape(rows, (-1, after[0], span[0], tall))
        # Each row of outputs reaches `span` rows of blocks: the parts that meet in one row are added.
        parts = [tf.pad(rows[:, :, at], [[0, 0], [at, span[0] - 1 - at], [0, 0]]) for at in range(span[0])]
        return tf.reshape(tf.add_n(parts), (-1, blocks[0] * stride, blocks[1] * stride, channels))

    return scatter
