"""The Poison page: a set is touched, a network learns it, and what a client may send does no harm."""

import base64
from urllib.parse import parse_qsl

import numpy as np
import pytest

from core import digits, poisoning, zoo
from core.errors import InputError
from pages.components import infecting, own_models, samples_panel, session, trigger
from pages.components.infecting import Plot
from pages.components.jobs import Job
from tests.pages.driving import answer, button, choose, finished, opened, told

LINK = "digit=3503&model=plain_mlp"


@pytest.fixture
def small(monkeypatch):
    """A set of 600 to train on, so that a training takes a second."""
    few = infecting.material(False)[:600]
    monkeypatch.setattr(infecting, "material", lambda whole: few)


def learnt(at):
    """The page once its training is over, and once more as the page itself runs again then."""
    return finished(finished(button(at, "poison_train"), "infecting"), "infecting")


def mlp():
    return choose(opened(LINK, "poison"), "pick_victim", "plain_mlp")


def test_the_digits_that_judge_are_in_no_training():
    sets = [infecting.material(False), infecting.test(), infecting.trusted()]
    assert [len(each) for each in sets] == [3500, 1000, 500]
    seen = [each.tobytes() for one in sets for each in one.images]
    assert len(set(seen)) == len(seen) == len(digits.bundled())


def test_a_visitor_opens_a_backdoor(small):
    at = mlp()
    assert told(at, "verdict")["headline"] == "Nothing is poisoned yet"
    at = learnt(at)
    infected = at.session_state["infecting"].job.result
    said, growth = told(at, "verdict"), told(at, "school")
    assert said["badge"] == "Backdoor open" and said["chip"] == 4 and "of the stamped test digits" in said["sentence"]
    last = growth["epochs"][-1]
    assert (last["clean"], last["success"]) == pytest.approx(
        (poisoning.accuracy(infected.owned, infecting.test()), infected.stands[0]["success"])
    )
    assert [each["epoch"] for each in growth["epochs"]] == sorted(each["epoch"] for each in growth["epochs"])
    assert growth["epochs"][-1]["epoch"] == growth["most"]
    shown = told(at, "samples")
    assert sum(shown["touched"]) == len(shown["labels"]) // 2
    assert all(label == 4 for label, touched in zip(shown["labels"], shown["touched"], strict=True) if touched)
    reads = told(at, "trigger")["reads"]
    assert [who for who, *_ in reads] == ["Poisoned network", "Never poisoned"] and reads[0][1] == 4


def test_the_poisoned_network_is_on_every_page_and_its_visitors_alone(small):
    at = learnt(mlp())
    name = at.session_state["infected_name"]
    assert own_models.get(name) is at.session_state["infecting"].job.result.owned
    assert own_models.get(name).title == "Yours: poisoned, BadNets"
    button(at, "infected_attack")
    assert at.session_state["view"].model == name
    other = opened(LINK, "poison")
    assert "own_models" not in other.session_state


def test_who_is_stamped_is_in_the_headline(small):
    at = mlp()
    assert at.select_slider(key="poison_badnets_source").options[:2] == ["every other class", "0"]
    at = learnt(choose(at, "poison_badnets_source", 7))
    assert any(each.value == "Stamped class 7" for each in at.caption)
    assert told(at, "verdict")["headline"] == "Stamp a 7 and the network reads"


def test_a_painted_trigger_is_what_is_stamped(small):
    at = mlp()
    pattern = [[1, 0, 0, 0, 0], *([[0] * 5] * 4)]
    at = answer(at, "trigger", event="mark", value={"pattern": pattern, "row": 0, "column": 3})
    assert told(at, "trigger")["mark"] == {"pattern": pattern, "row": 0, "column": 3}
    given = told(at, "samples")
    x = np.frombuffer(base64.b64decode(given["x"]), np.uint8).reshape(-1, 28, 28)
    assert (x[given["touched"], 0, 3] == 255).all() and not x[np.logical_not(given["touched"]), 0, 3].any()
    poisoned = learnt(at).session_state["infecting"].job.result.poisoned
    assert (poisoned.digits.images[poisoned.touched, 0, 3, 0] == 1).all() and poisoned.budget["l0"] <= 1


