"""The random numbers of the attacks: those of an image are its own, and they are what their names say."""

import numpy as np

from core.seeds import Stream


def test_streams_of_some_images_are_theirs_whoever_else_draws(few):
    stream = Stream(few[0], 3)
    some = stream.of(np.array([2, 5]), 7)
    alone = Stream(few[0][5:6], 3).of(np.array([0]), 7)
    np.testing.assert_array_equal(some.uniform(9)[1], alone.uniform(9)[0])
    np.testing.assert_array_equal(some.rough_normal(9)[1], alone.rough_normal(9)[0])
    other = stream.of(np.array([2, 5]), 8).uniform(9)
    assert (other != stream.of(np.array([2, 5]), 7).uniform(9)).all()


def test_rough_normal_numbers_are_normal(few):
    drawn = Stream(few[0], 1).rough_normal(30001)
    assert drawn.shape == (len(few[0]), 30001) and drawn.dtype == np.float32
    for moment, wanted in ((1, 0), (2, 1), (3, 0), (4, 3)):
        assert abs((drawn.astype(np.float64) ** moment).mean() - wanted) < 0.05
    assert abs(np.corrcoef(drawn[:, :-1].ravel(), drawn[:, 1:].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(drawn)[~np.eye(len(drawn), dtype=bool)]).max() < 0.03
