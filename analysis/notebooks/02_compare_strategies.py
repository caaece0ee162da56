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

from dalbt_ray.report.rankings import mean_ranks, pairwise_wilcoxon, penalty_matrix, setting_means
from dalbt_ray.report.savings import saving_against_random
from dalbt_ray.report.statistics import compare_with_random, power_sentence
from dalbt_ray.report.study import read_study

# %%
folder = os.environ.get("DALBT_RESULTS", "results/quick")
study = read_study(folder).without_controls  # a control is no method

# %% [markdown]
# ## Against random sampling
#
# A method meets the random that equals it in everything else; `shows` says what a difference may come from.

# %%
differences = compare_with_random(study, "aubc")
columns = ["setting", "method", "baseline", "shows", "n_seeds", "difference", "low", "high", "p", "p_holm"]
differences[columns].round(4)

# %% [markdown]
# What this number of seeds can show at all:

# %%
for setting, table in differences.groupby("setting", sort=False):
    print(f"{setting}: {power_sentence(table)}")

# %% [markdown]
# ## Labels saved
#
# Labels to the same accuracy, seed by seed: the lower of the two final ones, of the method and of its random.

# %%
saving_against_random(study).round(3)

# %% [markdown]
# ## Every pair
#
# Pairwise penalty matrix (Ash et al. 2020): the share of checkpoints at which the row beats the column significantly,
# after Holm's correction, summed over settings.

# %%
penalties = penalty_matrix(study.rounds)
penalties.matrix.round(2)

# %%
penalties.tests.sort_values("p").head(10)

# %% [markdown]
# ## Over settings
#
# Mean ranks need settings in which every method took part; Wilcoxon's test takes each pair's own settings.

# %%
means = setting_means(study.rounds)
ranks, settings, left_out = mean_ranks(means)
print(f"over {len(settings)} settings, without {left_out}")
ranks

# %%
pairwise_wilcoxon(means).sort_values("p").head(10)
