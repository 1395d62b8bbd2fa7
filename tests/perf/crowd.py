"""Three visitors at once: what two long attacks in the queue do to a third visitor's FGSM."""

import os
import time
from statistics import median

ROUNDS = 40


def main() -> None:
    """Print a sweep of FGSM alone, and while two visitors' AutoAttacks run."""
    # As pages.components.runtime sets it, before TensorFlow starts; of no effect where another part has started it.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    from core import attacks, sweep, zoo
    from pages.components.jobs import QUEUE, RUNNING, WAITING, Job
    from tests.support import some_digits

    model, hardened = zoo.load("plain_cnn"), zoo.load("hardened_cnn")
    x, y = some_digits(ROUNDS + 2)
    fgsm, long = attacks.get("fgsm")(), attacks.get("autoattack")()

    def timed(which: int) -> float:
        start = time.perf_counter()
        sweep.sweep(model, x[which], int(y[which]), fgsm)
        return 1e3 * (time.perf_counter() - start)

    def heavy(job: Job) -> None:
        while job.wanted:  # until the third visitor has been measured
            sweep.sweep(hardened, x[ROUNDS], int(y[ROUNDS]), long, watch=job.report)

    timed(0)
    alone = [timed(which) for which in range(ROUNDS)]
    visitors = [QUEUE.submit(heavy, owner) for owner in ("first", "second")]
    time.sleep(5)  # their graphs are traced by then
    beside = []
    for which in range(ROUNDS):
        for job in visitors:
            job.look()
        beside.append(timed(which))
    states = [job.state for job in visitors]
    for job in visitors:
        job.cancel()
        job.wait(60)
    print(
        f"\nA sweep of FGSM, {ROUNDS} digits, {model.name}, beside two visitors' AutoAttack sweeps of {hardened.name}"
    )
    print(f"running {states.count(RUNNING)}, in the queue {states.count(WAITING)}")
    print(
        f"alone {median(alone):.1f} ms, beside them {median(beside):.1f} ms: {median(beside) / median(alone):.2f} times"
    )
