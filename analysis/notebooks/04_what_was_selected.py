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
# The images that each strategy bought, drawn. Set `DALBT_DATA` if the data set is not one of the embedded ones.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from analysis.frames import prepare_rounds
from analysis.picks import picks_by_trial
from analysis.purchases import class_balance, selection_overlap
from dalbt_ray.data.corpus import load_corpus
from dalbt_ray.results import load_results

# %matplotlib inline

# %%
folder = os.environ.get("DALBT_RESULTS", "results/quick")
results = load_results(folder)
rounds = prepare_rounds(results.rounds)
setting = rounds["setting"].iloc[-1]
here = rounds[rounds["setting"] == setting]
dataset, ood = here["dataset"].iloc[0], here["ood"].iloc[0]
data_root = os.environ.get("DALBT_DATA")
corpus = load_corpus(dataset, ood, Path(data_root) if data_root else None)
print(f"{setting}: {len(corpus.images):,} images of {corpus.classes} classes")

# %% [markdown]
# ## From a purchase to its image
#
# `sample_id` names an image within its `source`. The corpus has the own set's images first, then the foreign ones.

# %%
own_row = pd.Series(np.arange(corpus.own_count), index=corpus.sample_ids[: corpus.own_count])
foreign_row = pd.Series(
    np.arange(corpus.own_count, len(corpus.images)), index=corpus.sample_ids[corpus.own_count :]
)


def images_of(picks: pd.DataFrame) -> np.ndarray:
    """uint8[n, h, w, c], the images of rows of `selections`."""
    rows = [
        (foreign_row if is_ood else own_row)[sample_id]
        for sample_id, is_ood in zip(picks["sample_id"], picks["is_ood"], strict=True)
    ]
    return corpus.images.take(np.array(rows, dtype=np.int64))


# %% [markdown]
# ## The first purchase
#
# The twelve images that each method wanted most, in its first seed. Foreign images have a red frame.

# %%
shown = 12
methods = sorted(here["method"].unique())
figure, axes = plt.subplots(len(methods), shown, figsize=(shown * 0.8, len(methods) * 1.1), squeeze=False)
for method, line in zip(methods, axes, strict=True):
    trial_id = here[here["method"] == method]["trial_id"].iloc[0]
    picks = results.selections
    picks = picks[(picks["trial_id"] == trial_id) & (picks["round"] == 1)].nsmallest(shown, "rank")
    line[0].set_title(method, loc="left", fontsize=9)
    for axis in line:
        axis.set(xticks=[], yticks=[])
    for axis, image, foreign, label in zip(
        line, images_of(picks), picks["is_ood"], picks["label"], strict=False
    ):
        axis.imshow(image.squeeze(), cmap="gray")
        axis.set_xlabel("foreign" if foreign else corpus.class_names[label], fontsize=6)
        if foreign:
            axis.spines[:].set(color="red", linewidth=2)
figure.tight_layout()

# %% [markdown]
# ## Classes
#
# Entropy of the classes bought, 1 for equal shares.

# %%
picks_of = picks_by_trial(results.selections, rounds)
class_balance(picks_of, rounds).round(3)

# %% [markdown]
# ## Overlap
#
# Intersection over union of what two methods bought with the same seed.

# %%
selection_overlap(picks_of, rounds, setting).round(3)