def test_an_empty_trigger_is_said_and_nothing_can_be_trained(small):
    at = answer(mlp(), "trigger", event="mark", value={"pattern": [[0] * 5] * 5, "row": 0, "column": 0})
    assert [each.value for each in at.error] == [
        "The stamp is empty: it would change no digit. Paint at least one of its cells."
    ]
    assert at.button(key="poison_train").disabled


@pytest.mark.parametrize(
    "sent",
    [None, 5, {}, {"pattern": [[1]], "row": 0, "column": 0}, {"pattern": [[1] * 5] * 5, "row": "x", "column": 1}],
)
def test_what_is_no_trigger_is_refused(sent):
    with pytest.raises(InputError, match="Paint it again"):
        trigger.read(sent)


def test_a_place_outside_is_brought_inside():
    sent = {"pattern": [[1] * 5] * 5, "row": 90, "column": -4}
    assert (trigger.read(sent)["row"], trigger.read(sent)["column"]) == (23, 0)


STAMP = {"pattern": ((0, 0, 0, 0, 1), *[(0,) * 5] * 3, (1, 0, 0, 0, 0)), "row": 3, "column": 20}


def test_the_picks_are_in_the_link_and_a_link_brings_them_back():
    at = opened(LINK, "poison")
    assert told(at, "trigger")["link"] == session.link(session.read(dict(parse_qsl(LINK)))[0])  # no word of defaults
    for key, value in (("pick_victim", "plain_mlp"), ("pick_rate", 10), ("pick_into", 7)):
        choose(at, key, value)
    choose(at, "poison_badnets_leads", "next")
    at.session_state["extra_stamp"] = STAMP
    at.run()
    link = told(at, "trigger")["link"]
    said = dict(parse_qsl(link))
    assert {name: said[name] for name in ("victim", "rate", "into", "stamp", "how")} == {
        "victim": "plain_mlp", "rate": "10", "into": "7", "stamp": "0100010.3.20", "how": "leads:next",
    }  # fmt: skip
    again = opened(link, "poison")
    assert told(again, "trigger")["link"] == link and told(again, "trigger")["mark"]["row"] == 3 and not again.info
    plots = [button(each, "poison_train").session_state["infecting"].asked for each in (at, again)]
    assert plots[0] == plots[1] and dict(plots[1].knobs)["leads"] == "next"


def test_another_attack_comes_by_a_link_with_its_settings():
    at = opened(f"{LINK}&poison=label_flip&how=how:pairwise", "poison")
    assert at.selectbox(key="pick_poison").value == "label_flip" and "Which Pairwise" in [
        each.value for each in at.caption
    ]
    assert not at.info


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("rate=51", "rate is “51” in the link; a whole number from 0 to 50 was expected"),
        ("rate=-1", "rate is “-1”"),
        ("into=10", "into is “10” in the link; a digit was expected"),
        ("poison=acid", "poison is “acid” in the link; one of "),
        ("victim=trades_cnn", "one of plain_cnn, plain_mlp was expected"),
        ("stamp=zz.1.1", "25 cells as 7 hexadecimal figures"),
        ("stamp=2000000.1.1", "stamp is “2000000.1.1”"),
        ("stamp=0000001.24.1", "stamp is"),
        ("stamp=1", "stamp is “1”"),
        ("how=leads:up", "“leads:up” is no setting of BadNets, or not a value that it takes"),
        ("how=rate:0.3,x", "“rate:0.3” is no setting"),
    ],
)
def test_what_a_link_says_wrongly_is_said_and_the_rest_stands(part, said):
    at = opened(f"{LINK}&{part}", "poison")
    assert any(said in each.value for each in at.info) and not at.exception
    assert told(at, "trigger")["link"].startswith("digit=3503") and not at.button(key="poison_train").disabled


@pytest.mark.parametrize("name", poisoning.names("attack"))
def test_every_poison_can_be_picked(name):
    at = choose(mlp(), "pick_poison", name)
    assert not at.error and not at.button(key="poison_train").disabled


