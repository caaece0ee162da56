"""Class by class: means, intervals and confusion of the last compared round, against loops."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dalbt_ray.report.by_class import class_means, class_tables, confusion
from dalbt_ray.report.class_section import class_section
from dalbt_ray.report.findings import Findings, analyze
from dalbt_ray.report.page import Folded, Text, TextTable
from dalbt_ray.report.study import Study, prepare
from tests.analysis_frames import METHODS, Sweep, make_frames

NAMES = ["cat", "dog", "emu"]


def three_classes(*, seeds: int = 3) -> tuple[Study, pd.DataFrame]:
    """A study of three methods and three classes of 50 test images each, and its rounds."""
    frames = make_frames(
        Sweep(settings=[("fashion_mini", "", 100)], methods=METHODS[:3], seeds=seeds, last_round=2)
    )
    rng = np.random.default_rng(0)
    counts = [rng.multinomial(50, [0.6, 0.3, 0.1], size=3) for _ in range(len(frames.rounds))]
    rounds = frames.rounds.assign(
        test_confusion=[[float(n) for n in each.ravel()] for each in counts],
        test_recall=[list(each.diagonal() / 50) for each in counts],
    )
    study = prepare(replace(frames, rounds=rounds))
    manifests = {
        name: {"config": {"dataset": "x", "ood": ""}, "data": {"class_names": NAMES}}
        for name in rounds["trial_id"].unique()
    }
    return replace(study, manifests=manifests), study.rounds


def test_means_and_intervals_equal_a_loop() -> None:
    """Over the seeds' last round, class by class."""
    study, rounds = three_classes()
    (means,) = class_means(study)
    assert means.classes == NAMES
    for i, method in enumerate(means.methods):
        values = [
            list(row.test_recall) for row in rounds.itertuples() if row.method == method and row.round == 2
        ]
        for k in range(3):
            seeds = [value[k] for value in values]
            low, high = stats.t.interval(0.95, 2, np.mean(seeds), stats.sem(seeds))
            assert means.mean[i, k] == pytest.approx(np.mean(seeds))
            assert means.mean[i, k] + means.half[i, k] == pytest.approx(high)
            assert means.mean[i, k] - means.half[i, k] == pytest.approx(low)


def test_the_mean_confusion_has_the_mean_recall_on_its_diagonal() -> None:
    """Two measures of the same predictions; the shares of a true class sum to one."""
    study, _ = three_classes()
    (means,), (confused,) = class_means(study), confusion(study)
    for i, method in enumerate(means.methods):
        assert confused.shares[method].diagonal() == pytest.approx(means.mean[i])
        assert confused.shares[method].sum(axis=1) == pytest.approx(1)
    tables = class_tables([means], [confused])
    assert (len(tables["class_means"]), len(tables["confusion"])) == (3 * 3, 3 * 9)


def test_a_trial_that_has_not_come_as_far_is_in_no_mean() -> None:
    """Its last round has fewer labels than the others'."""
    study, rounds = three_classes()
    late = rounds["trial_id"].iloc[0]
    part = rounds[(rounds["trial_id"] != late) | (rounds["round"] < 2)]
    part = part.assign(finished=part["finished"] & (part["trial_id"] != late))
    (means,) = class_means(replace(study, rounds=part))
    assert sorted(means.n_seeds) == [2, 3, 3]


def test_seeds_that_learn_other_classes_are_not_averaged() -> None:
    """Class 0 of one seed is not class 0 of the other."""
    study, rounds = three_classes()
    names = {name: ["cat", "emu", "dog"] for name in rounds.loc[rounds["seed"] == 1, "trial_id"]}
    manifests = {
        name: manifest | {"data": {"known_classes": names.get(name, NAMES)}}
        for name, manifest in study.manifests.items()
    }
    assert class_means(replace(study, manifests=manifests)) == []
    assert confusion(replace(study, manifests=manifests)) == []


def test_results_without_confusion_and_names_still_have_their_classes() -> None:
    """Sweeps from before these were recorded: classes by number, no matrices; one seed has no interval."""
    study, rounds = three_classes(seeds=1)
    old = replace(study, manifests={}, rounds=rounds.assign(test_confusion=None))
    (means,) = class_means(old)
    assert means.classes == ["0", "1", "2"]
    assert np.isnan(means.half).all()
    assert confusion(old) == []


def findings_of_three_classes() -> Findings:
    """All that a report says of them."""
    study, _ = three_classes()
    manifests = {
        name: manifest | {"data": {**manifest["data"], "test_in_train": 0, "ood_in_train": 0}}
        for name, manifest in study.manifests.items()
    }
    return analyze(replace(study, manifests=manifests))


def test_what_a_confusion_matrix_is_stands_beside_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are too many for a page, only where to find them."""
    findings = findings_of_three_classes()
    explained = [block.text for block in class_section(findings).blocks if isinstance(block, Text)][-1]
    assert explained.startswith("In a confusion matrix, a row is the true class")
    monkeypatch.setattr("dalbt_ray.report.class_section.MATRICES", 0)
    told = class_section(findings).blocks[-1]
    assert told == Text("All confusion matrices: tables/confusion.csv.", note=True)


def test_the_section_names_the_worst_classes_and_the_commonest_mistake() -> None:
    """As the numbers say."""
    findings = findings_of_three_classes()
    blocks = class_section(findings).blocks
    (worst,) = [block for block in blocks if isinstance(block, TextTable)]
    (means,), (confused,) = findings.by_class, findings.confused
    for i, row in enumerate(worst.rows):
        assert row[1].split(":")[0] == NAMES[int(means.mean[i].argmin())]
    (folded,) = [block for block in blocks if isinstance(block, Folded)]
    for table in folded.tables:
        method, _, said = table.caption.partition(": ")
        wrong = confused.shares[method] - np.diag(confused.shares[method].diagonal())
        true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
        assert said == f"{100 * wrong.max():.0f} % of {NAMES[true]} taken for {NAMES[predicted]}"
