"""The panel of cleaners: who may clean what, the ledger of what came of it, and the network that is left."""

import base64
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import poisoning
from core.digits import bundled
from core.poisoning import Findings
from pages.components import cleaning_panel, cleansing, infecting, own_models, session
from pages.components.infecting import Infected
from pages.components.story_effects import Row
from tests.pages import cleaners
from tests.pages.cleaners import Hints, Rinse
from tests.pages.driving import button, calm, choose, finished, told
from tests.pages.infected import made


@pytest.fixture
def infected(monkeypatch) -> Infected:
    """A poisoned network, of few digits."""
    few = infecting.material(False)[:1200]
    monkeypatch.setattr(infecting, "material", lambda whole: few)
    return made(rate=0.1)


@pytest.fixture(autouse=True)
def made_up(monkeypatch) -> None:
    """Cleaners that are quick, and no network of anybody's."""
    cleaners.stand_in(monkeypatch)
    monkeypatch.setattr(own_models, "_all", type(own_models._all)())


def panel(infected: Infected | None, findings: Findings | None = None, pick: str = "rinse") -> AppTest:
    """A visitor whose network was poisoned."""

    def page() -> None:
        import streamlit as st

        from pages.components import cleaning_panel

        cleaning_panel.draw(st.session_state["infected"], st.session_state["findings"], "Somebody")

    at = AppTest.from_function(page, default_timeout=120)
    at.query_params["digit"] = "3500"
    at.session_state["infected"], at.session_state["findings"] = infected, findings
    at.session_state["picks_cleaning"] = {"cleaner": pick}
    return calm(at.run())


def cleaned(at: AppTest) -> AppTest:
    """The page once what is picked has cleaned."""
    button(at, "cleaning_start")
    return finished(at, "cleansing") if "cleansing" in at.session_state else at


def flagging(flagged: np.ndarray) -> Findings:
    return Findings(flagged.astype(np.float32), flagged, np.full(10, np.nan, np.float32))


def names(at: AppTest) -> list[str]:
    return [each["name"] for each in told(at, "ledger")["lines"]]


def stories(at: AppTest) -> list[Row]:
    """What the page would tell the story's picture now."""

    def page() -> None:
        import streamlit as st

        from pages.components import cleaning_panel

        st.session_state["rows"] = cleaning_panel.rows(st.session_state["infected"])

    more = AppTest.from_function(page, default_timeout=120)
    for key in ("infected", "cleansing", "cleansing_ledger", "own_models"):
        if key in at.session_state:
            more.session_state[key] = at.session_state[key]
    return calm(more.run()).session_state["rows"]


def says(at: AppTest, words: str) -> bool:
    return any(words in each.value for each in [*at.caption, *at.error])


# ----------------------------------------------------------------------------------------------------------- the ledger
def test_nothing_is_cleaned_before_something_is_poisoned():
    at = panel(None)
    assert says(at, "Once a network is poisoned") and not at.button and not at.selectbox


def test_the_ledger_begins_with_the_poisoned_network_and_ends_with_one_that_never_was(infected):
    data = told(panel(infected), "ledger")
    assert [each["name"] for each in data["lines"]] == ["Poisoned", "Never poisoned"] and data["running"] is None
    test, attack = infecting.test(), infected.poisoned.attack
    grey = np.frombuffer(base64.b64decode(data["x"]), np.uint8).reshape(6, 28, 28, 1) / 255
    labels = np.array(data["labels"])
    assert len(set(data["labels"])) == 6 and attack.target not in data["labels"]
    for x, label in zip(grey, labels, strict=True):  # each is a test digit of its class, and bears the trigger
        digits = attack.stamp(test.images[test.labels == label])
        assert np.abs(digits - x).reshape(len(digits), -1).max(axis=1).min() < 0.003
    for line, network in zip(data["lines"], (infected.owned, infected.honest), strict=True):
        assert line["clean"] == poisoning.accuracy(network, test)
        assert line["success"] == poisoning.attack_success(network, infected.poisoned, test)
        assert line["reads"] == network.predict(grey.astype(np.float32)).tolist()
    owned, honest = data["lines"]
    assert set(owned["reads"]) == {4} and honest["reads"] != owned["reads"] and owned["success"] > 0.9
    assert data["gain"] == "attack success" and "1,000 test digits" in data["words"] and "trigger" in data["words"]


