"""The simulated annotator of one trial: it alone knows the hidden labels and which images are foreign."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.config import Trial
from dalbt_ray.data.corpus import Corpus
from dalbt_ray.data.splits import draw_splits
from dalbt_ray.seeding import generator


@dataclass(frozen=True)
class Oracle:
    """Row i of every array is image i of the trial's pool: own images first, then foreign ones.

    Attributes:
        corpus_rows: int64[n], where the image lies in the corpus.
        labels: int64[n], the true class; -1 for foreign images.
        is_ood: bool[n].
        sample_ids: int64[n], the image's id in its data set.
        sources: the name of the data set of own and of foreign images.
        initial: int64[i], pool rows of the initial set.
        validation_rows: int64[v], corpus rows of the validation images, which are not in the pool.
        validation_labels: int64[v].
    """

    corpus_rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    is_ood: NDArray[np.bool_]
    sample_ids: NDArray[np.int64]
    sources: tuple[str, str]
    initial: NDArray[np.int64]
    validation_rows: NDArray[np.int64]
    validation_labels: NDArray[np.int64]

    @classmethod
    def prepare(cls, trial: Trial, corpus: Corpus) -> "Oracle":
        """Draw the trial's splits. They depend on the seed alone, so all strategies of a seed share them."""
        own = corpus.labels[: corpus.own_count]
        splits = draw_splits(
            own,
            len(corpus.labels) - corpus.own_count,
            trial.splits,
            generator(trial.seed, 0, "splits"),
        )
        rows = np.sort(np.concatenate([splits.initial, splits.unlabeled, splits.foreign + corpus.own_count]))
        return cls(
            corpus_rows=rows,
            labels=corpus.labels[rows].astype(np.int64),
            is_ood=rows >= corpus.own_count,
            sample_ids=corpus.sample_ids[rows],
            sources=(trial.dataset, trial.ood),
            initial=np.searchsorted(rows, splits.initial).astype(np.int64),
            validation_rows=splits.validation,
            validation_labels=own[splits.validation].astype(np.int64),
        )

    def answer(self, row: int) -> dict[str, object]:
        """What the annotator says of one image: its class, or that it is foreign (label -1)."""
        foreign = bool(self.is_ood[row])
        return {
            "row": int(row),
            "sample_id": int(self.sample_ids[row]),
            "source": self.sources[foreign],
            "is_ood": foreign,
            "label": int(self.labels[row]),
        }
