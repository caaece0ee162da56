"""One trial's journey: train, measure, score, select, commit. Read `rounds.py` first."""
