"""What detectors are worth: the ROC, what counts in a report, and the attacker who knows the detector."""

import numpy as np
import pytest
from sklearn import metrics

from core import attacks, defenses, detection, digits, evasion, norms
from core.defenses.base import Watchman
from core.errors import InputError
from core.result import TOLERANCE

CHEAP = "mahalanobis"


@pytest.fixture(scope="module")
def parts():
    """Forty digits to attack and 800 others to learn from."""
    attacked, others = detection.parted(40)
    return attacked, others[::6]


@pytest.fixture(scope="module")
def watchmen(plain, parts):
    """Detectors with their own knobs, each fitted once."""
    kept: dict[str, Watchman] = {}

    def fitted(name: str) -> Watchman:
        if name not in kept:
            kept[name] = defenses.get(name)().fit(plain, parts[1])
        return kept[name]

    return fitted


class TestRoc:
    @pytest.mark.parametrize("ties", [False, True])
    def test_curve_and_area_are_scikit_learns(self, ties):
        draw = np.random.default_rng(0)
        clean, attacked = draw.normal(size=300), draw.normal(0.7, 1.2, size=80)
        if ties:
            clean, attacked = np.round(clean), np.round(attacked)
        truth, scores = np.repeat([0, 1], [300, 80]), np.concatenate([clean, attacked])
        found = detection.roc(clean, attacked)
        false_alarms, detected, _ = metrics.roc_curve(truth, scores, drop_intermediate=False)
        assert np.allclose(found.false_alarms, false_alarms) and np.allclose(found.detected, detected)
        assert found.auc == pytest.approx(metrics.roc_auc_score(truth, scores))

    def test_what_parts_all_and_what_parts_nothing(self):
        assert detection.roc(np.zeros(5), np.ones(3)).auc == 1
        assert detection.roc(np.ones(5), np.zeros(3)).auc == 0
        assert detection.roc(np.ones(5), np.ones(3)).auc == 0.5

    def test_nothing_to_detect_is_no_figure(self):
        assert np.isnan(detection.roc(np.arange(5), np.empty(0)).auc)


class TestReport:
    def test_only_what_fools_counts(self, watchmen, plain, parts):
        watchman, some = watchmen(CHEAP), parts[0]
        found = detection.report(watchman, attacks.get("pgd")(), some.images, some.labels, eps=0.1, norm="linf", seed=3)
        result = attacks.get("pgd")()(plain, some.images, some.labels, eps=0.1, norm="linf", seed=3)
        scores = watchman.score(result.adversarial[result.success])
        assert found.digits == 40 and 0 < found.fooled == result.success.sum() < 40
        assert found.detected_at_5 == (scores > watchman.threshold()).mean()
        assert found.auc == pytest.approx(detection.roc(watchman.clean, scores).auc)
        assert found.roc.detected[-1] == found.roc.false_alarms[-1] == 1

    def test_an_attack_that_fools_nobody_has_no_figures(self, watchmen, parts):
        some = parts[0]
        found = detection.report(watchmen(CHEAP), attacks.get("noise")(), some.images, some.labels, eps=0.0)
        assert found.fooled == 0 and np.isnan(found.auc) and np.isnan(found.detected_at_5)

    def test_a_wrong_label_is_nothing_detected(self, watchmen, plain, parts):
        some = parts[0]
        result = attacks.get("fgsm")()(plain, some.images, (some.labels + 1) % 10, eps=0.1)
        assert detection.judged(watchmen(CHEAP), result.adversarial, result.success).fooled == 0


