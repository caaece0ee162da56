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
# # Purity in mixed pools
#
# OOD images in the pool cost budget and give no label. Which strategy avoids them, and is that what decides?

# %%
import os

from dalbt_ray.report.acquired import purity_by_round, purity_summary
from dalbt_ray.report.plots import curve_figure
from dalbt_ray.report.study import read_study

# %matplotlib inline

# %%
folder = os.environ.get("DALBT_RESULTS", "results/quick")
study = read_study(folder)
rounds = study.rounds
mixed = rounds[rounds["ood"] != ""]

# %% [markdown]
# ## Totals
#
# Enrichment is purity over the share of in-distribution images available: 1 for a uniform draw. `repeats` are OOD
# images that were acquired, returned, and acquired again.

# %%
purity_summary(mixed).round(3)

# %% [markdown]
# ## Round by round

# %%
purity_by_round(mixed).groupby(["setting", "method", "round"])[
    ["purity", "base_rate", "enrichment"]
].mean().round(3)

# %%
curve_figure(study.part(mixed), "cumulative_purity")

# %% [markdown]
# ## Accuracy by what was paid, and by what was gained
#
# Against labels paid for, OOD images count as cost. Against labels gained, only the choice among in-distribution
# images counts.
# A method that is better in the first and not in the second gains by avoiding OOD images, and by nothing else.

# %%
curve_figure(study.part(mixed), axis="n_bought")

# %%
curve_figure(study.part(mixed), axis="n_labeled")

# %% [markdown]
# ## Does the score tell OOD images from in-distribution ones?
#
# AUROC of the ranking: 1 means that it puts OOD images first, 0.5 that it does not see them, 0 that it puts them
# last.

# %%
mixed.groupby(["setting", "method", "round"])["ood_auroc"].mean().unstack("round").round(3)
