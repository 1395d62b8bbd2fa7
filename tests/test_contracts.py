"""What every attack owes, whatever its idea: walked over the registry, so that a new file is held to it at once.

Here: what it says of itself, its knobs, and that it does more than nothing. The other files of this name hold it to the
law, to what its result tells, and to how it runs.
"""

import dataclasses
import inspect
import re

import numpy as np
import pytest

from core import attacks, knobs, norms
from core.attacks import Attack
from core.errors import InputError
from tests.support import BY_NAME, attacked, brief, pairs, quick, realistic, same, spread


def test_the_attacks_of_the_ladder_are_there():
    assert {"noise", "fgm", "fgsm", "bim", "pgd", "mim"} <= set(attacks.names())


class TestWhatItSaysOfItself:
    @BY_NAME
    def test_it_is_a_frozen_keyword_only_hashable_dataclass(self, name):
        cls = attacks.get(name)
        assert issubclass(cls, Attack) and cls.name == name
        assert dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen
        assert all(field.kw_only for field in dataclasses.fields(cls))
        assert hash(cls()) == hash(cls()) and cls() == cls()
        with pytest.raises(dataclasses.FrozenInstanceError):
            cls().anything = 1  # type: ignore[attr-defined]

    @BY_NAME
    def test_its_class_attributes_are_complete(self, name):
        cls = attacks.get(name)
        assert cls.title and set(cls.norms) <= {*norms.names(), "warp"} and cls.norms
        assert cls.knowledge in ("nothing", "gradient", "scores", "decision")
        assert isinstance(cls.minimises, bool) and isinstance(cls.targetable, bool)

    @BY_NAME
    def test_its_docstring_has_an_idea_a_rule_and_a_source(self, name):
        text = inspect.cleandoc(attacks.get(name).__doc__ or "")
        idea = text.split("\n\n")[0]
        assert len(idea) > 20 and idea.endswith("."), "The first paragraph is one sentence of idea."
        assert re.search(r"\$\$?[^$]*\\[a-z]+[^$]*\$\$?", text), "The update rule stands in LaTeX between dollar signs."
        assert re.search(r"\b(19|20)\d\d\b", text), "The paper is named with its year."

    @BY_NAME
    def test_every_field_is_a_knob_with_a_label_and_a_help(self, name):
        cls = attacks.get(name)
        assert {knob.name for knob in knobs.of(cls)} == {field.name for field in dataclasses.fields(cls)}
        for knob in knobs.of(cls):
            assert knob.label and knob.help, f"{name}.{knob.name} needs a label and a help text."


class TestKnobs:
    @pytest.mark.parametrize(
        ("name", "knob"),
        [
            pytest.param(name, knob, id=f"{name}-{knob.name}")
            for name in attacks.names()
            for knob in knobs.of(attacks.get(name))
        ],
    )
    def test_every_knob_is_alive(self, plain, few, name, knob):
        """Values far apart, any two of them, give different images."""
        cls = attacks.get(name)
        x, y = few[0][:6], few[1][:6]
        # In three steps an attack for the smallest change may find none, whatever its other knobs.
        made = quick(cls) if knob.kind == "int" and not cls.minimises else brief(cls)
        fixed = dict([knob.only_with]) if knob.only_with else {}
        # The later parts of an attack in stages see what the earlier ones left, so here all digits stand; and what a
        # later part spends in vain is all that it changes.
        eps = (0.1 if cls.staged else 2) * realistic(cls.norms[0])
        results = [
            dataclasses.replace(made, **fixed, **{knob.name: value})(plain, x, y, eps=eps, norm=cls.norms[0])
            for value in spread(knob)
        ]
        for i, one in enumerate(results):
            for other in results[i + 1 :]:
                spent = cls.staged and (one.forwards != other.forwards).all()
                assert spent or not same(one, other, 1e-4), f"{knob.name} changes nothing."

    @BY_NAME
    def test_a_knob_outside_its_range_is_refused(self, name):
        for knob in knobs.of(attacks.get(name)):
            wrong = {"bool": 2, "choice": "no such choice"}.get(knob.kind, (knob.high or 0) + 1)
            with pytest.raises(InputError, match=rf"{knob.name} of \w+ is .*; it must be"):
                attacks.get(name)(**{knob.name: wrong})

    @BY_NAME
    def test_the_lowest_and_highest_of_each_knob_run(self, plain, few, name):
        cls = attacks.get(name)
        for knob in knobs.of(cls):
            if knob.kind in ("int", "float"):
                for end in (knob.low, knob.high):
                    value = int(end) if knob.kind == "int" else end
                    result = quick(cls, **{knob.name: value})(
                        plain, few[0][:2], few[1][:2], eps=realistic(cls.norms[0])
                    )
                    assert np.isfinite(result.logits_adversarial).all()


@pytest.mark.parametrize(("name", "norm"), [pair for pair in pairs() if attacks.get(pair[0]).knowledge != "nothing"])
def test_it_beats_noise_of_the_same_size(plain, hundred, name, norm):
    """What a no-op would pass, this does not: at a realistic budget, far more digits fall than to noise."""
    cls = attacks.get(name)
    eps = realistic(norm) * (1 if cls.made_to_measure else 4)
    x, y = (each[:50] if cls.staged or cls.knowledge != "gradient" else each for each in hundred)  # fewer for the dear
    own = cls()(plain, x, y, eps=eps, norm=norm).success.mean()
    has_noise = norm in attacks.get("noise").norms
    control = attacked("noise", norm, plain, (x, y), eps=eps).success.mean() if has_noise else 0
    assert own >= control + 0.1, f"{own:.0%} fell, and to noise {control:.0%}."
