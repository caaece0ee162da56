"""The picture of a rehearsal: both curves with their spread."""

from pathlib import Path

import numpy as np

from dalbt_ray.query.rehearsal import Rehearsal


def draw(rehearsal: Rehearsal, files: list[Path]) -> None:
    """Mean accuracy over labels of the rule and of random sampling; bands are the middle 80 % of runs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    for name, curves, color in (
        (rehearsal.strategy, rehearsal.rule, "#0072B2"),
        ("random", rehearsal.random, "#000000"),
    ):
        low, high = np.quantile(100 * curves, [0.1, 0.9], axis=0)
        axes.fill_between(rehearsal.bought, low, high, color=color, alpha=0.12, linewidth=0)
        axes.plot(rehearsal.bought, 100 * curves.mean(axis=0), color=color, marker="o", label=name)
    axes.set(xlabel="labels", ylabel="accuracy on held-out labels (%)")
    mean, low, high = rehearsal.interval
    axes.set_title(f"{mean:+.1f} points ({low:+.1f} to {high:+.1f}) over random", fontsize=10)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    for file in files:
        figure.savefig(file, dpi=150)
