"""What the poisoning benchmark prints: medians and ranges, beside the goals and what others have published."""

import pytest

from core import digits, poisoning
from core.benchmark import __main__ as command
from core.benchmark import journal
from core.benchmark.poisoning import CASES, NETWORKS
from core.benchmark.poisoning_table import GOALS, SHIPPED, aims, curves, rows_of, table


def rows(what: str, network: str = "m", **figures: list) -> list[dict]:
    """One row a seed, of these figures."""
    count = max(len(values) for values in figures.values())
    place = {"what": what, "network": network, "case": "c"}
    return [{**place, "seed": seed, **{key: values[seed] for key, values in figures.items()}} for seed in range(count)]


def test_the_table_has_median_and_range():
    assert (
        table(rows("A", clean=[0.9, 0.92, 0.91])).splitlines()[-1] == "| A | `m` | 3 | clean 91.00 (90.00 to 92.00) |"
    )
    assert table(rows("A", clean=[0.5], named=[4])).splitlines()[-1] == "| A | `m` | 1 | clean 50.00, named 4 |"


def test_a_goal_stands_beside_what_each_network_reaches():
    said = aims(rows("BadNets, 10%", success=[1.0, 0.9, 0.996], lost=[0.0, 0.002, 0.001])).splitlines()
    assert said[0] == "| | aim | `m` | published |"
    assert said[2] == "| BadNets, 10%: success | ≥ 99.5 | 99.60 (90.00 to 100.00) |  |"
    assert said[3] == "| BadNets, 10%: lost | ≤ 0.5 | 0.10 (0.00 to 0.20) |  |"


def test_what_is_missed_says_so_and_who_beats_the_published_figure():
    given = rows("Unlearning", "a", success=[0.06], lost=[0.5]) + rows("Unlearning", "b", success=[0.0], lost=[0.001])
    said = aims(given).splitlines()
    assert said[2] == "| Unlearning: success | ≤ 5 | 6.00, missed | 0.00 |  |"
    assert said[3] == "| Unlearning: lost | ≤ 1 | 50.00, missed | 0.10 | 42 (ART's example), beaten by `b` |"
    assert "42 (ART's example), beaten |" in aims(rows("Unlearning", success=[0.0], lost=[0.0]))
    assert "42 (ART's example), missed |" in aims(rows("Unlearning", success=[0.0], lost=[0.5]))


@pytest.mark.parametrize(
    ("missed", "said"), [(0.002, "0.20 | under 1 (Gao et al. 2019), reached |"), (0.015, "missed |")]
)
def test_a_limit_is_reached_and_not_beaten(missed, said):
    assert said in aims(rows("STRIP at 1 % false alarms", missed=[missed]))


def test_a_network_that_was_not_asked_leaves_its_cell_empty():
    given = rows("Gradient matching, 1 %", "a", success=[0.45]) + rows("BadNets, 1%", "b", success=[0.9])
    assert aims(given).splitlines()[2:] == [
        "| BadNets, 1%: success | ≥ 95 |  | 90.00, missed |  |",
        "| Gradient matching, 1 %: success | ≥ 50 | 45.00, missed |  |  |",
    ]


@pytest.mark.parametrize(
    ("named", "said"), [([4, 4, 3], "100.00 (0.00 to 100.00)"), ([4, 3, None], "0.00 (0.00 to 100.00), missed")]
)
def test_neural_cleanse_is_asked_whether_it_names_the_right_class(named, said):
    assert f"| ≥ 100 | {said} |" in aims(rows("Neural Cleanse", named=named, **{"is": [4, 4, 4]}))


def test_a_curve_has_a_column_for_each_share_of_flipped_labels():
    given = [
        {"what": f"Label flips, {name}", "network": "m", "rate": rate, "clean": clean - 0.01 * seed, "seed": seed}
        for name, clean in (("no defense", 0.9), ("Trimmed loss", 0.95))
        for rate in (0.2, 0.0)
        for seed in range(3)
        if (name, rate) != ("Trimmed loss", 0.0)
    ]
    assert curves(given).splitlines() == [
        "| flipped | network | 0% | 20% |",
        "|---|---|---|---|",
        "| no defense | `m` | 89.0 | 89.0 |",
        "| Trimmed loss | `m` |  | 94.0 |",
    ]
    assert "flips" not in table(given)


@pytest.fixture(scope="module")
def shipped() -> list[dict]:
    return rows_of(journal.read(SHIPPED))


def test_what_is_shipped_is_whole(shipped):
    """Every case, of every network, under three seeds; each goal has its row, and each method a name that still is."""
    assert {(row["case"], row["network"], row["seed"]) for row in shipped} == {
        (case, network, seed) for case in CASES for network in NETWORKS for seed in range(3)
    }
    said = {row["what"] for row in shipped}
    assert {goal.what for goal in GOALS} <= said
    for name in poisoning.names(kind="detector"):
        assert {f"{poisoning.get(name).title}, {of}" for of in ("all to one", "all to next", "no poison")} <= said
    assert {poisoning.get(name).title for name in poisoning.names(kind="cleaner")} <= said


def test_what_is_shipped_is_printed_without_measuring(shipped, capsys, monkeypatch):
    monkeypatch.setattr(digits, "training", None)  # who has no MNIST can read it, too
    assert command.main(["poisoning"]) == 0
    assert capsys.readouterr().out == "\n\n".join((aims(shipped), curves(shipped), table(shipped))) + "\n"
