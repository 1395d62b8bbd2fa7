"""Work in stages: one person hears one piece of work, and ends all of it."""

from core.stages import Stages


def test_what_a_stage_tells_is_heard_as_a_part_of_the_whole():
    heard = []
    stages = Stages(lambda *news: heard.append(news), 3)
    for steps in (4, 2, 1):  # each stage counts in steps of its own
        stage = stages.next()
        assert stage(1, steps, {"loss": 0.5}) is True and stage(steps, steps, {}) is True
    assert heard[0] == (1, 12, {"loss": 0.5})
    assert [done / total for done, total, _ in heard] == [1 / 12, 1 / 3, 1 / 2, 2 / 3, 1.0, 1.0]
    assert not stages.stopped


def test_only_false_ends_it_and_then_nothing_more_is_heard():
    heard = []

    def watch(done, total, metrics):
        heard.append(done / total)
        return False if done / total >= 0.5 else None

    stages = Stages(watch, 2)
    first = stages.next()
    assert first(1, 2, {}) is True and not stages.stopped
    assert first(2, 2, {}) is False and stages.stopped
    assert stages.next()(1, 2, {}) is False, "a stage that begins after the end was not told of it"
    assert heard == [0.25, 0.5]


def test_nobody_need_watch():
    stages = Stages(None, 2)
    assert stages.next()(1, 1, {}) is True and stages.next()(1, 1, {}) is True and not stages.stopped