def test_a_cleaned_network_stands_between_them_and_is_the_visitors_own(infected, monkeypatch):
    at = cleaned(panel(infected, flagging(infected.poisoned.touched), "sieve"))
    assert names(at) == ["Poisoned", "After: Sieve", "Never poisoned"]
    line = told(at, "ledger")["lines"][1]
    (name,) = at.session_state["own_models"]
    own = own_models.get(name)
    assert own.title == "Yours: cleaned, Sieve" and says(at, "Yours: cleaned, Sieve")
    assert line["clean"] == poisoning.accuracy(own, infecting.test()) > 0.8
    assert line["success"] == poisoning.attack_success(own, infected.poisoned, infecting.test()) < 0.2
    assert line["note"] == "120 flagged by Somebody"
    turned = []
    monkeypatch.setattr(cleaning_panel.st, "switch_page", turned.append)
    button(at, "cleaned_attack")
    assert turned == ["pages/attack.py"] and at.session_state[session.KEY].model == name


def test_the_cleaner_gets_the_poisoned_network_and_set_and_digits_that_nobody_else_sees(infected):
    cleaned(panel(infected, flagging(infected.poisoned.touched)))
    (given,) = Rinse.calls
    assert given.model is infected.owned and given.digits is infected.poisoned.digits
    assert given.findings is None  # it works on none
    trusted = {each.tobytes() for each in given.trusted.images}
    assert len(trusted) == 500 and not trusted & {each.tobytes() for each in infecting.test().images}


def test_the_last_four_cleanings_stay_to_be_compared(infected):
    def notes() -> list[str]:
        return [each["note"] for each in told(at, "ledger")["lines"]]

    def start() -> Any:
        return at.button(key="cleaning_start")

    at = cleaned(panel(infected))
    assert notes() == [""] * 3 and (start().label, start().disabled) == (
        "Cleaned",
        True,
    )  # the answer would be the same
    book = at.session_state["cleansing_ledger"]
    for strength in (2, 3, 4):  # as if they had been tried, too
        asked = replace(book.kept[0].asked, knobs=(("strength", strength),))
        book.kept.append(replace(book.kept[0], asked=asked, line=book.kept[0].line | {"note": f"Strength {strength}"}))
    at = cleaned(choose(at, "cleaning_rinse_strength", 5))
    assert notes() == ["", "Strength 2", "Strength 3", "Strength 4", "Strength 5", ""]
    # A network that had to give way to later ones can be made again, in its old line's stead.
    own_models._all.clear()
    at = choose(at, "cleaning_rinse_strength", 2)
    assert (start().label, start().disabled) == ("Clean", False) and "cleaned_attack" not in str(at.button)
    at = cleaned(at)
    assert notes() == ["", "Strength 3", "Strength 4", "Strength 5", "Strength 2", ""]


def test_the_story_gets_the_ledgers_lines_and_none_where_nothing_was_cleaned(infected):
    at = panel(infected)
    assert stories(at) == []
    at = button(choose(at, "cleaning_rinse_strength", 7), "cleaning_start")
    assert at.session_state["cleansing"].job.wait(20)  # the page has not run since
    kept = stories(at)
    assert [(each.name, each.note) for each in kept] == [
        ("Poisoned", ""),
        ("After: Rinse", "Strength 7"),
        ("Never poisoned", ""),
    ]
    owned, honest = infected.stands
    assert [each.clean for each in kept] == [owned["clean"], owned["clean"], honest["clean"]]
    assert [each.success for each in kept] == [owned["success"], owned["success"], honest["success"]]
    at = calm(at.run())
    assert names(at) == ["Poisoned", "After: Rinse", "Never poisoned"] and stories(at) == kept
    at.session_state["infected"] = replace(infected, plot=replace(infected.plot, whole=True))
    assert stories(at) == []


def test_another_poisoned_network_has_a_ledger_of_its_own(infected):
    at = cleaned(panel(infected))
    at = button(choose(at, "cleaning_cleaner", "soak"), "cleaning_start")
    job = at.session_state["cleansing"].job
    at.session_state["infected"] = replace(infected, plot=replace(infected.plot, whole=True))
    at = calm(at.run())
    assert names(at) == ["Poisoned", "Never poisoned"] and job.wait(20) and job.state == "cancelled"
    assert told(at, "ledger")["running"] is None and at.button(key="cleaning_start")


