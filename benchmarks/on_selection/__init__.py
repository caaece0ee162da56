"""The parts of benchmarks/selection.py: its pools, what a selection takes, and the usual ways to select."""
