"""Input that cannot be used is refused with a sentence that names the thing and says what was expected."""

import numpy as np
import pytest

from core import attacks, norms, sweep, zoo
from core.errors import InputError

N = 3
X = np.full((N, 28, 28, 1), 0.5, np.float32)
Y = np.arange(N)


def with_pixel(value: float) -> np.ndarray:
    x = X.copy()
    x[1, 3, 4, 0] = value
    return x


def call(model, attack: str = "pgd", **changed):
    """PGD on three grey images, with one thing changed."""
    given = {"x": X, "y": Y, "eps": 0.1} | changed
    return attacks.get(attack)()(model, **given)


BAD = {
    "x without channels": ({"x": X[..., 0]}, r"x has the shape \(3, 28, 28\); \(n, 28, 28, 1\) was expected"),
    "one x without a batch": ({"x": X[0]}, r"x has the shape \(28, 28, 1\); \(n, 28, 28, 1\) was expected"),
    "x of another size": ({"x": np.zeros((3, 32, 32, 1), np.float32)}, r"x has the shape \(3, 32, 32, 1\)"),
    "x in colour": ({"x": np.zeros((3, 28, 28, 3), np.float32)}, r"x has the shape"),
    "x with one axis more": ({"x": X[None]}, r"x has the shape"),
    "x of grey levels": ({"x": (X * 255).astype(np.uint8)}, r"x has the type uint8; floats in \[0, 1\].*255"),
    "x of booleans": ({"x": X > 0}, r"x has the type bool"),
    "x of words": ({"x": X.astype(str)}, r"x has the type"),
    "x of complex numbers": ({"x": X.astype(complex)}, r"x has the type complex"),
    "x of objects": ({"x": X.astype(object)}, r"x has the type object"),
    "x is None": ({"x": None}, r"x has the type object"),
    "x is ragged": ({"x": [[1.0], [1.0, 2.0]]}, r"x "),
    "a NaN": ({"x": with_pixel(np.nan)}, r"x holds NaN.*\[0, 1\]"),
    "an infinity": ({"x": with_pixel(np.inf)}, r"x holds NaN or infinite"),
    "above the box": ({"x": with_pixel(1.001)}, r"x runs from 0.5 to 1.001; pixels in \[0, 1\]"),
    "below the box": ({"x": with_pixel(-0.1)}, r"x runs from -0.1 to 0.5; pixels in \[0, 1\]"),
    "an empty batch": ({"x": X[:0], "y": Y[:0]}, r"x holds no image; at least one"),
    "a label too many": ({"y": np.arange(4)}, r"y has the shape \(4,\); \(3,\) was expected"),
    "labels as a column": ({"y": Y[:, None]}, r"y has the shape \(3, 1\); \(3,\)"),
    "one label": ({"y": 1}, r"y has the shape \(\); \(3,\)"),
    "one-hot labels": ({"y": np.eye(10)[Y].astype(int)}, r"y has the shape \(3, 10\)"),
    "labels as floats": ({"y": Y.astype(float)}, r"y has the type float64; integers from 0 to 9"),
    "labels as words": ({"y": Y.astype(str)}, r"y has the type .*; integers from 0 to 9"),
    "label ten": ({"y": np.array([0, 1, 10])}, r"y runs from 0 to 10; classes from 0 to 9"),
    "label minus one": ({"y": np.array([0, 1, -1])}, r"y runs from -1 to 1; classes from 0 to 9"),
    "an unsigned label far out": (
        {"y": np.array([0, 1, 2**64 - 1], np.uint64)},
        r"y runs from 0 to 18446744073709551615",
    ),
    "the label as target": (
        {"target": np.array([1, 1, 0])},
        r"target equals the label 1 of image 1; a target is a class other",
    ),
    "one target that is a label": ({"target": 2}, r"target equals the label 2 of image 2"),
    "target ten": ({"target": np.array([1, 10, 0])}, r"target runs from 0 to 10; classes from 0 to 9"),
    "target minus one": ({"target": -1}, r"target runs from -1 to -1"),
    "a target too few": ({"target": np.array([1, 2])}, r"target has the shape \(2,\); \(3,\)"),
    "a target as a float": ({"target": 5.0}, r"target has the type float64; integers"),
    "no eps": ({"eps": None}, r"eps is missing"),
    "eps negative": ({"eps": -0.1}, r"eps is -0.1; in the norm linf a number from 0 to 1 was expected"),
    "one eps negative": ({"eps": np.array([0.1, -0.1, 0.1])}, r"eps is -0.1"),
    "eps NaN": ({"eps": float("nan")}, r"eps is nan; in the norm linf a number from 0 to 1"),
    "eps infinite": ({"eps": float("inf")}, r"eps is inf"),
    "eps above the diameter": ({"eps": 1.01}, r"eps is 1.01; in the norm linf a number from 0 to 1"),
    "eps above the L2 diameter": ({"eps": 28.1, "norm": "l2"}, r"eps is 28.1; in the norm l2 a number from 0 to 28"),
    "eps above the L1 diameter": ({"eps": 785, "norm": "l1"}, r"eps is 785; in the norm l1 a number from 0 to 784"),
    "an eps too many": ({"eps": np.full(4, 0.1)}, r"eps has the shape \(4,\)"),
    "eps as a picture": ({"eps": X * 0.1}, r"eps has the shape \(3, 28, 28, 1\)"),
    "eps as a word": ({"eps": "0.1"}, r"eps has the type"),
    "eps as a yes": ({"eps": True}, r"eps has the type bool"),
    "an unknown norm": ({"norm": "l7"}, r"no norm named 'l7'; there are linf, l2, l1"),
    "a norm as a number": ({"norm": 2}, r"no norm named 2"),
    "an unhashable norm": ({"norm": ["l2"]}, r"norm"),
    "a norm that the attack has not": (
        {"attack": "fgsm", "norm": "l2"},
        r"FGSM is not defined in the norm 'l2'; it has linf",
    ),
    "a seed as a word": ({"seed": "one"}, r"seed is 'one'; a whole number"),
    "a seed as a fraction": ({"seed": 0.5}, r"seed is 0.5; a whole number"),
    "no seed": ({"seed": None}, r"seed is None"),
    "a watcher that is none": ({"watch": 3}, r"watch is 3; a function"),
}


