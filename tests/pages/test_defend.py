"""The Defend page driven as a visitor drives it: two networks under one attack, and a transform before one of them."""

import json

import numpy as np
import pytest

from core import attacks, defenses, knobs, sweep, zoo
from pages.components import cache, guarding, session, shields, snippet
from tests.pages.driving import answer, button, choose, finished, opened, pictures, told, view


def defending(link: str = "digit=3500&eps=0.100"):
    """The page, come by that link."""
    return opened(link, "defend")


def test_both_networks_are_attacked_at_every_eps():
    at = defending()
    data = told(at, "duel")
    assert [side["name"] for side in data["sides"]] == ["plain_cnn", "hardened_cnn"] and not data["running"]
    assert data["eps"] == 0.1 and data["label"] == 7
    now = view(at)
    for side in data["sides"]:
        model = zoo.load(side["name"])
        found = sweep.sweep(model, now.x, now.y, attacks.get("pgd")(), norm="linf")
        _, _, probabilities = pictures(side["sweep"])
        np.testing.assert_allclose(probabilities, found.result.probabilities, atol=2e-3)
        assert side["sweep"]["success"] == found.result.success.tolist()
    fallen = [any(side["sweep"]["success"]) for side in data["sides"]]
    assert fallen == [True, False]  # that digit: the plain network falls, the hardened one holds


def test_the_cards_figures_stand_beside():
    plain, hardened = told(defending(), "duel")["sides"]
    assert plain["figures"] == [["10,000 clean digits", "99.5 % right"], ["10,000 attacked, ε = 0.3", "0.0 % right"]]
    share = 100 * zoo.card("hardened_cnn")["figures"]["attacked"]["accuracy"]
    assert hardened["figures"][1][1] == f"{share:.1f} % right"


def test_the_slider_moves_the_view():
    at = defending()
    answer(at, "duel", eps=0.2)
    assert view(at).eps == pytest.approx(0.2)
    for nonsense in ("x", None, float("1e300"), [1], True):
        answer(at, "duel", eps=nonsense)
        assert 0 <= view(at).eps <= 0.3


def test_a_transform_may_stand_on_the_other_side():
    at = choose(defending(), "pick_against", "+jpeg")
    sides = told(at, "duel")["sides"]
    assert [side["name"] for side in sides] == ["plain_cnn", "plain_cnn+jpeg"]
    assert sides[1]["title"] == "Plain CNN behind JPEG" and sides[1]["figures"] == []
    shielded = defenses.get("jpeg")().protect(zoo.load("plain_cnn"))
    found = sweep.sweep(shielded, view(at).x, view(at).y, attacks.get("pgd")(), norm="linf")
    assert sides[1]["sweep"]["success"] == found.result.success.tolist()


def test_the_link_brings_the_other_side_back():
    link = told(choose(defending(), "pick_against", "+median_blur"), "duel")["link"]
    again = told(defending(link), "duel")
    assert [side["name"] for side in again["sides"]] == ["plain_cnn", "plain_cnn+median_blur"]


def test_the_transform_on_the_other_side_has_its_settings():
    at = choose(choose(defending(), "pick_against", "+jpeg"), "duel_jpeg_quality", 50)
    data = told(at, "duel")
    assert data["sides"][1]["name"] == "plain_cnn+jpeg:quality=50" and data["sides"][1]["figures"] == [
        ["Quality", "50"]
    ]
    shielded = defenses.get("jpeg")(quality=50).protect(zoo.load("plain_cnn"))
    found = sweep.sweep(shielded, view(at).x, view(at).y, attacks.get("pgd")(), norm="linf")
    assert data["sides"][1]["sweep"]["success"] == found.result.success.tolist()
    again = defending(data["link"])
    assert told(again, "duel")["sides"][1]["name"] == "plain_cnn+jpeg:quality=50" and not again.info
    assert told(button(again, "duel_reset"), "duel")["sides"][1]["name"] == "plain_cnn+jpeg"
    other = choose(choose(again, "pick_against", "+median_blur"), "pick_against", "+jpeg")
    assert told(other, "duel")["sides"][1]["name"] == "plain_cnn+jpeg"


def test_a_name_behind_a_transform_is_taken_apart_as_it_was_put_together():
    for transform in defenses.names("transform"):
        for each in knobs.of(defenses.get(transform)):
            last = not each.default if each.kind == "bool" else each.choices[-1] if each.choices else each.high
            kept = ((each.name, type(each.default)(last)),) if last != each.default else ()
            assert shields.parted("some" + shields.spelled(transform, kept)) == ("some", transform, kept)
    assert shields.parted("some") == ("some", "", ())


