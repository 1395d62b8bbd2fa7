"""AutoAttack against its reference: the zoo's networks rebuilt in PyTorch, the same digits, what is left standing.

The reference is torchattacks 3.5.1, the authors' own code in another package's clothes, at the authors' settings. It
wants PyTorch, which nothing else here needs: `pip install torchattacks torch` first.
"""

import time
from typing import Any

import keras
import numpy as np

from core import attacks, digits, zoo
from core.classifier import Classifier
from core.errors import InputError

#: Which network under which budget: some digits have to fall, and some to stand.
SETTINGS = (
    ("plain_mlp", "linf", 0.03),
    ("plain_cnn", "linf", 0.05),
    ("hardened_cnn", "linf", 0.3),
    ("plain_cnn", "l2", 1.0),
    ("hardened_cnn", "l2", 1.5),
)
STEPS = 100
_PART = 250  # images at a time, there
AGREE = 0.002  # the aim: shares of digits that stand, apart


def in_torch(model: Classifier) -> Any:
    """The same network as a torch.nn.Sequential on images (n, 1, 28, 28): convolutions, dense layers, ReLU."""
    import torch
    from torch import nn

    class Rows(nn.Module):
        """Flatten as Keras does, channels last."""

        def forward(self, x):
            return x.permute(0, 2, 3, 1).flatten(1) if x.ndim == 4 else x

    stages: list[nn.Module] = []
    for layer in model.keras.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            height, _, inward, outward = kernel.shape
            assert layer.padding == "same" and layer.strides == (2, 2) and height == 4, "padded alike on all sides"
            stage = nn.Conv2d(inward, outward, height, stride=2, padding=1)
            stage.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
        elif isinstance(layer, keras.layers.Dense):
            kernel, bias = layer.get_weights()
            stage = nn.Linear(*kernel.shape)
            stage.weight.data = torch.tensor(kernel.T.copy())
        elif isinstance(layer, keras.layers.Flatten):
            stages.append(Rows())
            continue
        elif isinstance(layer, keras.layers.Dropout | keras.layers.InputLayer):
            continue
        else:
            raise InputError(f"{layer.name} is a {type(layer).__name__}: convolutions and dense layers were expected.")
        stage.bias.data = torch.tensor(bias)
        stages.append(stage)
        if layer.activation is keras.activations.relu:
            stages.append(nn.ReLU())
    net = nn.Sequential(*stages).eval()
    for weight in net.parameters():
        weight.requires_grad_(False)
    return net


def theirs(model: Classifier, x: np.ndarray, y: np.ndarray, eps: float, norm: str) -> tuple[np.ndarray, list[str]]:
    """Which digits (n,) stand under the reference, and how many after each of its parts."""
    import torch
    import torchattacks

    net = in_torch(model)
    images, labels = torch.tensor(x.transpose(0, 3, 1, 2).copy()), torch.tensor(y)
    gap = np.abs(net(images).numpy() - model.logits(x)).max()
    assert gap < 1e-3, f"the two networks differ by {gap:g} in their logits"
    whole = torchattacks.AutoAttack(net, norm={"linf": "Linf", "l2": "L2"}[norm], eps=eps, n_classes=10, seed=0)
    standing = torch.nonzero(net(images).argmax(1) == labels).flatten()
    counts = [f"{len(standing)} to attack"]
    for part in whole._autoattack.attacks:
        part.steps = STEPS  # this package's own default of 10 is not the authors'
        made = [part(images[rows], labels[rows]) for rows in standing.split(_PART)]
        standing = standing[net(torch.cat(made)).argmax(1) == labels[standing]]
        counts.append(f"{len(standing)} after {type(part).__name__}")
        if not len(standing):
            break
    stands = np.zeros(len(x), bool)
    stands[standing.numpy()] = True
    return stands, counts


def ours(model: Classifier, x: np.ndarray, y: np.ndarray, eps: float, norm: str) -> tuple[np.ndarray, list[str]]:
    """Which digits (n,) stand under ours, and its notes."""
    result = attacks.get("autoattack")(steps=STEPS)(model, x, y, eps=eps, norm=norm)
    return ~result.already_wrong & ~result.success, list(result.notes)


def compare(name: str, norm: str, eps: float, x: np.ndarray, y: np.ndarray) -> None:
    """Run both on one network, and print what stands."""
    model = zoo.load(name)
    print(f"\n{name}, {norm} {eps:g}, {len(x)} official test digits, clean {np.mean(model.predict(x) == y):.1%}")
    found = {}
    for who, attack in (("Epsilon Lab", ours), ("torchattacks", theirs)):
        start = time.perf_counter()
        try:
            found[who], said = attack(model, x, y, eps, norm)
        except ImportError as missing:
            print(f"{who:14} is not installed ({missing})")
            continue
        print(
            f"{who:14}{found[who].mean():8.1%} robust{time.perf_counter() - start:9.0f} s   {' '.join(said)}",
            flush=True,
        )
    if len(found) == 2:
        mine, reference = found.values()
        apart = abs(mine.mean() - reference.mean())
        verdict = "agrees" if apart <= AGREE else f"MISSED: the aim is {100 * AGREE:g}"
        print(
            f"{100 * apart:.1f} points apart ({verdict}); {np.sum(mine & ~reference)} digits fell to the reference "
            f"alone, {np.sum(reference & ~mine)} to ours alone"
        )


def main(only: str | None, count: int) -> None:
    """Compare under each setting; only: names of networks, with commas between."""
    test = digits.mnist()[1]
    wanted = only.split(",") if only else zoo.names()
    for name, norm, eps in SETTINGS:
        if name in wanted:
            compare(name, norm, eps, test.images[:count], test.labels[:count])
