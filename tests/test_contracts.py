"""What every attack owes, whatever its idea: walked over the registry, so that a new file is held to it at once."""

import dataclasses
import inspect
import re

import numpy as np
import pytest

from core import attacks, knobs, norms
from core.attacks import Attack
from core.errors import InputError
from core.result import Result
from tests.support import brief, next_class, pairs, quick, realistic, same

PAIRS = pairs()
WITH_NORM = pytest.mark.parametrize(("name", "norm"), PAIRS)
BY_NAME = pytest.mark.parametrize("name", attacks.names())
TARGETABLE = pytest.mark.parametrize(("name", "norm"), [pair for pair in PAIRS if attacks.get(pair[0]).targetable])


def attacked(name: str, norm: str, model, digits, eps=None, **more):
    """The attack, briefly, at a realistic budget."""
    x, y = digits
    return brief(attacks.get(name))(model, x, y, eps=realistic(norm) if eps is None else eps, norm=norm, **more)


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


class TestTheLaw:
    @WITH_NORM
    def test_the_change_stays_in_the_ball_and_the_image_in_the_box(self, plain, few, name, norm):
        most = min(3 * realistic(norm), norms.get(norm).diameter)
        for eps in (realistic(norm), np.linspace(0, most, len(few[0]))):
            result = attacked(name, norm, plain, few, eps=eps)
            if not attacks.get(name).minimises:
                assert (result.size <= eps + 1e-6).all()
            assert (result.size[result.success] <= np.broadcast_to(eps, len(few[0]))[result.success] + 1e-6).all()
            assert result.adversarial.min() >= 0 and result.adversarial.max() <= 1

    @WITH_NORM
    def test_eps_zero_returns_the_image_itself_bit_for_bit(self, plain, few, name, norm):
        result = attacked(name, norm, plain, few, eps=0.0)
        np.testing.assert_array_equal(result.adversarial, few[0])
        assert not result.success.any()

    @WITH_NORM
    def test_eps_zero_among_others_is_the_identity_too(self, plain, few, name, norm):
        eps = np.where(np.arange(len(few[0])) % 2, realistic(norm), 0.0)
        result = attacked(name, norm, plain, few, eps=eps)
        np.testing.assert_array_equal(result.adversarial[::2], few[0][::2])
        assert (result.size[1::2] > 0).mean() >= (0.5 if attacks.get(name).minimises else 1)

    @pytest.mark.parametrize(("name", "norm"), [pair for pair in PAIRS if attacks.get(pair[0]).minimises])
    def test_who_looks_for_the_smallest_change_needs_no_budget_and_gives_back_what_it_cannot_fool(
        self, plain, few, name, norm
    ):
        attack, (x, y) = brief(attacks.get(name)), few
        free = attack(plain, x, y, norm=norm)
        assert free.eps is None and free.success.mean() >= 0.5
        np.testing.assert_array_equal(free.adversarial[~free.fooled], x[~free.fooled])
        judged = attack(plain, x, y, eps=float(np.median(free.size)), norm=norm)
        assert judged.success.any() and not judged.success.all()

    @WITH_NORM
    def test_the_same_seed_gives_the_same_answer(self, plain, few, name, norm):
        one, two = (attacked(name, norm, plain, few, seed=5) for _ in range(2))
        np.testing.assert_array_equal(one.adversarial, two.adversarial)
        np.testing.assert_array_equal(one.logits_adversarial, two.logits_adversarial)

    @WITH_NORM
    def test_no_global_random_state_moves_it_or_is_moved(self, plain, few, name, norm):
        import keras

        np.random.seed(1)  # noqa: NPY002
        keras.utils.set_random_seed(1)
        one = attacked(name, norm, plain, few, seed=5)
        np.random.seed(2)  # noqa: NPY002
        keras.utils.set_random_seed(2)
        state = np.random.get_state()[1].copy()  # noqa: NPY002
        two = attacked(name, norm, plain, few, seed=5)
        np.testing.assert_array_equal(one.adversarial, two.adversarial)
        np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002

    @WITH_NORM
    def test_an_image_does_not_depend_on_its_batch_mates(self, plain, few, name, norm):
        x, y = few
        together = attacked(name, norm, plain, few, seed=2)
        for row in (0, 7):
            alone = attacked(name, norm, plain, (x[row : row + 1], y[row : row + 1]), seed=2)
            assert alone.success[0] == together.success[row]
            if attacks.get(name).minimises:
                assert as_near(together, row, alone)
                continue
            np.testing.assert_allclose(alone.logits_adversarial[0], together.logits_adversarial[row], atol=0.2)
            assert mostly_equal(alone.adversarial[0], together.adversarial[row])
        backwards = attacked(name, norm, plain, (x[::-1].copy(), y[::-1].copy()), seed=2)
        assert (backwards.success[::-1] == together.success).all()

    @WITH_NORM
    def test_one_eps_an_image_equals_running_each_alone(self, plain, few, name, norm):
        x, y = few
        eps = realistic(norm) * np.linspace(0.2, 2, len(x))
        together = attacked(name, norm, plain, few, eps=eps)
        for row in (1, 9, 15):
            alone = attacked(name, norm, plain, (x[row : row + 1], y[row : row + 1]), eps=float(eps[row]))
            if attacks.get(name).minimises:
                assert as_near(together, row, alone)
                continue
            assert alone.success[0] == together.success[row]
            assert mostly_equal(alone.adversarial[0], together.adversarial[row])

    @WITH_NORM
    def test_what_it_was_given_is_left_as_it_was(self, plain, few, name, norm):
        x, y = few[0].copy(), few[1].copy()
        eps, aim = np.full(len(x), realistic(norm)), next_class(y)
        weights = [weight.copy() for weight in plain.keras.get_weights()]
        target = aim if attacks.get(name).targetable else None
        attacks.get(name)()(plain, x, y, eps=eps, norm=norm, target=target)
        np.testing.assert_array_equal(x, few[0])
        np.testing.assert_array_equal(y, few[1])
        np.testing.assert_array_equal(aim, next_class(y))
        assert (eps == realistic(norm)).all()
        for before, after in zip(weights, plain.keras.get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)

    @BY_NAME
    def test_read_only_and_strided_images_and_other_floats_are_taken(self, plain, few, name):
        x, y = few
        norm = attacks.get(name).norms[0]
        frozen = x.copy()
        frozen.flags.writeable = False
        wide = np.repeat(x, 2, axis=0)[::2]
        usual = attacked(name, norm, plain, few)
        for given in (frozen, wide, x.astype(np.float64)):
            np.testing.assert_array_equal(attacked(name, norm, plain, (given, y)).adversarial, usual.adversarial)

    @BY_NAME
    def test_the_result_is_not_a_window_onto_the_callers_array(self, plain, few, name):
        x = few[0].copy()
        result = attacked(name, attacks.get(name).norms[0], plain, (x, few[1]), eps=0.0)
        x[:] = 0.123
        np.testing.assert_array_equal(result.clean, few[0])
        np.testing.assert_array_equal(result.adversarial, few[0])


