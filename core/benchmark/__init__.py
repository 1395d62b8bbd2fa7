"""What is measured of attacks and defenses: how many digits hold, as a table that goes on where it was interrupted.

`Grid` is what is asked, `Journal` the file that holds what was measured, `run` measures the rest of it, and `table`
reads from it a `Row` for each model, attack and epsilon.
"""

from core.benchmark.grid import Grid
from core.benchmark.journal import Journal
from core.benchmark.robustness import run
from core.benchmark.rows import Row, as_csv, as_markdown, table

__all__ = ["Grid", "Journal", "Row", "as_csv", "as_markdown", "run", "table"]
