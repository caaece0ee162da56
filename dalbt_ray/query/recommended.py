"""Which strategy for how many labels: data, with what each recommendation rests on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recommendation:
    """One range of labels.

    Attributes:
        labels: from so many on.
        strategy: by name.
        because: one sentence.
        source: a study of this project.
    """

    labels: int
    strategy: str
    because: str
    source: str


RECOMMENDED = (
    Recommendation(
        0,
        "uncertainty_herding",
        "the best of 14 strategies from 0 to 100 labels, 9 to 10 points of accuracy above random on CIFAR-10 and "
        "Fashion-MNIST",
        "docs/studies/budgets_low.md",
    ),
    Recommendation(
        101,
        "uncertainty_herding",
        "the best of 14 strategies from 100 to 1,000 labels, 1 to 2 points of accuracy above random on CIFAR-10 and "
        "Fashion-MNIST",
        "docs/studies/budgets_middle.md",
    ),
    Recommendation(
        1_001,
        "margin",
        "ahead of 13 others from 1,000 to 10,000 labels, 1 point of accuracy above random on CIFAR-10 and "
        "Fashion-MNIST (20 seeds; not significantly ahead of uncertainty_herding)",
        "docs/studies/budgets_high.md",
    ),
)
"""Ascending by `labels`; the last range has no end."""


def recommended(labels: int) -> Recommendation:
    """The recommendation for so many labels."""
    return next(each for each in reversed(RECOMMENDED) if labels >= each.labels)
