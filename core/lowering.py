"""The same function as a Keras model, in TensorFlow operations whose input gradient is quick on a processor.

Attacks spend their time in the gradient with respect to the image, and TensorFlow's gradient of a strided convolution
on few channels is the slowest part of it: the same sums go several times as fast when the pixels are first arranged in
blocks that turn the stride into channels. Layers that are not known here run as they are.
"""

# TensorFlow's stubs take every static shape for one that may be missing, and know no custom gradients.
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportArgumentType=false, reportReturnType=false

from collections.abc import Callable

import keras
import tensorflow as tf

Forward = Callable[[tf.Tensor], tf.Tensor]


def forward(model: keras.Model, *, products: bool = False) -> Forward:
    """x (n, 28, 28, 1) -> logits (n, 10), equal to model(x, training=False) up to rounding.

    Call it where the graph is built, outside of its loops: the weights are read and rearranged here, once a run.
    products: write convolutions as matrix products, for XLA, which has no quick convolution on a processor.
    """
    layers = chain(model)
    if layers is None:
        return lambda x: model(x, training=False)
    stages, shape = [], tuple(model.inputs[0].shape)
    for layer in layers:
        after = tuple(layer.compute_output_spec(keras.KerasTensor(shape)).shape)
        stages.append(_stage(layer, shape, after, products))
        shape = after

    def run(x: tf.Tensor) -> tf.Tensor:
        for stage in stages:
            x = stage(x)
        return x

    return run


def suits_xla(model: keras.Model) -> bool:
    """Whether all of the model comes out as operations that XLA knows: a chain of Keras's own layers."""
    layers = chain(model)
    return layers is not None and all(type(layer).__module__.startswith("keras.") for layer in layers)


