"""What cleaners make of a network with a backdoor, or of one that has learnt wrong labels."""

import keras
import numpy as np
import pytest

from core import features, poisoning
from core.classifier import Classifier
from core.digits import Digits
from core.errors import InputError
from core.poisoning import Findings
from tests.support import build


def known(touched: np.ndarray) -> Findings:
    """The findings of who knows the truth."""
    return Findings(touched.astype(np.float32), touched, np.full(10, np.nan, np.float32))


def cleaned(name: str, sets, poisoned: poisoning.Poisoned, model: Classifier, **more) -> tuple[float, float]:
    """Clean accuracy and attack success of what that cleaner makes of it; where somebody watches, it is quick."""
    cleaner = poisoning.get(name)(**{"rounds": 2, "steps": 20} if name == "unlearning" and "watch" in more else {})
    findings = known(poisoned.touched) if cleaner.needs_findings else None
    found = cleaner.clean(model, poisoned.digits, findings, **{"trusted": sets.trusted, "seed": 1} | more)
    return poisoning.accuracy(found, sets.test), poisoning.attack_success(found, poisoned, sets.test)


@pytest.fixture(scope="module")
def before(sets, stamped, owned) -> float:
    """The clean accuracy of the network with the backdoor, of which it is seen that it is one."""
    assert poisoning.attack_success(owned, stamped, sets.test) > 0.95
    return poisoning.accuracy(owned, sets.test)


class TestByWhatWasFound:
    @pytest.mark.parametrize("name", ["removal", "relabelling"])
    def test_a_backdoor_dies_where_all_of_it_was_found(self, name, sets, stamped, owned, before):
        clean, success = cleaned(name, sets, stamped, owned)
        assert success < 0.05 and clean > before - 0.03

    def test_relabelling_repairs_flips(self, sets, flipped, misled, honest):
        poisoned = poisoning.accuracy(misled, sets.test)
        clean, _ = cleaned("relabelling", sets, flipped, misled)
        assert clean > poisoned + 0.005 and clean > poisoning.accuracy(honest, sets.test) - 0.02

    def test_removal_is_a_training_on_the_others(self, sets, stamped, owned):
        found = poisoning.get("removal")().clean(owned, stamped.digits, known(stamped.touched), epochs=1, seed=5)
        again = poisoning.learn(owned, stamped.digits[~stamped.touched], epochs=1, seed=5)
        x = sets.test.images[:20]
        np.testing.assert_array_equal(found.logits(x), again.logits(x))

    @pytest.mark.parametrize("name", ["removal", "relabelling"])
    def test_where_all_is_flagged_nothing_is_left(self, name, stamped, owned):
        with pytest.raises(InputError, match=r"All 3,000 digits are flagged.*flags fewer"):
            poisoning.get(name)().clean(owned, stamped.digits, known(np.ones(3000, bool)))

    def test_findings_of_another_set_are_refused(self, stamped, owned):
        with pytest.raises(InputError, match=r"findings are of 10 digits and there are 3,000"):
            poisoning.get("removal")().clean(owned, stamped.digits, known(np.ones(10, bool)))


