"""Long work beside the page: its order, its place in the queue, its progress, its end."""

import threading
import time

import pytest

from core.errors import InputError
from pages.components import jobs
from pages.components.jobs import Job, Queue
from pages.components.pending import Pending


def until(true, seconds: float = 10.0) -> None:
    """Wait for a condition, or fail."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "It never came true."
        time.sleep(0.005)


class Gate:
    """Work that waits to be let through, and remembers who came in which order."""

    def __init__(self):
        self.open, self.order = threading.Event(), []

    def work(self, name: str):
        def run(job: Job) -> str:
            self.order.append(name)
            assert self.open.wait(10)
            return name

        return run


def test_jobs_start_in_order_and_tell_their_place():
    queue, gate = Queue(workers=1), Gate()
    made = [queue.submit(gate.work(name), owner=name) for name in "abc"]
    until(lambda: made[0].state == jobs.RUNNING)
    assert [queue.place(job) for job in made] == [0, 0, 1]
    assert [job.state for job in made] == [jobs.RUNNING, jobs.WAITING, jobs.WAITING]
    gate.open.set()
    until(lambda: all(job.over for job in made))
    assert gate.order == ["a", "b", "c"] and [job.result for job in made] == ["a", "b", "c"]


def test_only_a_job_that_others_keep_from_beginning_is_crowded_out():
    queue, gate = Queue(workers=2), Gate()
    made = [queue.submit(gate.work(name), owner=name) for name in "ab"]
    assert not any(queue.crowded(job) for job in made)  # begun or not, a worker is there for each
    until(lambda: len(gate.order) == 2)
    third = queue.submit(gate.work("c"), owner="c")
    assert queue.crowded(third) and not any(queue.crowded(job) for job in made)
    gate.open.set()
    until(lambda: third.over)
    assert not queue.crowded(third)


def test_a_job_that_nobody_wants_is_not_before_anybody():
    queue, gate = Queue(workers=1), Gate()
    first, left, last = (queue.submit(gate.work(name), owner=name) for name in "abc")
    until(lambda: first.state == jobs.RUNNING)
    assert queue.place(last) == 1
    left.cancel()
    assert queue.place(last) == 0
    gate.open.set()
    until(lambda: last.over)


def test_no_more_run_at_once_than_there_are_workers():
    queue, gate = Queue(workers=2), Gate()
    made = [queue.submit(gate.work(name), owner=name) for name in "abcd"]
    until(lambda: len(gate.order) == 2)
    time.sleep(0.05)
    assert [job.state for job in made].count(jobs.RUNNING) == 2
    gate.open.set()
    until(lambda: all(job.over for job in made))


def test_an_owners_second_job_lets_another_owners_first_pass():
    queue, gate = Queue(workers=1), Gate()
    first = queue.submit(gate.work("ann 1"), owner="ann")
    until(lambda: first.state == jobs.RUNNING)
    late = [queue.submit(gate.work(f"ann {n}"), owner="ann") for n in (2, 3)]
    other = queue.submit(gate.work("bob"), owner="bob")
    assert queue.place(other) == 0 and [queue.place(job) for job in late] == [1, 2]
    gate.open.set()
    until(lambda: all(job.over for job in (*late, other)))
    assert gate.order == ["ann 1", "bob", "ann 2", "ann 3"]


def test_a_cancelled_job_stops_at_its_next_report_and_keeps_its_parts():
    def work(job: Job) -> str:
        for step in range(10_000):
            if not (job.hand_in(step) and job.report(step, 10_000)):
                return "stopped"
            time.sleep(0.001)
        return "finished"

    job = Queue(workers=1).submit(work, owner="ann")
    until(lambda: len(job.parts) > 3)
    job.cancel()
    until(lambda: job.over)
    assert job.state == jobs.CANCELLED and job.result == "stopped" and 3 < len(job.parts) < 10_000
    assert job.total == 10_000


def test_a_waiting_job_that_is_cancelled_never_runs():
    queue, gate = Queue(workers=1), Gate()
    queue.submit(gate.work("first"), owner="ann")
    second = queue.submit(gate.work("second"), owner="bob")
    second.cancel()
    gate.open.set()
    until(lambda: second.over)
    assert second.state == jobs.CANCELLED and "second" not in gate.order


def test_a_job_whose_page_has_gone_is_not_wanted_nor_ever_again(monkeypatch):
    """What was told to stop has stopped: a page that comes back must not take its half for the whole."""

    def work(job: Job) -> str:
        assert job.report(1, 2)
        monkeypatch.setattr(jobs, "ABANDONED", 0.0)
        half = "whole" if job.report(1, 2) else "half"
        monkeypatch.undo()
        job.look()
        assert not job.report(1, 2)
        return half

    job = Job(work, owner="ann")
    job.run()
    assert (job.state, job.result) == (jobs.CANCELLED, "half")


def test_a_job_that_never_heard_that_its_page_was_gone_is_done(monkeypatch):
    job = Job(lambda job: "whole", owner="ann")
    monkeypatch.setattr(jobs, "ABANDONED", 0.0)
    job.run()
    assert (job.state, job.result) == (jobs.DONE, "whole")


def test_faults_end_in_the_job_as_sentences_and_the_queue_goes_on():
    queue = Queue(workers=1)

    def refused(job: Job) -> None:
        raise InputError("eps is -1; a number from 0 to 1 was expected.")

    def broken(job: Job) -> None:
        raise ZeroDivisionError("secret")

    first, second, third = (queue.submit(work, owner="ann") for work in (refused, broken, lambda job: 5))
    until(lambda: third.over)
    assert (first.state, first.fault) == (jobs.FAILED, "eps is -1; a number from 0 to 1 was expected.")
    assert second.state == jobs.FAILED and second.fault is not None
    assert "secret" not in second.fault and second.fault.endswith(".")
    assert third.state == jobs.DONE and third.result == 5


@pytest.mark.parametrize("count", [1, 60, 1500])
def test_a_jobs_attack_keeps_to_its_own_thread(count):
    import numpy as np

    from core.attacks._parts import side_by_side

    job = Queue(workers=1).submit(
        lambda job: side_by_side(lambda part: threading.current_thread().name, np.arange(count)), owner="ann"
    )
    until(lambda: job.over)
    assert set(job.result) == {"job-0"}


@pytest.mark.parametrize(
    ("taken", "done", "left", "said"),
    [
        (1.0, 50, None, ""),
        (10.0, 0, None, ""),
        (10.0, 100, None, ""),
        (10.0, 50, 10.0, "about 10 s left"),
        (12.0, 50, 12.0, "about 15 s left"),
        (10.0, 5, 190.0, "about 3 min left"),
    ],
)
def test_what_is_left_goes_by_what_it_has_taken(monkeypatch, taken, done, left, said):
    def work(job: Job) -> None:
        monkeypatch.setattr(jobs.time, "monotonic", lambda: began + taken)
        job.report(done, 100)
        assert job.left == (left if left is None else pytest.approx(left)) and Pending("", job).left == said

    job, began = Job(work, "nobody"), time.monotonic()
    monkeypatch.setattr(jobs.time, "monotonic", lambda: began)
    assert job.left is None  # it has not begun
    job.run()
    assert job.state == jobs.DONE and Pending("", job).left == ""


# ---------------------------------------------------------------------------- who waits for an attack goes first
def test_a_job_stands_back_until_nobody_waits():
    awaited, order = jobs._Awaited(), []

    def stand_back() -> None:
        awaited.stand_back(60)
        order.append("job")

    with awaited.one(), awaited.one():
        thread = threading.Thread(target=stand_back)
        thread.start()
        awaited.stand_back(0.01)  # there is an end to it all the same
        order.append("visitor")
    thread.join(30)
    assert order == ["visitor", "job"]
    awaited.stand_back(60)  # nobody waits: at once


def test_a_job_stands_back_for_no_longer_than_it_has_worked(monkeypatch):
    asked, now = [], 100.0
    monkeypatch.setattr(jobs.AWAITED, "stand_back", asked.append)
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now)

    def work(job: Job) -> None:
        nonlocal now
        for taken in (0.125, 0.25, 5.0):
            now += taken
            job.report(1, 2)

    job = Job(work, "nobody")
    job.report(0, 1)  # not at work yet
    job.run()
    assert asked == [0.125, 0.25, jobs._MOST]
