"""What may go wrong on a server: each costs the job that it hits, is said in a sentence, and nothing else is lost."""

import time
from dataclasses import replace

import pytest

from core import zoo
from pages.components import infecting, jobs, kept, long_sweep, own_models, schooling, session, story
from pages.components.jobs import Job, Queue
from tests.full_disk import full_disk
from tests.pages.driving import answer, button, calm, choose, data, finished, opened, told, view
from tests.pages.infected import made

DEATHS = (MemoryError(), SystemExit(1), KeyboardInterrupt(), RuntimeError("secret"))
deaths = pytest.mark.parametrize("death", DEATHS, ids=lambda death: type(death).__name__)


def dies(death: BaseException):
    def work(job: Job, *_: object) -> None:
        job.report(1, 2)
        raise death

    return work


def ended(at, place: str):
    """The page once the work at that place is over, however it ended."""
    end = time.monotonic() + 60
    while not at.session_state[place].over:
        assert time.monotonic() < end
        time.sleep(0.02)
    return calm(at.run())


# ------------------------------------------------------------------------------------------- a worker dies at its work
@deaths
def test_a_worker_that_dies_leaves_the_queue_to_others(death):
    queue = Queue(workers=1)
    lost, other = queue.submit(dies(death), owner="ann"), queue.submit(lambda job: "done", owner="bob")
    assert other.wait(10) and other.result == "done"
    assert lost.state == jobs.FAILED and lost.fault and lost.fault.endswith(".") and "secret" not in lost.fault


@deaths
@pytest.mark.parametrize(
    ("page", "module", "press", "place"),
    [("defend", schooling, "school_train", "schooling"), ("poison", infecting, "poison_train", "infecting")],
)
def test_a_training_that_dies_is_said_and_can_be_begun_again(page, module, press, place, death, monkeypatch):
    at = opened("digit=2003&attack=fgsm&eps=0.100", page)
    before = view(at)
    with monkeypatch.context() as patch:
        patch.setattr(module, "run", dies(death))
        at = ended(button(at, press), place)
    sentences = [each.value for each in at.error]
    assert len(sentences) == 1 and sentences[0].endswith(".") and "secret" not in sentences[0]
    assert view(at) == before and at.button(key=press)
    monkeypatch.setattr(module, "run", lambda job, *_: job.report(1, 2) and None)
    at = ended(button(at, press), place)
    assert not at.error


# --------------------------------------------------------------------------------------------------- the disk is full
def test_what_a_visitor_takes_away_is_made_in_memory():
    at, infected = opened("", "benchmark"), made()
    with full_disk(0):
        for kind in ("csv", "json", "html"):
            taken = told(answer(at, "scoreboard", event="take", value=kind), "scoreboard")["taken"]
            assert taken["kind"] == kind and len(taken["text"]) > 1000
        assert story.picture(infected, {"headline": "Nothing", "sentence": "At all."}).startswith(b"\x89PNG")


# ------------------------------------------------------------------------------------------ a visitor's time has passed
def test_a_network_that_is_kept_no_longer_is_said_and_others_work():
    at = opened("digit=2003&attack=fgsm&eps=0.100")
    gone = own_models.PREFIX + "000000000000"
    at.session_state[session.KEY] = replace(view(at), model=gone)
    for page in ("attack", "compare", "blackbox", "landscape", "defend"):
        at = calm(at.switch_page(f"pages/{page}.py").run())
        assert any("no longer kept" in each.value for each in at.error), page
        assert view(at).model == gone and view(at).y == 4
    at = choose(calm(at.switch_page("pages/attack.py").run()), "pick_model", zoo.FIRST)
    assert not at.error and data(at)["eps"] == pytest.approx(0.1)


def test_what_all_visitors_memory_has_forgotten_is_worked_out_anew(monkeypatch):
    monkeypatch.setattr(long_sweep, "_kept", kept.Kept(1))
    at = finished(opened("digit=2003&attack=square&queries=300&eps=0.100&seed=77"), "long_sweep")
    first = data(at)["sweep"]
    monkeypatch.setattr(long_sweep, "_kept", kept.Kept(1))
    was = at.session_state["long_sweep"]
    at = button(button(at, "digit_2"), "digit_4")
    at = finished(at, "long_sweep")
    assert at.session_state["long_sweep"] is not was
    assert data(at)["sweep"]["change"] == first["change"]
