"""The film of one attack: the iterates that it kept, what the network says of each, and what each had cost by then."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from core import norms
from core.errors import InputError
from core.result import TOLERANCE, Result
from pages.components import cache, packing
from pages.components.jobs import Job
from pages.components.kept import Kept
from pages.components.question import Question

Scene = tuple[Question, float]  # what is filmed: an attack on a digit, and ε

#: All visitors' finished films.
FILMS = Kept(128)
_FRAMES = 120  # of a film, at most
_EVERY = 0.4  # seconds between two looks at a film that is still being made


def shoot(scene: Scene, watch: Callable[[int, int, np.ndarray], bool | None] | None = None) -> dict[str, Any]:
    """Run the attack and give its film (see _film). Raises InputError where it cannot be run so."""
    asked, eps = scene
    model = cache.model(asked.model)
    start = time.perf_counter()
    result = asked.instance(
        model,
        asked.x[None],
        np.array([asked.label]),
        eps=eps,
        norm=asked.norm,
        target=None if asked.target is None else np.array([asked.target]),
        seed=asked.seed,
        watch=watch,
        path=True,
    )
    seconds = time.perf_counter() - start
    images, at = _cut(result)
    forwards, gradients = int(result.forwards[0]), int(result.gradients[0])
    unit = "gradients" if 0 < gradients == forwards else "passes" if gradients else "queries" if forwards else "steps"
    spent = {
        "unit": unit,
        "end": forwards or int(at[-1]),
        "forwards": forwards,
        "gradients": gradients,
        "ms": round(1e3 * seconds, 1),
    }
    return {**_film(scene, images, at), **spent, "notes": " ".join(result.notes)}


def run(job: Job, scene: Scene, others: Iterable[Scene]) -> None:
    """Film one attack, handing in what has come of it now and then, and then the others; all that end are kept.

    The parts are pairs of a scene and its film; of a scene that cannot be filmed, and the sentence why.
    """
    for each in (scene, *others):
        if not job.wanted:
            return
        if FILMS.get(each) is not None:
            continue
        try:
            film = shoot(each, _watch(job, each) if each == scene else lambda *_: job.wanted)
        except InputError as fault:
            if each == scene:
                raise
            job.hand_in((each, str(fault)))
            continue
        if job.wanted:
            FILMS.put(each, film)
        elif each != scene:
            return  # cut short: it tells nothing of what the attack would have come to
        job.hand_in((each, {**film, "stopped": not job.wanted}))


def _watch(job: Job, scene: Scene) -> Callable[[int, int, np.ndarray], bool]:
    """A watch that reports, and hands in the film so far; its counts are the attack's own progress, not queries."""
    seen: list[tuple[int, np.ndarray]] = [(0, scene[0].x)]
    last = time.monotonic()

    def watch(done: int, total: int, x: np.ndarray) -> bool:
        nonlocal last
        if done > seen[-1][0]:
            seen.append((done, np.array(x[0], np.float32)))
        if len(seen) > 2 * _FRAMES:
            del seen[1:-1:2]
        if time.monotonic() - last > _EVERY:
            last = time.monotonic()
            images, at = np.stack([image for _, image in seen]), np.array([count for count, _ in seen])
            job.hand_in((scene, {**_film(scene, images, at), "unit": "progress", "end": total}))
        return job.report(done, total)

    return watch


def _cut(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """The frames (k, 28, 28, 1) and what was spent by each (k,), rising: the kept iterates, and at last the answer."""
    assert result.path is not None, "a film is made of a path"
    images, forwards = result.path[:, 0], int(result.forwards[0])
    told = None if result.path_forwards is None else result.path_forwards[:, 0]
    if not forwards:
        at = np.arange(len(images))  # the network was not asked at all: the attack's own steps
    elif told is None or (len(told) > 1 and told[0] == told[-1]):
        at = np.rint(np.linspace(0, forwards, len(images))).astype(int)  # it did not say: evenly spread
    else:
        at = told
    if np.abs(images[-1] - result.adversarial[0]).max() > TOLERANCE:
        images = np.concatenate([images, result.adversarial])
        at = np.append(at, max(forwards, at[-1]) if forwards else at[-1] + 1)
    keep = np.flatnonzero(np.append(np.diff(at) > 0, True))  # of frames at the same count the last
    return images[keep], at[keep]


def _film(scene: Scene, images: np.ndarray, at: np.ndarray) -> dict[str, Any]:
    """A film as the browser plays it: pictures and probabilities as base64 of bytes, a number a frame else.

    at: what was spent by each frame; size: of its change, in `measure`; won: read as the attacker wants, and within ε;
    first: the first such frame, or None. The network is asked once about all frames: the page asks, not the attack.
    """
    asked, eps = scene
    norm = norms.get(asked.norm)
    measure = norm if norm.of_pixels else norms.get("l2")  # of a warp the pixels tell no size: how far they moved
    images, at = images.astype(np.float64), np.asarray(at)
    told = cache.model(asked.model).probabilities(np.concatenate([asked.x[None], images]).astype(np.float32))
    before, probabilities = told[0], told[1:]
    change = images - asked.x
    size, read = measure.size(change), probabilities.argmax(axis=1)
    wanted = (read != asked.label) & (before.argmax() == asked.label) if asked.target is None else read == asked.target
    won = wanted & (size <= eps + TOLERANCE) if norm.of_pixels else wanted
    if len(at) > _FRAMES:
        keep = np.unique(np.rint(np.linspace(0, len(at) - 1, _FRAMES)).astype(int))
        keep = np.union1d(keep, np.flatnonzero(won)[:1])
        at, change, probabilities, size, won = (each[keep] for each in (at, change, probabilities, size, won))
    shares, scales = packing.quantised(change)
    hits = np.flatnonzero(won)
    return {
        "original": packing.grey(asked.x),
        "before": packing.coded(before.astype(np.float32)),
        "change": shares,
        "scales": scales,
        "probabilities": packing.coded(probabilities.astype(np.float32)),
        "at": at.tolist(),
        "end": int(at[-1]),
        "size": size.tolist(),
        "linf": norms.get("linf").size(change).tolist(),
        "l2": norms.get("l2").size(change).tolist(),
        "touched": packing.touched(change),
        "won": won.tolist(),
        "first": int(hits[0]) if len(hits) else None,
        "reads": int(probabilities[-1].argmax()),
        "measure": measure.name,
    }