def turned(layer: keras.layers.Layer, rows: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor | None:
    """rows (n, ...) of what a strided convolution of one channel returns -> those of what it is given, (n, *shape).

    None for any other layer: TensorFlow is quick enough there.
    """
    if not (type(layer) is keras.layers.Conv2D and _is_plain(layer) and layer.strides[0] > 1 and shape[-1] == 1):
        return None
    grid = _Grid(layer, (None, *shape), (None, *rows.shape[1:]))
    return grid.cut(_by_blocks(grid)(rows))


class Inner(keras.layers.Layer):
    """A whole network as one layer of another, sharing its weights; `chain` walks on through its layers.

    A second model that called those layers itself would leave in them that they feed two networks.
    """

    def __init__(self, network: keras.Model, **more):
        super().__init__(**more)
        self.network = network

    def call(self, x, training=False):
        return self.network(x, training=training)

    def compute_output_shape(self, input_shape):
        return self.network.compute_output_shape(input_shape)

    def get_config(self):
        return {"name": self.name, "network": self.network.get_config()}


def chain(model: keras.Model) -> list[keras.layers.Layer] | None:
    """The model's layers in order, where each feeds the next and nothing else; else None."""
    layers = _links(model)
    if layers is None:
        return None
    within = [chain(layer.network) if isinstance(layer, Inner) else None for layer in layers]
    return [each for layer, inner in zip(layers, within, strict=True) for each in inner or [layer]]


def _links(model: keras.Model) -> list[keras.layers.Layer] | None:
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    if any(isinstance(layer, keras.Model) for layer in layers):
        return None
    if isinstance(model, keras.Sequential):
        return layers
    flowing = model.inputs[0]
    for layer in layers:
        if len(layer._inbound_nodes) != 1 or layer.input is not flowing:
            return None
        flowing = layer.output
    return layers if flowing is model.outputs[0] else None


def _stage(layer: keras.layers.Layer, before: tuple, after: tuple, products: bool) -> Forward:
    if type(layer) is keras.layers.Conv2D and _is_plain(layer):
        grid = _Grid(layer, before, after)
        if products:
            return _with_bias(layer, _as_product(grid))
        if grid.stride > 1:
            return _with_bias(layer, _strided(grid))
    if type(layer) is keras.layers.Dense and len(before) == 2:
        return _with_bias(layer, _dense(layer))
    return lambda x: layer(x, training=False)


def _is_plain(layer: keras.layers.Conv2D) -> bool:
    return (
        layer.strides[0] == layer.strides[1]
        and tuple(layer.dilation_rate) == (1, 1)
        and layer.groups == 1
        and layer.data_format == "channels_last"
        and layer.padding in ("same", "valid")
    )


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

    return multiply


class _Grid:
    """Where a convolution of stride s looks, in blocks of s x s pixels: blocks turn the stride into channels."""

    def __init__(self, layer: keras.layers.Conv2D, before: tuple, after: tuple):
        self.stride: int = layer.strides[0]
        self.padding: str = layer.padding.upper()
        _, *self.before, self.channels = before
        _, *self.after, self.filters = after
        self.kernel = tf.convert_to_tensor(layer.kernel)
        size = self.kernel.shape[:2]
        # How many blocks a kernel spans; where the first output looks, before the first pixel; all blocks looked at.
        self.span = [-(-count // self.stride) for count in size]
        self.lead = [
            max((out - 1) * self.stride + count - full, 0) // 2 if self.padding == "SAME" else 0
            for out, count, full in zip(self.after, size, self.before, strict=True)
        ]
        self.blocks = [out + count - 1 for out, count in zip(self.after, self.span, strict=True)]
        fill = [[0, count * self.stride - full] for count, full in zip(self.span, size, strict=True)]
        self.padded = tf.pad(self.kernel, [*fill, [0, 0], [0, 0]])

    def by_block(self) -> tf.Tensor:
        """The kernel with a block's pixels as channels: (*span, stride * stride * channels, filters)."""
        (down, across), s = self.span, self.stride
        blocks = tf.reshape(self.padded, (down, s, across, s, self.channels, self.filters))
        return tf.reshape(tf.transpose(blocks, (0, 2, 1, 3, 4, 5)), (down, across, s * s * self.channels, self.filters))

    def split(self, x: tf.Tensor) -> tf.Tensor:
        """Pixels (n, *before, channels) to blocks (n, *blocks, stride * stride * channels)."""
        s = self.stride
        rim = [b * s - full - skip for b, full, skip in zip(self.blocks, self.before, self.lead, strict=True)]
        x = tf.pad(x, [[0, 0], *([skip, max(end, 0)] for skip, end in zip(self.lead, rim, strict=True)), [0, 0]])
        x = x[:, : self.blocks[0] * s, : self.blocks[1] * s]
        x = tf.reshape(x, (-1, self.blocks[0], s, self.blocks[1], s * self.channels))
        return tf.reshape(tf.transpose(x, (0, 1, 3, 2, 4)), (-1, *self.blocks, s * s * self.channels))

    def join(self, g: tf.Tensor) -> tf.Tensor:
        """Blocks to all their pixels: depth_to_space, of which TensorFlow's own takes two to seven times as long."""
        s = self.stride
        g = tf.transpose(tf.reshape(g, (-1, *self.blocks, s, s * self.channels)), (0, 1, 3, 2, 4))
        return tf.reshape(g, (-1, self.blocks[0] * s, self.blocks[1] * s, self.channels))

    def cut(self, g: tf.Tensor) -> tf.Tensor:
        """All the pixels in the blocks to those of the image; pixels that no output looks at have gradient 0."""
        sides = zip(self.before, self.lead, g.shape[1:3], strict=True)
        unseen = [max(full + skip - wide, 0) for full, skip, wide in sides]
        if any(unseen):
            g = tf.pad(g, [[0, 0], *([0, count] for count in unseen), [0, 0]])
        return g[:, self.lead[0] : self.lead[0] + self.before[0], self.lead[1] : self.lead[1] + self.before[1]]


def _strided(grid: _Grid) -> Forward:
    """TensorFlow's convolution, with a gradient that scatters into blocks.

    From the outputs' gradients the blocks come by a convolution without stride; or, where one channel makes that too
    thin to be quick, by one matrix product for each row of outputs.
    """
    scatter = _by_rows(grid) if grid.channels == 1 else _by_blocks(grid)

    @tf.custom_gradient
    def convolve(x: tf.Tensor) -> tuple[tf.Tensor, Forward]:
        y = tf.nn.conv2d(x, grid.kernel, grid.stride, grid.padding)
        return y, lambda upstream: grid.cut(scatter(upstream))

    return convolve


def _by_blocks(grid: _Grid) -> Forward:
    """upstream (n, *after, filters) -> the blocks' pixels, by a convolution without stride."""
    turned = grid.by_block()

    def scatter(upstream: tf.Tensor) -> tf.Tensor:
        shape = [tf.shape(upstream)[0], *grid.blocks, turned.shape[2]]
        g = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=shape, filter=turned, out_backprop=upstream, strides=[1, 1, 1, 1], padding="VALID"
        )
        return grid.join(g)

    return scatter


def _by_rows(grid: _Grid) -> Forward:
    """The same, by a matrix from a row of outputs to the pixel rows below it, mostly zero and still quicker."""
    rows, columns = grid.after
    step = grid.stride * grid.channels
    width = grid.blocks[1] * step
    # band[o, f, i, :] is kernel row i of filter f, moved to where output o looks.
    flat = tf.reshape(tf.transpose(grid.padded, (3, 0, 1, 2)), (grid.filters, grid.padded.shape[0], -1))
    moved = [tf.pad(flat, [[0, 0], [0, 0], [o * step, width - o * step - flat.shape[2]]]) for o in range(columns)]
    band = tf.reshape(tf.stack(moved), (columns * grid.filters, -1))

    def scatter(upstream: tf.Tensor) -> tf.Tensor:
        below = tf.matmul(tf.reshape(upstream, (-1, columns * grid.filters)), band)
        below = tf.reshape(below, (-1, rows, grid.span[0], grid.stride * width))
        # Each row of outputs reaches `span` rows of blocks: the parts that meet in one row are added.
        parts = [tf.pad(below[:, :, at], [[0, 0], [at, grid.span[0] - 1 - at], [0, 0]]) for at in range(grid.span[0])]
        return tf.reshape(tf.add_n(parts), (-1, grid.blocks[0] * grid.stride, width // grid.channels, grid.channels))

    return scatter


def _as_product(grid: _Grid) -> Forward:
    """The convolution as one matrix product on the blocks that each output looks at, and its gradient as another."""
    inner = grid.stride * grid.stride * grid.channels
    kernel = tf.reshape(grid.by_block(), (-1, grid.filters))
    turned = tf.transpose(kernel)
    rows, columns = grid.after
    down, across = grid.span
    places = [(i, j) for i in range(down) for j in range(across)]

    @tf.custom_gradient
    def convolve(x: tf.Tensor) -> tuple[tf.Tensor, Forward]:
        blocks = grid.split(x)
        seen = tf.concat([blocks[:, i : i + rows, j : j + columns] for i, j in places], axis=-1)
        y = tf.reshape(tf.matmul(tf.reshape(seen, (-1, kernel.shape[0])), kernel), (-1, rows, columns, grid.filters))

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            g = tf.matmul(tf.reshape(upstream, (-1, grid.filters)), turned)
            g = tf.reshape(g, (-1, rows, columns, len(places), inner))
            parts = [
                tf.pad(g[:, :, :, at], [[0, 0], [i, down - 1 - i], [j, across - 1 - j], [0, 0]])
                for at, (i, j) in enumerate(places)
            ]
            return grid.cut(grid.join(tf.add_n(parts)))

        return y, gradient

    return convolve
