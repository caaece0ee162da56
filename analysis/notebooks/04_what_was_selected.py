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
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.report.acquired import class_balance, selection_overlap
from dalbt_ray.report.picks import acquired_by_trial
from dalbt_ray.report.study import read_study

# %matplotlib inline

# %%
folder = os.environ.get("DALBT_RESULTS", "results/quick")
study = read_study(folder)
rounds = study.rounds
setting = rounds["setting"].iloc[-1]
here = rounds[rounds["setting"] == setting]
dataset, ood = here["dataset"].iloc[0], here["ood"].iloc[0]
data_root = os.environ.get("DALBT_DATA")
image_set = load_image_set(dataset, ood, Path(data_root) if data_root else None)
print(f"{setting}: {len(image_set.images):,} images of {image_set.classes} classes")

# %% [markdown]
# ## From a query to its image
#
# `sample_id` names an image within its `source`. The image set has the data set's images first, then the OOD ones.
# Of a pool whose OOD images are further classes of one data set, `dalbt report` shows the pictures.

# %%
in_distribution_row = pd.Series(
    np.arange(image_set.in_distribution_count), index=image_set.sample_ids[: image_set.in_distribution_count]
)
ood_row = pd.Series(
    np.arange(image_set.in_distribution_count, len(image_set.images)),
    index=image_set.sample_ids[image_set.in_distribution_count :],
)


def images_of(picks: pd.DataFrame) -> np.ndarray:
    """uint8[n, h, w, c], the images of rows of `selections`."""
    rows = [
        (ood_row if is_ood else in_distribution_row)[sample_id]
        for sample_id, is_ood in zip(picks["sample_id"], picks["is_ood"], strict=True)
    ]
    return image_set.images.take(np.array(rows, dtype=np.int64))


# %% [markdown]
# ## The first query
#
# The twelve images that each method wanted most, in its first seed. OOD images have a red frame.

# %%
shown = 12
methods = sorted(here["method"].unique())
figure, axes = plt.subplots(len(methods), shown, figsize=(shown * 0.8, len(methods) * 1.1), squeeze=False)
for method, line in zip(methods, axes, strict=True):
    trial_id = here[here["method"] == method]["trial_id"].iloc[0]
    picks = study.selections
    picks = picks[(picks["trial_id"] == trial_id) & (picks["round"] == 1)].nsmallest(shown, "rank")
    line[0].set_title(method, loc="left", fontsize=9)
    for axis in line:
        axis.set(xticks=[], yticks=[])
    for axis, image, is_ood, label in zip(
        line, images_of(picks), picks["is_ood"], picks["label"], strict=False
    ):
        axis.imshow(image.squeeze(), cmap="gray")
        axis.set_xlabel("ood" if is_ood else image_set.class_names[label], fontsize=6)
        if is_ood:
            axis.spines[:].set(color="red", linewidth=2)
figure.tight_layout()

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
selection_overlap(picks_of, rounds, setting).round(3)
