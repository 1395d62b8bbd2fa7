"""Long work that a page left behind, came back to, or stopped: the same on every page that waits for some."""

import pytest
from streamlit.testing.v1 import AppTest

from pages.components import jobs, pending
from pages.components.pending import Pending
from tests.pages.driving import answer, button, calm, opened, told

#: Each page with the place of its work, and how the visitor stops it.
PLACES = {
    "attack": ("long_sweep", lambda at: button(at, "stop_sweep")),
    "compare": ("comparison", lambda at: answer(at, "gallery", event="stop", value="x")),
    "blackbox": ("filming", lambda at: answer(at, "film", event="stop", value="x")),
    "landscape": ("survey", None),
}
WAITS = pytest.mark.parametrize("page", PLACES)
STOPS = pytest.mark.parametrize("page", [page for page, (_, stop) in PLACES.items() if stop])


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch):
    """Jobs wait until a test does them; a memory of earlier ones would spare the page some."""
    monkeypatch.setattr(jobs.QUEUE, "submit", lambda work, owner, patience=None: jobs.Job(work, owner, patience))
    monkeypatch.setattr(jobs.Job, "wait", lambda job, seconds: False)


def visited(page: str, seed: int) -> AppTest:
    at = opened(f"digit=3510&attack=square&queries=321&knows=scores&seed={seed}")
    return calm(at.switch_page(f"pages/{page}.py").run())


def waits_for(at: AppTest, page: str) -> Pending:
    found = at.session_state[PLACES[page][0]]
    assert found.job is not None
    return found


def end(found: Pending) -> None:
    """The queue comes to a job that nobody wants."""
    assert found.job is not None and not found.job.wanted
    found.job.state = jobs.CANCELLED
    found.job.end()


@WAITS
def test_the_same_picks_wait_for_the_same_work(page):
    at = visited(page, 1)
    first = waits_for(at, page)
    calm(at.run())
    assert waits_for(at, page) is first and not first.over


@WAITS
def test_work_that_ended_while_its_page_was_away_begins_anew(page, monkeypatch):
    at = visited(page, 2)
    first = waits_for(at, page)
    monkeypatch.setattr(jobs, "ABANDONED", 0.0)
    end(first)
    monkeypatch.setattr(jobs, "ABANDONED", 30.0)
    calm(at.run())
    second = waits_for(at, page)
    assert second is not first and second.asked == first.asked and not second.over


@STOPS
def test_work_that_the_visitor_stopped_stays_stopped(page):
    at = visited(page, 3)
    first = waits_for(at, page)
    PLACES[page][1](at)
    assert first.stopped
    if page != "attack":  # its job has no best so far to show before it ran
        end(first)
        calm(at.run())
        assert told(at, {"compare": "gallery", "blackbox": "film"}[page])["stopped"]
    assert waits_for(at, page) is first


@WAITS
def test_other_picks_are_other_work(page):
    at = visited(page, 4)
    first = waits_for(at, page)
    button(at, "digit_2")
    assert first.job is not None and not first.job.wanted
    assert waits_for(at, page).asked != first.asked


def test_a_matrix_that_was_stopped_can_be_asked_for_again():
    at = visited("blackbox", 5)
    answer(at, "heat", event="run", value="x")
    first = at.session_state["transferring"]
    answer(at, "heat", event="stop", value="x")
    end(first)
    calm(at.run())
    assert told(at, "heat")["stopped"] and at.session_state["transferring"] is first
    answer(at, "heat", event="run", value="x")
    assert at.session_state["transferring"] is not first and told(at, "heat")["running"]


def test_a_matrix_that_was_left_behind_goes_on(monkeypatch):
    at = visited("blackbox", 6)
    answer(at, "heat", event="run", value="x")
    first = at.session_state["transferring"]
    monkeypatch.setattr(jobs, "ABANDONED", 0.0)
    end(first)
    monkeypatch.setattr(jobs, "ABANDONED", 30.0)
    calm(at.run())
    assert at.session_state["transferring"] is not first and told(at, "heat")["running"]


def test_work_on_another_page_ends_what_was_left_and_not_a_training(monkeypatch):
    """On few cores it would have to wait behind it."""
    at = visited("compare", 7)
    left = waits_for(at, "compare")
    assert left.job and left.job.wanted
    calm(at.switch_page("pages/defend.py").run())
    button(at, "school_train")
    trained = at.session_state["schooling"]
    calm(at.switch_page("pages/landscape.py").run())
    assert not left.job.wanted and trained.job.wanted and waits_for(at, "landscape").job.wanted
    monkeypatch.setattr(jobs, "ABANDONED", 0.0)
    assert trained.job.wanted and not waits_for(at, "landscape").job.wanted


class Fragment:
    """Stands in for Streamlit's: how often the page is to look."""

    def __init__(self):
        self.every: list[float | None] = []

    def __call__(self, look, run_every):
        self.every.append(run_every)
        return lambda: None


@pytest.mark.parametrize(("place", "every"), [(0, 0.3), (1, 2.0), (40, 2.0)])
def test_who_waits_in_the_queue_looks_less_often(place, every, monkeypatch):
    fragment = Fragment()
    found = Pending("asked", jobs.Job(lambda job: None, "ann"))
    monkeypatch.setattr(pending.st, "fragment", fragment)
    monkeypatch.setattr(pending.st, "session_state", {"place": found})
    monkeypatch.setattr(jobs.QUEUE, "place", lambda job: place)
    pending.watch("place", lambda over: None, every=0.3)
    found.job.state = jobs.DONE
    pending.watch("place", lambda over: None, every=0.3)
    assert fragment.every == [every, None]


def test_nobody_is_kept_waiting_for_work_that_waits_itself(monkeypatch):
    waited = []
    monkeypatch.setattr(jobs.Job, "wait", lambda job, seconds: waited.append(seconds))
    monkeypatch.setattr(pending.st, "session_state", {"visitor": "ann"})
    for crowded in (False, True):
        monkeypatch.setattr(jobs.QUEUE, "crowded", lambda job, crowded=crowded: crowded)
        pending.of("place", crowded, lambda job: None, at_once=0.5)
    assert waited == [0.5]