@pytest.mark.parametrize(("changed", "said"), BAD.values(), ids=BAD)
def test_an_attack_refuses(plain, changed, said):
    with pytest.raises(InputError, match=said) as refusal:
        call(plain, **changed)
    sentence = str(refusal.value)
    assert sentence[-1] in ".?" and "\n" not in sentence and len(sentence) < 400


def test_every_attack_refuses_alike(plain):
    for name in attacks.names():
        for x in (with_pixel(np.nan), X[:0]):
            with pytest.raises(InputError, match=r"^x holds"):
                attacks.get(name)()(plain, x, Y[: len(x)], eps=0.1)


def test_the_model_must_be_a_classifier(plain):
    for wrong in (plain.keras, "plain_cnn", None):
        with pytest.raises(InputError, match=r"[Mm]odel is of type .*Classifier"):
            call(wrong)


@pytest.mark.parametrize("name", ["pdg", "", "PGD", "base", "_climb", "__init__", "../pgd", None, 3, ["pgd"]])
def test_an_unknown_attack_is_refused_with_those_that_exist(name):
    with pytest.raises(InputError, match=r"no attack named .*there are .*\bfgsm, .*\bnoise, .*\bpgd, "):
        attacks.get(name)


def test_a_near_miss_is_offered_the_right_name():
    with pytest.raises(InputError, match=r"Did you mean 'pgd'\?"):
        attacks.get("pdg")


def test_an_unknown_knob_and_a_knob_out_of_range_are_refused():
    cls = attacks.get("pgd")
    with pytest.raises((InputError, TypeError), match="stpes"):
        cls(stpes=4)
    with pytest.raises(InputError, match=r"steps of PGD is 0; it must be a whole number from 1 to 200\."):
        cls(steps=0)
    with pytest.raises(InputError, match=r"loss of PGD is 'hinge'; it must be one of"):
        cls(loss="hinge")


@pytest.mark.parametrize("name", ["no_such_model", "", "../plain_cnn", "plain_cnn.json", "Plain_CNN"])
def test_an_unknown_model_is_refused_with_those_that_exist(name):
    for ask in (zoo.load, zoo.card):
        with pytest.raises(InputError, match=r"no model .*plain_cnn"):
            ask(name)


def test_the_diameters_themselves_are_budgets(plain):
    for norm in attacks.get("pgd").norms:
        result = call(plain, norm=norm, eps=norms.get(norm).diameter)
        assert np.isfinite(result.logits_adversarial).all()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"epsilons": [0.2, 0.1]}, r"epsilons .* rising"),
        ({"epsilons": []}, r"epsilons .* at least one"),
        ({"epsilons": [0.0, float("nan")]}, r"eps"),
        ({"epsilons": "0.1"}, r"epsilons"),
        ({"epsilons": [[0.0, 0.1]]}, r"epsilons"),
        ({"epsilons": [0.0, 2.0]}, r"eps is 2"),
        ({"eps_max": -0.1}, r"eps"),
        ({"eps_max": 0.0}, r"eps"),
        ({"eps_max": float("nan")}, r"eps"),
        ({"eps_max": 1.5}, r"eps is 1"),
        ({"count": 0}, r"epsilons|count"),
        ({"count": -1}, r"epsilons|count"),
        ({"norm": "l7"}, r"no norm named 'l7'"),
        ({"target": 4}, r"target equals the label 4"),
        ({"target": 12}, r"target runs from 12"),
        ({"y": 10}, r"y runs from 10"),
        ({"x": np.zeros((28, 28))}, r"x has the shape"),
    ],
    ids=str,
)
def test_a_sweep_refuses(plain, changed, said):
    given = {"x": X[0], "y": 4} | changed
    with pytest.raises(InputError, match=said):
        sweep.sweep(plain, given.pop("x"), given.pop("y"), attacks.get("fgsm")(), **given)


def test_a_classifier_refuses_images_of_another_shape(plain):
    for ask in (plain.logits, plain.predict, plain.probabilities):
        with pytest.raises(InputError, match=r"\(n, 28, 28, 1\) was expected"):
            ask(np.zeros((2, 28, 28)))
    assert plain.logits(X[:0]).shape == (0, 10)
