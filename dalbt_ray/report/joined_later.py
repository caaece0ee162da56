"""What a trial says by not mentioning an option: it ran before the option was there, so it had what everybody had.

Without it, seeds that join an old folder would be another method in another setting.
"""

from collections.abc import Hashable

NEUTRAL: dict[str, Hashable] = {
    "encoder.dropout_at": "every_layer",
    "learner.name": "as_needed",
    "augmentation.name": "none",
    "pretraining.name": "none",
    "training.patience": 0,
    "training.outlier_class": False,
    "splits.initial_ids": "[]",
    "splits.known_names": "[]",
    "splits.ood_share": 0.0,
}
"""By column of `Results.trials`. An option whose default is missing needs no entry."""
