"""What the result of every attack tells, with a target and without one."""

import numpy as np
import pytest

from core import attacks
from core.errors import InputError
from tests.support import BY_NAME, WITH_NORM, attacked, brief, next_class, pairs, realistic

TARGETABLE = pytest.mark.parametrize(("name", "norm"), [pair for pair in pairs() if attacks.get(pair[0]).targetable])


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