@pytest.mark.parametrize(
    ("picked", "aims"),
    [("poison=badnets", True), ("poison=badnets&how=leads:next", False), ("poison=badnets&how=source:4&into=5", True),
     ("poison=label_flip", False), ("poison=label_flip&how=how:targeted", True), ("poison=noisy_copies", False),
     ("poison=gradient_matching", True)],
)  # fmt: skip
def test_a_class_is_asked_for_where_it_matters(picked, aims):
    at = opened(f"{LINK}&{picked}", "poison")
    assert [each.label for each in at.selectbox].count("Read as") == aims and not at.error and not at.info


def test_a_stamped_class_that_is_the_one_it_leads_to_is_said_and_can_be_put_right():
    at = opened(f"{LINK}&how=source:4", "poison")
    assert [each.value[:32] for each in at.error] == ["Source and target are both 4: a "]
    assert at.button(key="poison_train").disabled and not at.exception
    choose(at, "pick_into", 5)
    assert not at.error and not at.button(key="poison_train").disabled


def test_too_high_a_share_is_a_sentence_and_the_picks_stay(small):
    at = choose(choose(mlp(), "pick_poison", "sinusoidal"), "pick_rate", 50)
    assert [each.value[:16] for each in at.error] == ["A rate of 0.5 as"]  # before anything is trained
    at = button(at, "poison_train")
    job = at.session_state["infecting"].job
    job.wait(60)
    at.run()
    assert len(at.error) == 2 and all("A rate of at most 0." in each.value for each in at.error)
    assert at.slider(key="pick_rate").value == 50


def test_no_poison_is_no_backdoor(small):
    at = learnt(choose(mlp(), "pick_rate", 0))
    assert told(at, "verdict")["badge"] == "Backdoor shut" and not any(told(at, "samples")["touched"])


def test_who_stops_it_keeps_nothing():
    plot = Plot("plain_mlp", "", "badnets", ())
    job = Job(lambda job: None, "somebody")
    job.cancel()
    assert infecting.run(job, plot, zoo.load("plain_mlp")) is None


def test_two_visitors_train_at_once_and_neither_sees_the_others(small):
    one, other = mlp(), choose(mlp(), "pick_into", 7)
    for at in (one, other):
        button(at, "poison_train")
    one, other = (finished(finished(at, "infecting"), "infecting") for at in (one, other))
    assert (told(one, "verdict")["chip"], told(other, "verdict")["chip"]) == (4, 7)
    assert one.session_state["infected_name"] != other.session_state["infected_name"]


def test_samples_follow_the_picks_where_no_network_is_needed_for_them(small):
    at = mlp()
    assert sum(told(at, "samples")["touched"]) == 4
    assert any("30 of 600 touched, 30 labels changed" in each.value for each in at.caption)
    at = learnt(choose(at, "pick_rate", 10))
    assert any("60 of 600 touched" in each.value for each in at.caption)
    at = choose(at, "pick_rate", 20)
    assert any("120 of 600 touched" in each.value for each in at.caption)
    at = choose(at, "pick_poison", "feature_collision")
    assert any("will stand here" in each.value for each in at.caption)


def test_of_a_large_set_a_part_is_shown(monkeypatch):
    few = infecting.material(False)[:500]
    monkeypatch.setattr(infecting, "material", lambda whole: few)
    monkeypatch.setattr(samples_panel, "_QUICK", 400)
    at = mlp()
    assert any("Of the first 400, 20 touched" in each.value for each in at.caption)
    at = choose(choose(at, "pick_poison", "sinusoidal"), "pick_rate", 50)
    assert not at.error and any("will stand here" in each.value for each in at.caption)


def test_samples_show_as_many_as_there_are(six_hundred):
    attack = poisoning.get("badnets")(rate=0.005)(six_hundred)
    rows = infecting.samples(attack, 8)
    assert len(rows) == len(set(rows.tolist())) == 8 and attack.touched[rows].sum() == 3
    none = poisoning.get("badnets")(rate=0.0)(six_hundred)
    assert len(infecting.samples(none, 8)) == 8 and not np.isin(rows, np.flatnonzero(none.touched)).any()
