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
# # What was selected
#
# The images that each strategy acquired, drawn. Set `DALBT_DATA` if the data set is not one of the embedded ones.

# %%
import os
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from PIL import Image

from dalbt_ray.data.image_set import ImageSetFiles
from dalbt_ray.report.acquired import class_balance, selection_overlap
from dalbt_ray.report.contact_sheets import class_names, encoded_picks, image_sets, shown_picks
from dalbt_ray.report.picks import acquired_by_trial
from dalbt_ray.report.study import read_study

# %matplotlib inline

# %%
folder = os.environ.get("DALBT_RESULTS", "results/quick")
study = read_study(folder)
rounds = study.rounds
data_root = os.environ.get("DALBT_DATA")
settings = list(rounds["setting"].unique())  # what is drawn below
settings

# %% [markdown]
# ## From a query to its image
#
# `sample_id` names an image within its `source`, the data set or the OOD set. Where OOD images are further classes of
# the data set, both are one source, only `is_ood` tells them apart, and `label` numbers the known classes of the trial.


# %%
def files_of(setting: str) -> ImageSetFiles:
    """The files of a setting's images, which must be those that its trials had."""
    trial_ids = rounds[rounds["setting"] == setting]["trial_id"].unique()
    files = ImageSetFiles.find(*image_sets(study, trial_ids[0]), Path(data_root) if data_root else None)
    had = {study.manifests[trial_id]["data_hash"] for trial_id in trial_ids if trial_id in study.manifests}
    assert had <= {files.data_hash}, (
        f"the images of {setting} that are here are not those that the trials had"
    )
    return files


# %% [markdown]
# ## The first query
#
# The twelve images that each method wanted most, in its first seed. OOD images have a red frame.


# %%
def draw(setting: str, picks: pd.DataFrame) -> None:
    """One line of images a method, each with the name of its class below."""
    files = files_of(setting)
    encoded = encoded_picks(files, picks)
    methods = picks.groupby(["method", "seed", "trial_id"])
    height = 0.5 + 1.1 * len(methods)
    figure, axes = plt.subplots(len(methods), 12, figsize=(10, height), squeeze=False)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.25 / height, top=1 - 0.6 / height, hspace=0.5)
    figure.suptitle(setting, x=0.01, y=1 - 0.1 / height, ha="left", va="top", fontsize=11)
    for ((method, seed, trial_id), shown), line in zip(methods, axes, strict=True):
        names = class_names(study, trial_id, files)
        line[0].set_title(f"{method}, seed {seed}", loc="left", fontsize=9)
        for axis in line:
            axis.set(xticks=[], yticks=[])
        for axis, pick in zip(line, shown.itertuples(), strict=False):
            axis.imshow(Image.open(BytesIO(encoded[pick.source, pick.sample_id])), cmap="gray")
            axis.set_xlabel("OOD" if pick.is_ood else names[pick.label], fontsize=6)
            if pick.is_ood:
                axis.spines[:].set(color="red", linewidth=2)


# %%
for setting in settings:
    shown = shown_picks(study.selections, rounds[rounds["setting"] == setting])
    if not shown.empty:  # a sweep that has just begun
        draw(setting, shown[shown["round"] == 1])

# %% [markdown]
# ## Classes
#
# Entropy of the classes acquired, 1 for equal shares.

# %%
picks_of = acquired_by_trial(study.selections, rounds)
class_balance(picks_of, rounds).round(3)

# %% [markdown]
# ## Overlap
#
# Intersection over union of what two methods acquired with the same seed.

# %%
pd.concat(
    {setting: selection_overlap(picks_of, rounds, setting) for setting in settings}, names=["setting"]
).round(3)
