"""How attacks are written on a command line."""

import pytest

from core import attacks, knobs
from core.benchmark.spelling import attacks_of, spelled
from core.errors import InputError


@pytest.mark.parametrize("name", attacks.names())
def test_every_attack_is_written_by_its_name_and_read_again(name):
    read = attacks_of(name)
    assert spelled(read) == name
    usual = knobs.as_dict(attacks.get(name)())
    assert {key: value for key, value in knobs.as_dict(read[0]).items() if key != "early_stop"} == {
        key: value for key, value in usual.items() if key != "early_stop"
    }


@pytest.mark.parametrize(
    "text", ["pgd:steps=7", "pgd:steps=7:loss=dlr+fgsm", "pgd:random_start=False", "cw:confidence=0.5+square:queries=9"]
)
def test_settings_and_ensembles_come_back_as_they_were(text):
    assert spelled(attacks_of(text)) == text and spelled(attacks_of(spelled(attacks_of(text)))) == text


def test_settings_that_are_the_usual_ones_are_left_out():
    assert spelled(attacks_of("pgd:steps=40:restarts=1")) == "pgd"


def test_attacks_end_early_unless_they_are_told_otherwise():
    assert attacks_of("pgd")[0].early_stop and not attacks_of("pgd:early_stop=false")[0].early_stop


@pytest.mark.parametrize(
    "text, said",
    [
        ("pdg", "Did you mean 'pgd'"),
        ("pgd+", "no attack named ''"),
        ("pgd:stepps=3", "'stepps=3' is no setting of pgd"),
        ("pgd:steps", "'steps' is no setting of pgd"),
        ("pgd:steps=many", "steps of PGD is 'many'"),
        ("pgd:steps=0", "a whole number from 1"),
        ("pgd:random_start=maybe", "True or False"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(text, said):
    with pytest.raises(InputError, match=said):
        attacks_of(text)