class TestTheAttackerWhoKnows:
    def test_the_judge_finds_what_it_claims(self, watchmen, plain, parts):
        some, watchman = parts[0][:12], watchmen(CHEAP)
        told = evasion.knowing(watchman, some.images, some.labels, eps=0.15, steps=30)
        assert told.threshold == watchman.threshold()
        assert (told.scores == watchman.score(told.result.adversarial)).all()
        assert (told.result.prediction == plain.predict(told.result.adversarial)).all()
        assert (told.unseen == (told.result.success & (told.scores <= told.threshold))).all()
        assert (told.result.gradients <= 30).all() and told.result.gradients.min() > 0

    @pytest.mark.parametrize(("norm", "eps"), [("linf", 0.15), ("l2", 2.0), ("l1", 20.0)])
    def test_it_stays_in_ball_and_box_and_gets_past(self, watchmen, parts, norm, eps):
        some = parts[0][::2]
        told = evasion.knowing(watchmen(CHEAP), some.images, some.labels, eps=eps, norm=norm, steps=40)
        x = told.result.adversarial
        assert x.dtype == np.float32 and x.min() >= 0 and x.max() <= 1
        assert (norms.get(norm).size(told.result.change) <= eps + TOLERANCE).all()
        assert told.unseen.mean() > 0.5

    def test_each_digit_has_its_own_budget_and_0_is_none(self, watchmen, parts):
        some, eps = parts[0][:4], np.array([0.0, 0.05, 0.1, 0.2])
        told = evasion.knowing(watchmen(CHEAP), some.images, some.labels, eps=eps, steps=20, restarts=2)
        assert (told.result.adversarial[0] == some.images[0]).all() and told.result.gradients[0] == 0
        assert (told.result.linf <= eps + TOLERANCE).all() and (told.result.linf[1:] > 0).all()

    def test_an_outcome_is_the_images_own_and_the_same_for_the_same_seed(self, watchmen, parts):
        some = parts[0][::3]
        given = {"eps": 0.12, "steps": 25, "restarts": 2, "seed": 4}
        whole = evasion.knowing(watchmen(CHEAP), some.images, some.labels, **given)
        again = evasion.knowing(watchmen(CHEAP), some.images, some.labels, watch=lambda *_: None, **given)
        assert (whole.result.adversarial == again.result.adversarial).all()
        back = evasion.knowing(watchmen(CHEAP), some.images[::-1], some.labels[::-1], **given)
        alone = evasion.knowing(watchmen(CHEAP), some.images[2:4], some.labels[2:4], **given)
        for other, rows in ((back, slice(None, None, -1)), (alone, slice(2, 4))):
            here = whole.result.adversarial[rows]
            # Rounding differs between batches of other sizes, and a sign may turn on it: in a few pixels, not in all.
            assert np.mean(np.abs(here - other.result.adversarial) > 1e-4) < 0.02
            assert (whole.unseen[rows] == other.unseen).mean() >= 0.9

    def test_a_restart_never_leaves_an_image_worse_off(self, watchmen, parts):
        some = parts[0]
        runs = [
            evasion.knowing(watchmen(CHEAP), some.images, some.labels, eps=0.07, steps=15, restarts=count)
            for count in (1, 3)
        ]
        one, three = (run.result.success.astype(int) + run.unseen for run in runs)
        assert (three >= one).all() and three.sum() > one.sum()

    def test_a_high_threshold_is_an_ordinary_attack_and_a_low_one_cannot_be_met(self, watchmen, parts):
        some, watchman = parts[0], watchmen(CHEAP)
        easy, hard = (
            evasion.knowing(watchman, some.images, some.labels, eps=0.15, steps=20, threshold=limit)
            for limit in (float(watchman.clean.max() * 9), float(watchman.clean.min() / 9))
        )
        assert not easy.seen.any() and easy.result.success.mean() > 0.8
        assert hard.seen.all() and hard.result.success.mean() > 0.8
        assert hard.scores[hard.result.success].mean() < easy.scores[easy.result.success].mean()

    def test_who_watches_is_told_and_may_stop_it(self, watchmen, parts):
        some, told = parts[0][:4], []
        given = watchmen(CHEAP), some.images, some.labels
        evasion.knowing(*given, eps=0.02, steps=25, restarts=2, watch=lambda *a: told.append(a[:2]))
        assert told == [(10, 50), (20, 50), (25, 50), (35, 50), (45, 50), (50, 50)]
        stopped = evasion.knowing(*given, eps=0.02, steps=100, watch=lambda *_: False)
        assert (stopped.result.gradients == 10).all()

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"norm": "l0"}, "The norm is 'l0'; one of linf, l2, l1"),
            ({"norm": ["l2"]}, "The norm is"),
            ({"eps": -0.1}, "eps is -0.1"),
            ({"eps": None}, "eps is missing"),
            ({"steps": 0}, "steps is 0; a whole number from 1"),
            ({"restarts": 1.5}, "restarts is 1.5; a whole number from 1"),
            ({"threshold": float("nan")}, "threshold is nan; a number"),
            ({"threshold": "high"}, "threshold is 'high'; a number"),
            ({"seed": 0.5}, "seed is 0.5"),
            ({"watch": 3}, "watch is 3"),
        ],
        ids=str,
    )
    def test_what_cannot_be_used_is_refused(self, watchmen, parts, wrong, said):
        with pytest.raises(InputError, match=said):
            evasion.knowing(watchmen(CHEAP), parts[0].images, parts[0].labels, **{"eps": 0.1, **wrong})

    @pytest.mark.parametrize("name", defenses.names("detector"))
    def test_it_is_seen_less_often_than_one_who_does_not_know(self, watchmen, plain, parts, name):
        some, watchman = parts[0][::2], watchmen(name)
        # One bit and an attack in L∞ leave few pixels to turn, and noise is blind to PGD as it is.
        eps = {"feature_squeezing": 0.4, "noise_consistency": 0.1}.get(name, 0.2)
        result = attacks.get("pgd")(steps=40)(plain, some.images, some.labels, eps=eps)
        naive = watchman.flags(result.adversarial[result.success]).mean()
        told = evasion.knowing(watchman, some.images, some.labels, eps=eps, steps=40)
        assert told.result.success.mean() > 0.7
        assert told.seen[told.result.success].mean() < naive


def test_what_is_attacked_was_not_learnt_from():
    attacked, others = detection.parted(200)
    assert len(attacked) == 200 and len(others) == 4800
    assert (np.bincount(attacked.labels) == 20).all()
    known = {image.tobytes() for image in others.images}
    assert not any(image.tobytes() in known for image in attacked.images)
    for wrong in (0, 2501):
        with pytest.raises(InputError, match="digits are to be attacked"):
            detection.parted(wrong)


def test_the_command_prints_a_row_for_each_detector(monkeypatch, capsys):
    monkeypatch.setattr(detection, "bundled", lambda: digits.bundled()[::10])
    command = ["--detectors", "mahalanobis", "--attacks", "fgsm", "--digits", "10", "--steps", "5"]
    assert detection.main(command) == 0
    said = capsys.readouterr().out
    assert "10 digits on plain_cnn; fooled: fgsm" in said and "mahalanobis" in said and "knowing" in said
    assert detection.main(["--digits", "0"]) == 2
    assert "from 1 to 250" in capsys.readouterr().err
