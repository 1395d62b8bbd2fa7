"""What the poisoning benchmark measures, and how it goes on."""

import numpy as np
import pytest

from core import poisoning
from core.benchmark import __main__ as command
from core.benchmark import journal
from core.benchmark import poisoning as table
from core.benchmark.journal import Journal
from core.benchmark.poisoning import Bench, Setting
from core.digits import bundled


@pytest.fixture(scope="module")
def bench() -> Bench:
    """A small one, on bundled digits."""
    order = np.random.default_rng(0).permutation(5000)
    train, test, trusted = bundled()[order[:1000]], bundled()[order[1000:1400]], bundled()[order[1400:1600]]
    return Bench(train, test, trusted, epochs=4)


SETTING = Setting("plain_mlp", 1)


def test_a_row_is_what_the_judges_say(bench):
    rows = list(table.badnets(bench, SETTING))
    poisoned = poisoning.get("badnets")(rate=0.1, seed=1)(bench.train)
    model = poisoning.learn(bench.model(SETTING), poisoned.digits, seed=1, epochs=4)
    assert [row["what"] for row in rows] == ["BadNets, 10%", "BadNets, 1%"]
    assert rows[0]["success"] == poisoning.attack_success(model, poisoned, bench.test)
    assert rows[0]["clean"] == poisoning.accuracy(model, bench.test)
    assert rows[0]["lost"] == pytest.approx(rows[0]["unpoisoned"] - rows[0]["clean"])


def test_no_network_is_trained_twice(bench, monkeypatch):
    list(table.badnets(bench, SETTING))
    monkeypatch.setattr(poisoning, "learn", None)
    assert list(table.badnets(bench, SETTING))


def test_it_goes_on_where_it_was_cut_off(bench, tmp_path, monkeypatch):
    said = []

    def case(bench, setting):
        said.append(setting)
        yield {"what": "A", "clean": 0.5 + setting.seed}

    monkeypatch.setitem(table.CASES, "made_up", case)
    out = tmp_path / "rows.jsonl"

    def run(setting):
        with Journal(out) as book:
            table.measure(bench, setting, ["made_up"], book)

    run(SETTING)
    with out.open("a") as file:
        file.write('{"case": "made_up", "network": "plain_mlp", "seed": 2, "rows": [{"wh')
    run(SETTING)
    run(Setting("plain_mlp", 2))
    assert [each.seed for each in said] == [1, 2]
    assert [(row["seed"], row["clean"]) for row in table.rows_of(journal.read(out))] == [(1, 1.5), (2, 2.5)]


@pytest.mark.parametrize("arguments", [["--only", "badnet"], ["--networks", "resnet"]])
def test_a_name_that_is_none_is_said(arguments, tmp_path, capsys):
    assert command.main(["poisoning", "--out", str(tmp_path / "x"), *arguments]) == 2
    assert "There is no " in capsys.readouterr().err


def test_the_command_leads_to_this_table_by_its_name(tmp_path, capsys):
    assert command.main(["poisoning", "--out", str(tmp_path / "rows.jsonl"), "--only", "nothing"]) == 2
    assert "There is no case 'nothing'" in capsys.readouterr().err


def test_every_detector_and_cleaner_has_a_row(bench, monkeypatch):
    class Any:
        needs_findings, title, suspect = False, "Any", 4

        def __init__(self, **knobs):
            self.flagged = np.zeros(len(bench.train), bool)

        def find(self, *_, **__):
            return self

        def clean(self, model, *_, **__):
            return model

    got = []
    real = poisoning.get

    def get(name):
        if name in poisoning.names(kind="attack"):
            return real(name)
        got.append(name)
        return Any

    monkeypatch.setattr(poisoning, "get", get)
    names = set(poisoning.names(kind="detector")) | set(poisoning.names(kind="cleaner"))
    rows = [*table.detectors(bench, SETTING), *table.cleaners(bench, SETTING)]
    assert names <= set(got) and len(rows) >= len(names)