class TestFinePruning:
    def test_the_sleepiest_are_pruned_and_no_more_than_may_be_lost(self, sets, owned):
        pruning = poisoning.get("fine_pruning")(loss=0.04)
        pruned = pruning.prune(owned, sets.trusted)
        (kernel, bias), (old, _) = (each.keras.layers[-2].get_weights() for each in (pruned, owned))
        gone = ~(kernel.any(axis=0) | bias.astype(bool))
        awake = np.abs(features.of(features.halves(owned)[0], sets.trusted.images)).mean(axis=0)
        assert gone.any() and not gone.all() and awake[gone].max() <= awake[~gone].min()
        np.testing.assert_array_equal(kernel[:, ~gone], old[:, ~gone])
        allowed = poisoning.accuracy(owned, sets.trusted) - 0.04
        assert poisoning.accuracy(pruned, sets.trusted) >= allowed
        further = pruning.prune(owned, sets.trusted).keras
        weights = further.layers[-2].get_weights()
        for each in weights:
            each[..., np.argmin(np.where(gone, np.inf, awake))] = 0.0
        further.layers[-2].set_weights(weights)
        assert poisoning.accuracy(Classifier(further), sets.trusted) < allowed, "one more could have been pruned"

    def test_channels_that_nothing_needs_go_and_the_one_that_is_read_stays(self, six_hundred):
        """Channel 0 sees the ink and is read, channel 1 sees half as much and is not, and channel 2 sees nothing."""
        model = build(keras.layers.Conv2D(3, 1, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(10))
        reads = np.zeros((28, 28, 3, 10))
        reads[:, :, 0] = np.random.default_rng(0).standard_normal((28, 28, 10))
        eyes = np.array([1.0, 0.5, -1.0]).reshape(1, 1, 1, 3)
        model.set_weights([eyes, np.zeros(3), reads.reshape(-1, 10), np.zeros(10)])
        network = Classifier(model, name="by hand")
        own = Digits(six_hundred.images, network.predict(six_hundred.images))
        pruned = poisoning.get("fine_pruning")(loss=0.0).prune(network, own)
        assert pruned.keras.layers[0].get_weights()[0].ravel().tolist() == [1.0, 0.0, 0.0]
        np.testing.assert_array_equal(network.keras.layers[0].get_weights()[0], eyes.astype(np.float32))

    def test_the_pruned_stay_asleep_when_it_is_tuned(self, sets, owned):
        pruning = poisoning.get("fine_pruning")()
        tuned = pruning.clean(owned, sets.trusted, trusted=sets.trusted, epochs=2)
        gone = ~pruning.prune(owned, sets.trusted).keras.layers[-2].get_weights()[0].any(axis=0)
        assert gone.any() and not tuned.keras.layers[-2].get_weights()[0][:, gone].any()


class TestFromAFewCleanDigits:
    def test_unlearning_takes_the_backdoor_and_leaves_the_digits(self, sets, stamped, owned, before):
        clean, success = cleaned("unlearning", sets, stamped, owned)
        assert success < 0.2 and clean > before - 0.03

    def test_fine_tuning_leaves_most_of_the_backdoor(self, sets, stamped, owned, before):
        clean, success = cleaned("fine_tuning", sets, stamped, owned)
        assert success > 0.6 and clean > before - 0.05

    def test_fine_tuning_goes_on_from_what_was_learnt(self, sets, owned):
        tuned = poisoning.get("fine_tuning")().clean(owned, sets.train, trusted=sets.trusted, epochs=1)
        assert poisoning.accuracy(tuned, sets.test) > 0.85  # one epoch of 500 digits alone would not teach that


class TestWhoWatches:
    @pytest.mark.parametrize("name", ["relabelling", "unlearning", "removal", "fine_tuning", "fine_pruning"])
    def test_he_hears_rising_shares_up_to_the_whole(self, name, sets, stamped, owned):
        heard = []
        cleaned(name, sets, stamped, owned, epochs=1, watch=lambda done, total, _: heard.append(done / total))
        assert heard == sorted(heard) and 0 < heard[0] < 0.2 and heard[-1] == 1.0

    @pytest.mark.parametrize(("name", "end"), [("relabelling", 0.3), ("relabelling", 0.6), ("unlearning", 0.3)])
    def test_his_end_is_that_of_all_stages(self, name, end, sets, stamped, owned):
        heard = []

        def watch(done, total, metrics):
            heard.append(done / total)
            return heard[-1] < end

        clean, _ = cleaned(name, sets, stamped, owned, epochs=2, watch=watch)
        assert max(heard[:-1]) < end <= heard[-1], "something went on when it was ended"
        assert clean > 0.4, "what is handed back has not learnt to read digits"

    def test_unlearning_by_findings_looks_for_no_class_again(self, sets, owned):
        few = sets.trusted
        found = poisoning.get("neural_cleanse")(steps=10).find(owned, few)
        for findings, stages in ((None, 5), (found, 4)):
            heard = []
            poisoning.get("unlearning")(steps=10, rounds=2).clean(
                owned, few, findings, trusted=few, epochs=1, watch=lambda *news, heard=heard: heard.append(news)
            )
            done, total, _ = heard[0]  # a search of ten steps tells of itself once, at its end
            assert total == stages * done