@pytest.mark.parametrize(
    "text",
    ["nobody", "+nothing", "own-123456", "plain_cnn+jpeg", "+", "+jpeg:quality=0", "+jpeg:quality", "+jpeg:colour=1"],
)
def test_a_link_to_another_side_that_there_is_not_says_so(text):
    at = defending(f"digit=3500&against={text.replace('+', '%2B')}")
    assert told(at, "duel")["sides"][1]["name"] == "hardened_cnn"
    assert any("against is" in each.value for each in at.info)


def test_a_target_of_another_page_is_left_alone():
    at = defending("digit=3500&target=3")
    assert view(at).target == 3 and told(at, "duel")["target"] is None


def test_a_slow_attack_is_worked_out_beside_the_page():
    at = finished(defending("digit=3500&attack=square&queries=250"), "duel_sweeps", 200)
    data = told(at, "duel")
    assert not data["running"] and len(data["sides"][0]["sweep"]["epsilons"]) == sweep.COUNT


@pytest.mark.parametrize("other", ["hardened_cnn", "plain_cnn+jpeg", "plain_cnn+bit_depth:bits=2"])
def test_the_code_says_what_the_page_shows(other, capsys):
    now = session.read({"digit": "3500", "eps": "0.200"})[0]
    exec(compile(snippet.duel(now, other), "duel", "exec"), {})
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Plain CNN [") and first.endswith("[ True]")
    assert second.startswith(cache.title(other))


# ------------------------------------------------------------------------------------------------- the input transform
def test_both_attackers_are_shown_before_and_behind_the_transform():
    at = finished(choose(defending(), "guard_transform", "median_blur"), "guarding")
    shown = told(at, "guard")["shown"]
    now, transform = view(at), defenses.get("median_blur")()
    plain = zoo.load("plain_cnn")
    shielded = transform.protect(plain)
    for who, network in (("naive", plain), ("adaptive", shielded)):
        found = sweep.sweep(
            network, now.x, now.y, attacks.get("pgd")(), norm="linf", epsilons=np.array(shown["epsilons"])
        )
        attacked = np.frombuffer(_bytes(shown[who]["attacked"]), np.uint8).reshape(-1, 784) / 255
        seen = np.frombuffer(_bytes(shown[who]["seen"]), np.uint8).reshape(-1, 784) / 255
        np.testing.assert_allclose(attacked, found.result.adversarial.reshape(-1, 784), atol=0.003)
        np.testing.assert_allclose(seen, transform.transform(found.result.adversarial).reshape(-1, 784), atol=0.003)
        shares = np.frombuffer(_bytes(shown[who]["probabilities"]), np.float32).reshape(-1, 10)
        np.testing.assert_allclose(shares, shielded.probabilities(found.result.adversarial), atol=2e-3)
    assert len(json.dumps(shown)) < 200_000


def _bytes(text):
    import base64

    return base64.b64decode(text)


def test_many_digits_are_counted_when_asked(monkeypatch):
    from pages.components import guard_panel

    monkeypatch.setattr(guard_panel, "_DIGITS", 20)
    at = finished(button(defending("digit=3500&steps=5&eps=0.150"), "guard_count_start"), "guard_count")
    bars = [json.loads(node.proto.json or node.proto.mixed.json) for node in at if _is(node, "guard")][-1]["bars"]
    assert bars["digits"] == 20 and bars["eps"] == "0.150"
    assert bars["worst"] <= min(bars["naive"], bars["adaptive"]) <= bars["clean"] <= 20
    asked = at.session_state["guard_count"].asked
    assert guarding.counted(asked) == {name: bars[name] for name in ("clean", "naive", "adaptive", "worst", "digits")}


def _is(node, name):
    return getattr(node, "type", "") == "bidi_component" and name in node.proto.component_name


def test_digits_are_counted_at_the_eps_of_the_press():
    """The page knew another one when it drew the button: the slider's release runs its own part of the page alone."""
    at = defending("digit=3500&steps=2")
    assert any("Move the slider first" in each.value for each in button(at, "guard_count_start").caption)
    answer(at, "duel", eps=0.2)
    assert button(at, "guard_count_start").session_state["guard_count"].asked.eps == pytest.approx(0.2)
