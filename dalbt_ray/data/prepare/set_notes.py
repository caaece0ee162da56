"""What a user should know of a found set before they trust it: repeats, contradictions, missing labels and classes."""

from collections import Counter

import numpy as np

from dalbt_ray.data.prepare.gathering import FoundSet
from dalbt_ray.data.prepare.inspection import Inspections
from dalbt_ray.data.prepare.setting_aside import Members
from dalbt_ray.errors import InputError


def repeat_notes(inspections: Inspections, found: FoundSet) -> list[str]:
    """What is repeated within splits, across them, and under different labels."""
    notes = []
    for split, gathered in found.splits.items():
        digests = inspections[split].digests
        counts = Counter(digests)
        if repeats := len(digests) - len(counts):
            example = gathered.names[digests.index(counts.most_common(1)[0][0])]
            notes.append(f"{repeats} images of {split} repeat another one and were kept, as {example}")
    for split, consequence in (("test", ": test accuracy will look too good"), ("unlabeled", "")):
        if "train" in found.splits and split in found.splits:
            train = set(inspections["train"].digests)
            if shared := [row for row, digest in enumerate(inspections[split].digests) if digest in train]:
                example = found.splits[split].names[shared[0]]
                notes.append(f"{len(shared)} {split} images are also in train, as {example}{consequence}")
    labels: dict[bytes, set[int]] = {}
    for split, gathered in found.splits.items():
        for digest, label in zip(inspections[split].digests, gathered.labels, strict=True):
            labels.setdefault(digest, set()).update({label} - {-1})
    if contradictory := sum(len(given) > 1 for given in labels.values()):
        notes.append(f"{contradictory} images appear under more than one label")
    return notes


def label_notes(found: FoundSet, members: Members) -> list[str]:
    """Which classes lack images, and how many images lack a label.

    Raises:
        InputError: a class with test images only, which nothing could learn.
    """
    labels = {
        split: np.array(found.splits[split if split in found.splits else "train"].labels)[rows]
        for split, rows in members.items()
    }
    present = {split: {int(label) for label in values if label >= 0} for split, values in labels.items()}

    def named(missing: set[int]) -> str:
        return ", ".join(found.class_names[label] for label in sorted(missing))

    if "train" not in present:
        return ["no image has a label: the set can only serve as an OOD source (ood)"]
    if test_only := present["test"] - present["train"]:
        problem = "has test images but no training image"
        raise InputError(
            "class", named(test_only), problem, remedy="add training images or remove the test ones"
        )
    notes = []
    if absent := set(range(len(found.class_names))) - present["train"]:
        notes.append(f"classes without any image: {named(absent)}")
    if untested := present["train"] - present["test"]:
        notes.append(f"classes without a test image: {named(untested)}")
    if unlabeled := len(labels.pop("unlabeled", ())):
        notes.append(f"{unlabeled} images without a label are kept apart, as the split `unlabeled`")
    if unknown := sum(int((values == -1).sum()) for values in labels.values()):
        notes.append(f"{unknown} images have no label: the set can only serve as an OOD source (ood)")
    elif len(found.class_names) == 1:
        notes.append("there is only one class: the set can only serve as an OOD source (ood)")
    return notes
