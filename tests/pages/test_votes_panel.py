"""The panel of randomised smoothing: the votes as they come, what they prove, and what is said of them."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import attacks, defenses
from pages.components import cache, jobs, session, votes_panel, voting
from pages.components.jobs import Job
from pages.components.pending import Pending
from pages.components.voting import Ballot
from tests.pages.driving import answer, calm, choose, finished, told


def panel(link: str = "digit=3500&model=plain_mlp", **picks) -> AppTest:
    def page() -> None:
        from pages.components import session, votes_panel

        votes_panel.draw(session.current())

    at = AppTest.from_function(page, default_timeout=120)
    for part in link.split("&"):
        name, _, value = part.partition("=")
        at.query_params[name] = value
    at.session_state["picks_votes"] = {"model": "plain_mlp", "sigma": 0.25, **picks}
    return calm(at.run())


def ballot(model: str = "plain_mlp", sigma: float = 0.25, samples: int = 1000) -> Ballot:
    x = session.View(index=3500).x
    return Ballot(model, cache.model(model).version, x.tobytes(), sigma, samples, seed=0)


def test_the_votes_are_those_of_the_certificate():
    at = panel()
    data = told(at, "votes")
    assert data["voted"] == 0 and "1,000 noisy copies" in data["said"][0]
    data = told(finished(answer(at, "votes", event="run", value=data["key"]), "voting"), "votes")
    x = session.View(index=3500).x
    vote = defenses.get("smoothing")(sigma=0.25, samples=1000).vote(cache.model("plain_mlp"), x[None])
    assert data["counts"] == vote.counts[0].tolist() and sum(data["counts"]) == data["voted"] == 1000
    assert data["whole"] and data["choice"] == vote.choice[0] and data["kind"] == "held"
    shown = float(data["said"][1].removeprefix("within ").removesuffix(" in L2"))
    assert vote.radius[0] - 0.011 < shown <= vote.radius[0]
    other = told(panel(), "votes")  # another visitor
    assert other["counts"] == data["counts"] and other["whole"]


def test_votes_are_handed_in_as_they_come_and_a_part_of_them_proves_nothing():
    asked = ballot(samples=10_000)
    job = Job(lambda job: None, "nobody")
    hand_in = job.hand_in
    job.hand_in = lambda part: (hand_in(part), len(job.parts) == 2 and job.cancel())[0]
    voting.vote(asked, cache.model("plain_mlp"))(job)
    assert [part["done"] for part in job.parts] == [500, 1000] and voting.OUTCOMES.get(asked) is None
    at = panel(samples=10_000)
    job.state = jobs.CANCELLED
    at.session_state["voting"] = Pending(asked, job, stopped=True)
    data = told(calm(at.run()), "votes")
    assert data["voted"] == 1000 == sum(data["counts"]) and data["stopped"] and not data["whole"]
    assert data["choice"] is None and "cut short proves nothing" in data["said"][0]


WON = "8,713 of 10,000 noisy copies are read as 7"


@pytest.mark.parametrize(
    ("label", "abstains", "kind", "said"),
    [
        (7, False, "held", "{}: proven within 0.87 in L2."),
        (3, False, "fooled", "{}, and it is a 3: the vote itself is wrong, and stays so within 0.87 in L2."),
        (7, True, "", "Abstains: {}, and no majority is proven."),
    ],
)
def test_the_verdict_says_what_is_proven_and_of_which_class(label, abstains, kind, said):
    outcome = {"counts": [0] * 7 + [8713, 1287, 0], "choice": 7, "abstains": abstains, "radius": 0.8799}
    found, words = votes_panel._verdict(label, ballot(samples=10_000), outcome, 10_000, over=True)
    assert (found, "".join(words)) == (kind, said.format(WON))


def test_the_attacked_digit_is_the_pages_own_at_its_budget():
    at = panel("digit=3500&model=plain_mlp&attack=fgsm&eps=0.100", digit="Attacked")
    view = at.session_state[session.KEY]
    result = attacks.get("fgsm")()(cache.model("plain_mlp"), view.x[None], np.array([view.y]), eps=0.1, norm="linf")
    assert np.abs(voting.attacked(view) - result.adversarial[0]).max() < 0.003
    clean = told(choose(at, "votes_digit", "Clean"), "votes")["noisy"]
    assert told(choose(at, "votes_digit", "Attacked"), "votes")["noisy"] != clean


def test_more_noise_is_another_vote_and_looks_noisier():
    quiet, loud = (voting.noisy(ballot(sigma=sigma)) - ballot().x for sigma in (0.25, 1.0))
    assert np.abs(quiet).mean() < np.abs(loud).mean()
    at = finished(answer(panel(), "votes", event="run", value="x"), "voting")
    data = told(choose(at, "votes_sigma", 1.0), "votes")
    assert data["voted"] == 0 and not data["whole"] and "voting" not in at.session_state


def test_a_network_that_has_gone_says_so_and_the_picks_stay():
    at = panel()
    at.session_state["picks_votes"] = {"model": "own-000000000000"}
    at = calm(at.run())
    assert "no longer kept" in at.error[0].value
    assert told(choose(at, "votes_model", "plain_mlp"), "votes")["total"] == 1000