def mostly_equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal images up to a few pixels: in a larger batch, rounding may turn the sign of a gradient near zero."""
    return np.mean(np.abs(one - other) > 1e-3) <= 0.05


def as_near(together: Result, row: int, alone: Result) -> bool:
    """Whether a change found in company is as small as the one found alone: both end on the border, but where on it
    rounding may decide, and a few steps leave more to it than many."""
    both = together.fooled[row] == alone.fooled[0]
    return bool(both and together.size[row] == pytest.approx(alone.size[0], rel=0.05))


class TestTheResult:
    @WITH_NORM
    def test_its_fields_have_their_shapes_and_types(self, plain, few, name, norm):
        result, n = attacked(name, norm, plain, few), len(few[0])
        assert len(result) == n and result.norm == norm and result.target is None and result.path is None
        wanted = {
            "clean": ((n, 28, 28, 1), np.float32),
            "adversarial": ((n, 28, 28, 1), np.float32),
            "labels": ((n,), np.int64),
            "logits_clean": ((n, 10), np.float32),
            "logits_adversarial": ((n, 10), np.float32),
            "probabilities_clean": ((n, 10), np.float32),
            "probabilities": ((n, 10), np.float32),
            "forwards": ((n,), np.int64),
            "gradients": ((n,), np.int64),
            "prediction": ((n,), np.int64),
            "confidence": ((n,), np.float32),
            "already_wrong": ((n,), np.bool_),
            "fooled": ((n,), np.bool_),
            "success": ((n,), np.bool_),
            **dict.fromkeys(("linf", "l2", "l1", "size"), ((n,), np.float64)),
            "l0": ((n,), np.int64),
        }
        for field, (shape, dtype) in wanted.items():
            value = getattr(result, field)
            assert type(value) is np.ndarray and value.shape == shape and value.dtype == dtype, field
        assert result.eps is not None and result.eps.shape == (n,)

    @WITH_NORM
    def test_the_judge_measured_what_stands_there(self, plain, few, name, norm):
        result = attacked(name, norm, plain, few)
        np.testing.assert_allclose(result.logits_adversarial, plain.logits(result.adversarial), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(result.logits_clean, plain.logits(few[0]), rtol=1e-4, atol=1e-4)
        change = (result.adversarial.astype(np.float64) - few[0]).reshape(len(few[0]), -1)
        np.testing.assert_allclose(result.linf, np.abs(change).max(axis=1))
        np.testing.assert_allclose(result.l2, np.linalg.norm(change, axis=1))
        np.testing.assert_allclose(result.l1, np.abs(change).sum(axis=1))
        np.testing.assert_array_equal(result.l0, (change != 0).sum(axis=1))
        wrong = (result.prediction != few[1]) & ~result.already_wrong
        np.testing.assert_array_equal(result.success, wrong & (result.size <= realistic(norm) + 1e-6))
        np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, rtol=1e-5)

    @BY_NAME
    def test_a_digit_that_was_wrong_before_is_nobodys_success(self, plain, few, name):
        x, y = few
        result = attacked(name, attacks.get(name).norms[0], plain, (x, next_class(y)))
        assert result.already_wrong.all() and not result.fooled.any() and not result.success.any()

    @WITH_NORM
    def test_the_path_leads_from_the_image_to_the_answer(self, plain, few, name, norm):
        result = attacked(name, norm, plain, few, path=True)
        path = result.path
        assert path is not None and path.dtype == np.float32 and path.shape[1:] == few[0].shape and len(path) >= 1
        assert path.min() >= 0 and path.max() <= 1
        cls = attacks.get(name)
        if cls.knowledge == "gradient" and not cls.minimises and not cls.staged:
            assert len(path) == getattr(brief(attacks.get(name)), "steps", 1) + 1
            np.testing.assert_allclose(path[-1], result.adversarial, atol=1e-6)
        without = attacked(name, norm, plain, few)
        assert (without.success == result.success).all()

    @WITH_NORM
    def test_forwards_and_gradients_are_counted_for_each_image(self, plain, few, name, norm):
        result = attacked(name, norm, plain, few)
        assert (result.forwards >= result.gradients).all()
        assert (result.gradients > 0).any() == (attacks.get(name).knowledge == "gradient")
        if attacks.get(name).knowledge in ("nothing", "decision", "scores"):
            assert not result.gradients.any()

    def test_the_counts_of_the_ladder(self, plain, few):
        def counted(name: str, **knobs) -> tuple[int, int]:
            result = attacks.get(name)(**knobs)(plain, *few, eps=0.1 if "linf" in attacks.get(name).norms else 1.0)
            assert len(set(result.forwards)) == len(set(result.gradients)) == 1
            return int(result.forwards[0]), int(result.gradients[0])

        assert counted("fgsm")[1] == counted("fgm")[1] == 1
        assert counted("bim", steps=7)[1] == counted("mim", steps=7)[1] == 7
        assert counted("pgd") == (40, 40)
        assert counted("pgd", steps=5, restarts=3) == (18, 15)
        assert counted("noise", draws=4)[1] == 0


class TestTargets:
    @TARGETABLE
    def test_it_moves_the_image_towards_its_target(self, plain, few, name, norm):
        y = few[1]
        aim = next_class(y)
        eps = realistic(norm) * (2 if attacks.get(name).made_to_measure else 8)
        result = attacked(name, norm, plain, few, eps=eps, target=aim)
        np.testing.assert_array_equal(result.target, aim)
        np.testing.assert_array_equal(result.success, (result.prediction == aim) & result.within)
        if attacks.get(name).knowledge == "gradient":
            rows = np.arange(len(y))
            assert (result.probabilities[rows, aim] > result.probabilities_clean[rows, aim]).mean() > 0.8

    @TARGETABLE
    def test_it_refuses_the_label_as_target(self, plain, few, name, norm):
        with pytest.raises(InputError, match=r"target equals the label"):
            attacked(name, norm, plain, few, target=few[1])

    @TARGETABLE
    def test_one_target_may_stand_for_all(self, plain, few, name, norm):
        x, y = few
        rows = y != 3
        one = attacked(name, norm, plain, (x[rows], y[rows]), target=3)
        many = attacked(name, norm, plain, (x[rows], y[rows]), target=np.full(rows.sum(), 3))
        np.testing.assert_array_equal(one.adversarial, many.adversarial)

    @pytest.mark.parametrize("loss", ["cross_entropy", "margin", "dlr"])
    def test_pgd_hits_most_targets_at_a_large_budget(self, plain, few, loss):
        aim, rows = next_class(few[1]), np.arange(len(few[1]))
        result = attacks.get("pgd")(loss=loss)(plain, *few, eps=0.3, target=aim)
        # DLR compares the target with the label alone (Croce & Hein, 2020): a third class may end on top.
        over_label = result.logits_adversarial[rows, aim] > result.logits_adversarial[rows, few[1]]
        assert (over_label if loss == "dlr" else result.success).mean() >= 0.8


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
        """Its lowest value and its highest (or any two of its choices) give different images."""
        cls = attacks.get(name)
        ends = {"bool": (False, True), "choice": knob.choices}.get(knob.kind, (knob.low, knob.high))
        x, y = few[0][:6], few[1][:6]
        kind = int if knob.kind == "int" else (lambda value: value)
        # In three steps an attack for the smallest change may find none, whatever its other knobs.
        made = quick if knob.kind == "int" and not cls.minimises else (lambda cls, **moved: cls(**moved))
        fixed = dict([knob.only_with]) if knob.only_with else {}
        # The later parts of an attack in stages see what the earlier ones left, so here all digits stand; and what a
        # later part spends in vain is all that it changes.
        eps = (0.1 if cls.staged else 2) * realistic(cls.norms[0])
        results = [
            made(cls, **fixed, **{knob.name: kind(end)})(plain, x, y, eps=eps, norm=cls.norms[0]) for end in ends
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


@pytest.mark.parametrize(("name", "norm"), [pair for pair in PAIRS if attacks.get(pair[0]).knowledge != "nothing"])
def test_it_beats_noise_of_the_same_size(plain, hundred, name, norm):
    """What a no-op would pass, this does not: at a realistic budget, far more digits fall than to noise."""
    eps = realistic(norm) * (1 if attacks.get(name).made_to_measure else 4)
    own = attacks.get(name)()(plain, *hundred, eps=eps, norm=norm).success.mean()
    has_noise = norm in attacks.get("noise").norms
    control = attacked("noise", norm, plain, hundred, eps=eps).success.mean() if has_noise else 0
    assert own >= control + 0.1, f"{own:.0%} fell, and to noise {control:.0%}."


class TestWatching:
    @WITH_NORM
    def test_progress_rises_to_the_total_and_shows_lawful_images(self, plain, few, name, norm):
        seen = []

        def watch(done, total, x_so_far):
            seen.append((done, total))
            assert x_so_far.shape == few[0].shape and np.isfinite(x_so_far).all()

        watched = attacked(name, norm, plain, few, watch=watch)
        assert seen and [done for done, _ in seen] == sorted({done for done, _ in seen})
        assert len({total for _, total in seen}) == 1 and seen[-1][0] == seen[-1][1]
        np.testing.assert_array_equal(watched.adversarial, attacked(name, norm, plain, few).adversarial)

    @WITH_NORM
    def test_returning_false_stops_it_with_the_best_so_far(self, plain, few, name, norm):
        calls = []

        def watch(done, total, x_so_far):
            calls.append(done)
            return False

        result = attacked(name, norm, plain, few, watch=watch)
        assert len(calls) == 1
        assert (result.size <= realistic(norm) + 1e-6).all() or attacks.get(name).minimises
        whole = attacked(name, norm, plain, few)
        assert (result.gradients <= whole.gradients).all() and np.isfinite(result.adversarial).all()

    def test_stopping_early_spends_less_and_keeps_what_was_reached(self, plain, few):
        attack = attacks.get("pgd")(steps=100, restarts=5, step_size=0.02)
        result = attack(plain, *few, eps=0.2, watch=lambda done, total, x: done < total * 0.15)
        assert (result.gradients < 150).all() and (result.gradients > 0).all()
        assert result.success.mean() >= 0.5

    def test_what_a_watcher_raises_comes_through(self, plain, few):
        def watch(done, total, x_so_far):
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            attacks.get("pgd")()(plain, *few, eps=0.1, watch=watch)


@WITH_NORM
def test_nothing_is_traced_again_when_a_knob_moves(plain, few, name, norm):
    """Seconds would pass in the page: after one call of a size, no eps, seed, target or knob traces anew."""
    cls, x, y, usual = attacks.get(name), few[0][:4], few[1][:4], realistic(norm)

    def run(eps=usual, target=None, seed=0, **moved):
        quick(cls, **moved)(plain, x, y, eps=eps, norm=norm, target=target, seed=seed)

    run()
    run(eps=0.05 * usual)  # here all digits stand, and an attack in stages comes to its last
    for knob in knobs.of(cls):
        if knob.kind == "bool":  # a switch may have a graph of its own, traced once
            run(**{knob.name: not knob.default})
    before = dict(plain.traces)
    run(eps=0.5 * usual)
    run(eps=np.linspace(0, 1, len(x)))
    run(seed=9)
    if cls.targetable:
        run(target=next_class(y))
    for knob in knobs.of(cls):
        values = knob.choices or ((True, False) if knob.kind == "bool" else (knob.low, knob.high))
        for value in values:
            run(**{knob.name: int(value) if knob.kind == "int" else value})
    assert plain.traces == before


def test_a_batch_of_any_size_uses_the_same_graphs(plain, hundred):
    x, y = hundred
    attacks.get("pgd")()(plain, x, y, eps=0.1)
    attacks.get("pgd")()(plain, x[:1], y[:1], eps=0.1)
    before = dict(plain.traces)
    for n in (1, 2, 3, 17, 64, 99, 100):
        attacks.get("pgd")(steps=2)(plain, x[:n], y[:n], eps=0.1)
    grown = {
        key: plain.traces[key] - before.get(key, 0) for key in plain.traces if plain.traces[key] != before.get(key)
    }
    assert sum(grown.values()) <= 3, f"Batches are padded to a few sizes; these were traced anew: {grown}"
