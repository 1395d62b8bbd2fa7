"""The memory for what long work has found."""

from pages.components.kept import Kept


def test_the_memory_is_bounded_and_forgets_the_least_used():
    kept = Kept(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)