# ------------------------------------------------------------------------------------------------------ what is missing
def test_without_findings_it_says_to_look_first(infected):
    at = panel(infected, None, "sieve")
    assert at.button(key="cleaning_start").disabled and says(at, "Look for the poison first")
    at.session_state["findings"] = flagging(infected.poisoned.touched)
    at = calm(at.run())
    assert not at.button(key="cleaning_start").disabled and not says(at, "Look for the poison first")
    assert says(at, "given the 120 digits that Somebody flags and 500 other digits that somebody has looked through")


def test_other_findings_are_another_cleaning(infected):
    touched = infected.poisoned.touched
    at = cleaned(panel(infected, flagging(touched), "sieve"))
    assert at.button(key="cleaning_start").disabled
    fewer = touched & (np.cumsum(touched) <= 20)
    at.session_state["findings"] = flagging(fewer)
    at = calm(at.run())
    assert not at.button(key="cleaning_start").disabled
    at = cleaned(at)
    first, second = told(at, "ledger")["lines"][1:3]
    assert (first["note"], second["note"]) == ("120 flagged by Somebody", "20 flagged by Somebody")
    assert second["success"] > 0.5 > first["success"]
    assert [each.flagged.sum() for each in Rinse.calls] == [120, 20]
    assert cleansing.fingerprint(flagging(touched)) != cleansing.fingerprint(flagging(fewer))


def test_findings_of_the_kind_that_helps_are_given_and_no_others(infected):
    other = flagging(infected.poisoned.touched)
    at = cleaned(panel(infected, other, "sponge"))
    assert told(at, "ledger")["lines"][1]["note"] == "" and says(at, "would spare it")
    assert at.button(key="cleaning_start").disabled  # others change nothing
    at.session_state["findings"] = Hints(other.score, other.flagged, other.classes)
    at = cleaned(calm(at.run()))
    assert says(at, "It is given what Somebody has found.") and not says(at, "would spare it")
    assert [each["note"] for each in told(at, "ledger")["lines"]] == ["", "", "trigger found by Somebody", ""]
    assert [each.findings for each in Rinse.calls] == [None, at.session_state["findings"]]


def test_a_cleaning_that_is_stopped_keeps_nothing_and_says_so(infected):
    at = button(panel(infected, pick="soak"), "cleaning_start")
    running = told(at, "ledger")["running"]
    assert running["name"] == "After: Soak" and running["running"] and not says(at, "stopped")
    found = at.session_state["cleansing"]
    at = button(at, "cleaning_stop")
    assert found.job.wait(20)
    at = calm(at.run())
    assert says(at, "You stopped it, and nothing of it is kept")
    assert names(at) == ["Poisoned", "Never poisoned"] and "own_models" not in at.session_state
    assert told(at, "ledger")["running"] is None and at.selectbox(key="cleaning_cleaner").value == "soak"
    at = cleaned(choose(at, "cleaning_cleaner", "rinse"))  # it goes on from there
    assert names(at)[1] == "After: Rinse" and not says(at, "stopped")


def test_the_line_at_work_says_how_far_it_is(infected):
    at = button(panel(infected, pick="soak"), "cleaning_start")
    end = time.monotonic() + 20
    while at.session_state["cleansing"].job.done < 1 and time.monotonic() < end:
        time.sleep(0.01)
    running = told(calm(at.run()), "ledger")["running"]
    assert (running["done"], running["total"], running["place"]) == (1, 3, 0)
    at.session_state["cleansing"].drop()


def test_a_fault_is_a_sentence_and_the_picks_stay(infected):
    at = button(choose(panel(infected), "cleaning_rinse_strength", 0), "cleaning_start")
    assert at.session_state["cleansing"].job.wait(20)
    at = calm(at.run())
    assert [each.value for each in at.error] == ["There is no water. Choose a strength of at least 1."]
    assert at.slider(key="cleaning_rinse_strength").value == 0 and names(at) == ["Poisoned", "Never poisoned"]
    at = cleaned(choose(at, "cleaning_rinse_strength", 1))
    assert not at.error and names(at)[1] == "After: Rinse"


def test_of_an_attack_on_one_digit_it_is_told_whether_that_one_is_misled(infected):
    poisoned = replace(infected.poisoned, attack=poisoning.get("label_flip")(), victim=bundled()[[3503]])
    at = panel(
        replace(infected, poisoned=poisoned, stands=({"clean": 0.9, "success": 1.0}, {"clean": 0.9, "success": 0.0}))
    )
    data = told(at, "ledger")
    assert data["victim"] and data["gain"] == "victim misled" and data["labels"][0] == 7
    assert [each["success"] for each in data["lines"]] == [True, False]
