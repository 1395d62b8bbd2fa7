"""What the scrubber is sent decodes to the result, as near as bytes allow."""

from dataclasses import fields, replace

import numpy as np
import pytest
import streamlit as st

from core import attacks
from core.sweep import sweep
from pages.components import cache, scrubber
from pages.components.question import Question
from tests.pages.driving import pictures
from tests.support import pairs

ROW_LISTS = ("epsilons", "scales", "success", "linf", "l2", "touched", "gradients", "forwards", "size")


def question(attack: str, norm: str, x: np.ndarray, y: int) -> Question:
    return Question(
        model="plain_cnn", version="version", attack=attack, knobs=(), pixels=x.tobytes(), label=y, norm=norm
    )


@pytest.mark.parametrize(("name", "norm"), pairs())
def test_a_packed_sweep_decodes_to_its_result(plain, few, name, norm):
    x, y = few[0][3], int(few[1][3])
    done = sweep(plain, x, y, attacks.get(name)(), norm=norm, count=7)
    packed = scrubber.pack(done)
    original, change, probabilities = pictures(packed)
    result = done.result
    np.testing.assert_allclose(original, x.ravel(), atol=1e-6)
    exact = (result.adversarial.astype(np.float64) - result.clean).reshape(7, -1)
    largest = np.abs(exact).max(axis=1)
    assert (np.abs(change - exact).max(axis=1) <= largest / 254 + 1e-7).all()
    np.testing.assert_allclose(probabilities, result.probabilities, atol=1e-6)
    assert packed["success"] == result.success.tolist() and packed["touched"][0] == 0
    np.testing.assert_allclose(packed["linf"], result.linf)
    assert {len(packed[key]) for key in ROW_LISTS} == {7}


def test_one_row_of_a_packed_sweep(plain, few):
    grid = cache.swept(question("pgd", "linf", few[0][0], int(few[1][0])))
    row = scrubber.row_of(grid, 17)
    assert all(row[key] == grid[key][17:18] for key in ROW_LISTS)
    for part, whole in zip(pictures(row)[1:], pictures(grid)[1:], strict=True):
        np.testing.assert_array_equal(part, whole[17:18])
    assert row["original"] == grid["original"] and len(grid["epsilons"]) == 61  # the grid is as it was


def test_a_row_that_lies_on_the_grid_equals_the_grid_s(plain, few):
    """The same attack alone and among sixty others: batch mates change nothing that can be seen."""
    asked = question("pgd", "linf", few[0][1], int(few[1][1]))
    grid = cache.swept(asked)
    alone = cache.swept(asked, (grid["epsilons"][40],))
    assert grid["success"][40] == alone["success"][0]
    np.testing.assert_allclose(pictures(grid)[2][40], pictures(alone)[2][0], atol=2e-3)


def test_a_film_holds_every_step(plain, few):
    asked = question("bim", "linf", few[0][0], int(few[1][0]))
    film = cache.filmed(asked, 0.2)
    assert len(film["scales"]) == 11 and film["scales"][0] == 0 and max(film["scales"]) <= 0.2 + 1e-6
    _, change, probabilities = pictures({**film, "original": ""})
    last = pictures(cache.swept(asked, (0.2,)))
    assert np.abs(change[-1] - last[1][0]).max() < 0.2 / 100
    np.testing.assert_allclose(probabilities[-1], last[2][0], atol=1e-3)


def test_every_field_makes_another_question_for_the_cache(few):
    """What two visitors ask alike has one answer, and nothing else has: Streamlit hashes every field of a question."""
    asked = question("fgsm", "linf", few[0][0], int(few[1][0]))
    others = {
        "model": "plain_mlp",
        "version": "another",
        "attack": "bim",
        "knobs": (("loss", "margin"),),
        "pixels": few[0][1].tobytes(),
        "label": (asked.label + 1) % 10,
        "norm": "l2",
        "target": (asked.label + 1) % 10,
        "seed": 1,
    }
    assert set(others) == {field.name for field in fields(Question)}
    calls = []

    @st.cache_data
    def answered(asked: Question) -> int:
        calls.append(asked)
        return len(calls)

    for name, value in others.items():
        changed = replace(asked, **{name: value})
        assert changed != asked and changed.key != asked.key
        assert answered(changed) == answered(replace(asked, **{name: value})) != answered(asked)
    assert len(calls) == len(others) + 1
