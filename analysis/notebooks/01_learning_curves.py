# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Learning curves
#
# Test accuracy against labels, the same for a finished and a running sweep. Set `DALBT_RESULTS` to a results folder, or
# run `make quick` first.

# %%
import os

import pandas as pd

from dalbt_ray.report.curves import learning_curves
from dalbt_ray.report.plots import curve_figure, save_figure
from dalbt_ray.report.study import read_study
from dalbt_ray.report.summaries import summarize

# %matplotlib inline

# %%
folder = os.environ.get("DALBT_RESULTS", "results/quick")
study = read_study(folder)
rounds = study.rounds
print(f"{rounds['trial_id'].nunique()} trials, {len(rounds)} rounds, seeds {sorted(rounds['seed'].unique())}")

# %% [markdown]
# ## Accuracy
#
# Bands are 95 % t intervals over seeds; a single seed has none.

# %%
curve_figure(study)

# %% [markdown]
# ## Calibration
#
# Any column of `rounds` can be drawn: `test_nll`, `test_ece`, `train_accuracy`, `purity` and so on.

# %%
curve_figure(study, "test_ece")

# %% [markdown]
# ## The numbers
#
# AUBC is the mean height of the curve over the labels that were paid for.

# %%
summarize(rounds)[["setting", "method", "n_seeds", "aubc", "aubc_sd", "final", "final_sd"]].round(4)

# %%
learning_curves(rounds).head()

# %% [markdown]
# ## Without this package
#
# The folder `rounds` is plain Parquet: one file a trial, one row a round. Only finished trials are in it; the rounds of
# running ones are in `progress` until then.

# %%
plain = pd.read_parquet(f"{folder}/rounds")
plain.groupby(["dataset", "ood", "strategy", "objective", "round"])["test_accuracy"].mean().unstack(
    "round"
).round(3)

# %% [markdown]
# ## For a paper
#
# `dalbt_ray.report.plots.paper_figure` draws figures 2 to 6 of the paper from a sweep that has their trials.

# %%
# save_figure(curve_figure(study), Path("figures"), "accuracy")  # PNG, SVG and PDF
help(save_figure)
