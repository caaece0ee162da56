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
# Foreign images in the pool cost budget and give no label. Which strategy avoids them, and is that what decides?

# %%
import os

from analysis.frames import prepare_rounds
from analysis.plots import curve_figure
from analysis.purchases import purity_by_round, purity_summary
from dalbt_ray.results import load_results

# %matplotlib inline

# %%
folder = os.environ.get("DALBT_RESULTS", "results/quick")
rounds = prepare_rounds(load_results(folder, include_running=True).rounds)
mixed = rounds[rounds["ood"] != ""]

# %% [markdown]
# ## Totals
#
# Enrichment is purity over the share of own images on offer: 1 for a uniform draw. `repeats` are foreign images that
# were bought, returned, and bought again.

# %%
purity_summary(mixed).round(3)

# %% [markdown]
# ## Round by round

# %%
purity_by_round(mixed).groupby(["setting", "method", "round"])[
    ["purity", "base_rate", "enrichment"]
].mean().round(3)

# %%
curve_figure(mixed, "cumulative_purity")

# %% [markdown]
# ## Accuracy by what was paid, and by what was gained
#
# Against labels paid for, foreign images count as cost. Against labels gained, only the choice among own images counts.
# A method that is better in the first and not in the second gains by avoiding foreign images, and by nothing else.

# %%
curve_figure(mixed, axis="n_bought")

# %%
curve_figure(mixed, axis="n_labeled")

# %% [markdown]
# ## Does the score tell foreign images from own ones?
#
# AUROC of the ranking: 1 means that it puts foreign images first, 0.5 that it does not see them, 0 that it puts them
# last.

# %%
mixed.groupby(["setting", "method", "round"])["ood_auroc"].mean().unstack("round").round(3)
