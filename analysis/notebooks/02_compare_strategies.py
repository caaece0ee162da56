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
# # Which differences hold?
#
# Methods are compared on the same seeds: a seed fixes the initial labels, the validation set and the splits.

# %%
import os

from dalbt_ray.report.frames import prepare_rounds
from dalbt_ray.report.rankings import mean_ranks, pairwise_wilcoxon, penalty_matrix, setting_means
from dalbt_ray.report.statistics import compare_with_random, power_sentence, saving_against_random
from dalbt_ray.results import load_results

# %%
folder = os.environ.get("DALBT_RESULTS", "results/quick")
rounds = prepare_rounds(load_results(folder).rounds)

# %% [markdown]
# ## Against random sampling
#
# A method against random under its own objective: what the selection contributes. A joint method against random
# (supervised): selection and loss together. Random (joint) against random (supervised): the loss alone.

# %%
differences = compare_with_random(rounds, "aubc")
columns = ["setting", "method", "baseline", "n_seeds", "difference", "low", "high", "p", "p_holm"]
differences[columns].round(4)

# %% [markdown]
# What this number of seeds can show at all:

# %%
for setting, table in differences.groupby("setting", sort=False):
    print(f"{setting}: {power_sentence(table)}")

# %% [markdown]
# ## Labels saved
#
# Labels that a method needs to reach the final accuracy of the same seed's random trial.

# %%
saving_against_random(rounds).round(3)

# %% [markdown]
# ## Every pair
#
# Pairwise penalty matrix (Ash et al. 2020): the share of checkpoints at which the row beats the column significantly,
# after Holm's correction, summed over settings.

# %%
penalties = penalty_matrix(rounds)
penalties.matrix.round(2)

# %%
penalties.tests.sort_values("p").head(10)

# %% [markdown]
# ## Over settings
#
# Mean ranks need settings in which every method took part; Wilcoxon's test takes each pair's own settings.

# %%
means = setting_means(rounds)
ranks, settings, left_out = mean_ranks(means)
print(f"over {len(settings)} settings, without {left_out}")
ranks

# %%
pairwise_wilcoxon(means).sort_values("p").head(10)
