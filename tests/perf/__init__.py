"""Measurements of speed, run by hand: `python -m tests.perf`. They print tables and assert nothing: machines differ."""
