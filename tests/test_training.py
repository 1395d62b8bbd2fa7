"""`python -m core.training`: the recipes, the command, and the files it writes."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from core import cards, digits, measuring, recipes, training, zoo
from core.digits import Digits
from core.errors import InputError
from core.fit import Plan
from core.objectives import Denoising
from core.recipes import RECIPES, Recipe


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A recipe of a second, an empty zoo, and two handfuls of digits in MNIST's place."""
    every = digits.bundled()
    train, test = every[::10], every[5:5000:50]
    made = Recipe(
        title="Tiny",
        summary="A model for this test.",
        order=7,
        build=lambda: recipes._cnn(2, 4, 8, (0.1, 0.2)),
        plan=Plan(epochs=3, batch=50, rate=5e-3, average=0.5, seed=1),
    )
    monkeypatch.setitem(RECIPES, "tiny", made)
    monkeypatch.setattr(zoo, "folder", lambda: tmp_path / "zoo")
    monkeypatch.setattr(digits, "training", lambda: train)
    monkeypatch.setattr(digits, "mnist", lambda: (train, test))
    monkeypatch.setattr(measuring, "PGD", {"steps": 3, "restarts": 2, "early_stop": True})
    return tmp_path


def test_the_command_trains_measures_and_writes(tiny, capsys):
    assert training.main(["tiny", "--work-dir", str(tiny / "work")]) == 0
    assert sorted(path.name for path in (tiny / "zoo").iterdir()) == ["tiny.json", "tiny.keras"]
    model, card = zoo.load("tiny"), zoo.card("tiny")
    assert card["title"] == "Tiny" and card["order"] == 7 and card["parameters"] == model.parameters
    assert card["training_digits"] == 500 and card["seed"] == 1
    assert "Dropout 0.2" in card["recipe"]["network"] and "Dropout 0.2" not in card["architecture"]
    _, test = digits.mnist()
    right = np.mean(model.predict(test.images) == test.labels)
    assert card["figures"]["clean"] == {"accuracy": round(float(right), 4), "digits": 100}
    assert card["figures"]["attacked"]["settings"]["steps"] == 3
    said = capsys.readouterr().out
    assert "training 30/30" in said and "tiny:" in said

    # The training is over: the same command finds it so, and writes the same weights.
    before = model.version
    assert training.main(["tiny", "--work-dir", str(tiny / "work")]) == 0
    assert zoo.load("tiny").version == before


def test_an_autoencoder_is_trained_and_measured_by_its_pictures(tiny, monkeypatch, capsys):
    plan, objective = Plan(epochs=2, batch=50, rate=3e-3), Denoising(noise=0.3)
    made = {"title": "Autoencoder", "summary": "Of this test.", "order": 0, "build": recipes._autoencoder}
    recipe = Recipe(**made, plan=plan, objective=objective, kind="autoencoder")
    monkeypatch.setitem(RECIPES, "autoencoder", recipe)
    assert training.main(["autoencoder", "--work-dir", str(tiny / "work")]) == 0
    figures = zoo.card("autoencoder")["figures"]
    _, test = digits.mnist()
    error = np.mean((zoo.autoencoder()(test.images) - test.images) ** 2)
    assert figures["clean"]["mean_squared_error"] == pytest.approx(float(error), abs=2e-5)
    assert 0 < figures["noisy"]["mean_squared_error"] != figures["clean"]["mean_squared_error"] < 0.1
    assert "mean squared error of 100 rebuilt digits" in capsys.readouterr().out and zoo.names() == ()
    assert training.main(["autoencoder", "--measure"]) == 0
    assert zoo.card("autoencoder")["figures"] == figures


def test_measure_rewrites_the_figures_alone(tiny, capsys):
    assert training.main(["tiny", "--work-dir", str(tiny / "work")]) == 0
    weights = (tiny / "zoo" / "tiny.keras").read_bytes()
    path = tiny / "zoo" / "tiny.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps({**card, "trained": "2001-01-01", "figures": {"clean": {"accuracy": 0.5}}}))
    assert training.main(["tiny", "--measure"]) == 0
    again = json.loads(path.read_text())
    assert again["trained"] == "2001-01-01" and again["figures"]["clean"] == card["figures"]["clean"]
    assert (tiny / "zoo" / "tiny.keras").read_bytes() == weights


