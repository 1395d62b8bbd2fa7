"""How every attack runs: watched, stopped on the way, and with graphs that are traced once."""

import numpy as np
import pytest

from core import attacks, knobs
from tests.support import WITH_NORM, attacked, next_class, quick, realistic, spread


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
        # Who is watched looks at other moments which digits are done, and a batch of another size rounds otherwise.
        unwatched = attacked(name, norm, plain, few)
        np.testing.assert_allclose(watched.adversarial, unwatched.adversarial, atol=1e-6)

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
        for value in spread(knob):
            run(**{knob.name: value})
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
