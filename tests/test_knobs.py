"""Knobs: declared once, drawn by a page, and refused outside their range with a sentence."""

from dataclasses import FrozenInstanceError, dataclass

import numpy as np
import pytest

from core import knobs, poisoning
from core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Thing:
    steps: int = knobs.knob(40, "Steps", 1, 200, help="Gradient steps", step=1)
    rate: float = knobs.knob(0.1, "Rate", 0.0, 1.0)
    random_start: bool = knobs.knob(True, "Random start")
    loss: str = knobs.knob("margin", "Loss", choices=("margin", "dlr"))
    note: str = "not a knob"

    def __post_init__(self):
        knobs.check(self)


def test_of_lists_the_knobs_in_order_with_all_that_a_control_needs():
    found = knobs.of(Thing)
    assert [each.name for each in found] == ["steps", "rate", "random_start", "loss"]
    assert [each.kind for each in found] == ["int", "float", "bool", "choice"]
    steps = found[0]
    assert (steps.label, steps.default, steps.low, steps.high, steps.help, steps.step) == (
        "Steps",
        40,
        1,
        200,
        "Gradient steps",
        1,
    )
    assert found[3].choices == ("margin", "dlr")
    assert knobs.of(Thing()) == found


def test_whole_numbers_may_be_called_by_words():
    @dataclass(frozen=True, kw_only=True)
    class Meant:
        whom: int = knobs.knob(-1, "Whom", -1, 9, words={-1: "everybody"})

    assert knobs.of(Meant)[0].words == ((-1, "everybody"),) and knobs.of(Thing)[0].words == ()


def test_as_dict_gives_values_by_name():
    assert knobs.as_dict(Thing(steps=7)) == {"steps": 7, "rate": 0.1, "random_start": True, "loss": "margin"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"steps": 0}, "steps of Thing is 0; it must be a whole number from 1 to 200."),
        ({"steps": 201}, "from 1 to 200"),
        ({"steps": 1.5}, "whole number"),
        ({"steps": True}, "steps of Thing is True"),
        ({"steps": "40"}, "steps of Thing is '40'"),
        ({"steps": None}, "steps of Thing is None"),
        ({"rate": float("nan")}, "rate of Thing is nan; it must be a number from 0 to 1."),
        ({"rate": float("inf")}, "from 0 to 1"),
        ({"rate": -1e-9}, "from 0 to 1"),
        ({"random_start": 1}, "random_start of Thing is 1; it must be True or False."),
        ({"loss": "hinge"}, "loss of Thing is 'hinge'; it must be one of 'margin', 'dlr'."),
        ({"loss": 0}, "one of 'margin', 'dlr'"),
    ],
)
def test_a_value_outside_is_refused_with_the_knob_the_value_and_the_range(wrong, said):
    with pytest.raises(InputError) as refusal:
        Thing(**wrong)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    "right", [{"steps": 1}, {"steps": 200}, {"steps": np.int64(5)}, {"rate": 0}, {"rate": np.float32(1)}]
)
def test_the_bounds_and_numpys_numbers_are_accepted(right):
    Thing(**right)


def test_a_draft_has_values_that_do_not_go_together_and_changes_nobody():
    cls = poisoning.get("badnets")
    draft = knobs.drafted(cls, {"source": 4, "leads": "next"})
    assert (draft.source, draft.target, draft.leads) == (4, 4, "next") and cls().leads == "one"
    target = next(each for each in knobs.of(draft) if each.name == "target")
    assert knobs.matters(cls(), target) and not knobs.matters(draft, target)
    with pytest.raises(InputError, match="Source and target are both 4"):
        cls(source=4)


def test_instances_are_frozen_and_hashable():
    assert hash(Thing()) == hash(Thing()) and Thing() == Thing()
    with pytest.raises(FrozenInstanceError):
        Thing().steps = 3  # type: ignore[misc]


def test_a_number_without_bounds_and_an_unknown_kind_are_the_authors_errors():
    with pytest.raises(TypeError, match="both its bounds"):
        knobs.knob(1, "Steps")
    with pytest.raises(TypeError, match="an int, a float, a bool"):
        knobs.knob([1], "Steps")