def test_an_interrupted_training_goes_on(tiny, capsys, monkeypatch):
    whole = training.train("tiny", tiny / "other")
    assert whole is not None

    def interrupt(done, *_):
        if done >= 20:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "_Progress", lambda what: interrupt)
        assert training.main(["tiny", "--work-dir", str(tiny / "work")]) == 130
    assert "goes on" in capsys.readouterr().err and not list((tiny / "zoo").glob("*"))
    assert training.main(["tiny", "--work-dir", str(tiny / "work")]) == 0
    for one, other in zip(whole.get_weights(), zoo.load("tiny").keras.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_stopped_training_ships_nothing(tiny):
    assert training.train("tiny", tiny / "work", watch=lambda *_: False) is None


def test_a_changed_recipe_does_not_trip_over_the_old_checkpoint(tiny, monkeypatch):
    assert training.train("tiny", tiny / "work") is not None
    changed = Recipe(**{**RECIPES["tiny"].__dict__, "plan": Plan(epochs=1, batch=50)})
    monkeypatch.setitem(RECIPES, "tiny", changed)
    assert training.train("tiny", tiny / "work") is not None
    assert len(list((tiny / "work").iterdir())) == 2


def test_no_mnist_ends_in_a_sentence(tiny, monkeypatch, capsys):
    def missing():
        raise InputError("MNIST is not there. Do this.")

    monkeypatch.setattr(digits, "training", missing)
    assert training.main(["tiny"]) == 2
    assert capsys.readouterr().err.endswith("MNIST is not there. Do this.\n")


def test_an_unknown_recipe_is_refused():
    with pytest.raises(InputError, match=r"no recipe 'none'.*plain_cnn"):
        recipes.recipe("none")
    root = Path(training.__file__).parents[1]
    run = subprocess.run([sys.executable, "-m", "core.training", "none"], capture_output=True, text=True, cwd=root)
    assert run.returncode == 2 and "invalid choice: 'none'" in run.stderr and "plain_cnn" in run.stderr


def test_what_is_saved_is_the_same_function_without_dropout():
    network = RECIPES["plain_cnn"].build()
    saved = training.bare(network, "plain_cnn")
    x = digits.bundled().images[:8]
    np.testing.assert_allclose(network(x, training=False), saved(x, training=True), atol=1e-5)
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in saved.layers)


@pytest.mark.parametrize("name", [*zoo.names(), zoo.AUTOENCODER])
def test_the_shipped_model_is_the_one_that_its_recipe_makes(name):
    made, card = RECIPES[name], zoo.card(name)
    bare = training.bare(made.build(), name)
    expected = cards.provenance(name, bare, Digits(np.zeros((0, 28, 28, 1)), np.zeros(0)))
    for key in ("name", "title", "summary", "order", "architecture", "parameters", "recipe", "seed", "command", "note"):
        assert card[key] == json.loads(json.dumps(expected[key])), key
    assert bare.count_params() <= (900_000 if name == "certified_cnn" else 450_000)


def test_what_is_saved_is_the_same_function_without_what_serves_the_training():
    """Dropout is gone; normalisations and ReLUs have gone into the layers before them, whose weights make up for it."""
    keras.utils.set_random_seed(3)
    model = recipes.recipe("certified_cnn").build()
    rng = np.random.default_rng(0)
    for weight in model.weights:  # moving statistics, scales and offsets that a training could have left
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    saved = training.bare(model, "saved")
    x = rng.uniform(size=(8, 28, 28, 1)).astype(np.float32)
    np.testing.assert_allclose(saved(x), model(x, training=False), rtol=1e-4, atol=1e-4)
    assert cards.architecture(saved)[0] == "Conv2D 32, 5x5, stride 2, same, relu"
    assert {type(layer).__name__ for layer in saved.layers} == {"Conv2D", "Flatten", "Dense"}
    plain = recipes.recipe("plain_cnn").build()
    np.testing.assert_allclose(training.bare(plain, "saved")(x), plain(x, training=False), rtol=1e-5, atol=1e-5)
