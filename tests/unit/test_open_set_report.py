"""The open-set section: its numbers by loops over rounds, and that a control takes part in no comparison."""

from dataclasses import replace

import numpy as np
import pytest

from dalbt_ray.report.curves import learning_curves
from dalbt_ray.report.findings import analyze
from dalbt_ray.report.open_set import open_set_summary, purity_course
from dalbt_ray.report.open_set_section import open_set_section
from dalbt_ray.report.page import Drawing, TextTable
from dalbt_ray.report.study import Study
from dalbt_ray.report.style import styles
from dalbt_ray.report.summaries import trial_summary
from tests.analysis_frames import Sweep, make_study

METHODS = [
    ("random", "supervised", 0.0),
    ("margin", "supervised", 0.02),
    ("oracle_purity", "supervised", 0.08),
]
CONTROL = "oracle_purity"


@pytest.fixture(scope="module")
def study() -> Study:
    """A pure and a mixed setting with a control, as finished trials' manifests mark it."""
    made = make_study(Sweep(methods=METHODS))
    marked = {
        str(trial_id): {"control": name == CONTROL, "workers": 1}
        for trial_id, name in made.trials["method"].items()
    }
    return replace(made, manifests=marked)


def test_the_summary_is_what_the_rounds_say(study: Study) -> None:
    """Trial by trial, query by query; the pure setting has no row."""
    table = open_set_summary(study).set_index("method")
    assert len(table) == len(METHODS)
    assert table.index[table["is_control"]].tolist() == [CONTROL]
    areas = trial_summary(study.rounds).query("ood != ''").groupby("method")["aubc"].mean()
    ceiling = areas[CONTROL] - areas["random"]
    for method, rounds in study.rounds.query("ood != ''").groupby("method"):
        first, labels, last = [], [], []
        for _, trial in rounds.groupby("trial_id"):
            queries = trial.sort_values("round").iloc[1:]
            first.append(queries["pool_ood_share"].iloc[0])
            labels.append(1 - queries["n_ood_bought"].iloc[-1] / queries["n_bought"].iloc[-1])
            last.append(queries["purity"].iloc[-1])
        row = table.loc[str(method)]
        found = row[["openness", "labels_per_paid", "last_purity"]].to_numpy(float)
        np.testing.assert_allclose(found, [np.mean(first), np.mean(labels), np.mean(last)])
        if method == "random":
            assert np.isnan(row["gain"])
            assert np.isnan(row["detector_auroc"])
        else:
            gain = areas[method] - areas["random"]
            assert row["gain"] == pytest.approx(gain)
            assert row["ceiling_share"] == pytest.approx(gain / ceiling)
            assert row["detector_auroc"] == pytest.approx(0.75)  # of the fifth query


def test_the_course_is_the_mean_purity_of_each_query(study: Study) -> None:
    """Five queries, counted from 1."""
    course = purity_course(study.rounds).query("method == 'margin'")
    assert course["query"].tolist() == [1, 2, 3, 4, 5]
    rounds = study.rounds.query("ood != '' and method == 'margin' and round > 0")
    np.testing.assert_allclose(course["purity"], rounds.groupby("round")["purity"].mean())


def test_a_stalled_trial_counts_on_in_the_course(study: Study) -> None:
    """With the purity of its last query, as the curve of that column has it."""
    rounds = study.rounds.copy()
    mine = (rounds["method"] == "margin") & (rounds["seed"] == 0) & (rounds["ood"] != "")
    rounds.loc[mine & (rounds["round"] == 3), ["status", "purity"]] = ["stalled", 0.0]
    cut = rounds[~mine | (rounds["round"] <= 3)]
    course = purity_course(cut).query("method == 'margin'").set_index("query")["purity"]
    others = rounds[(rounds["method"] == "margin") & (rounds["ood"] != "") & (rounds["seed"] != 0)]
    last = others[others["round"] == 5]["purity"]
    assert course[5] == pytest.approx(last.sum() / 3)
    curve = learning_curves(cut[cut["ood"] != ""], "purity").query("method == 'margin'").set_index("round")
    np.testing.assert_allclose(course, curve["mean"])


def test_a_control_is_shown_and_never_compared(study: Study) -> None:
    """It is the best by far; no verdict, rank, test or saving names it, and no other p value is corrected for it."""
    findings = analyze(study)
    without = analyze(study.without_controls)
    assert CONTROL in set(findings.summary["method"])
    assert not any(CONTROL.split(maxsplit=1)[0] in sentence for sentence in findings.verdict.sentences)
    for frame in (findings.against_random, findings.final_against_random, findings.saving):
        assert CONTROL not in set(frame["method"])
    assert CONTROL not in findings.ranks.index
    assert CONTROL not in findings.penalties.matrix.index
    assert findings.against_random["p_holm"].tolist() == without.against_random["p_holm"].tolist()


def test_the_section_has_a_table_and_a_drawing_of_every_mixed_setting(study: Study) -> None:
    """With every method as a curve, and the control marked."""
    looks = styles({name: study.methods[name] for name in sorted(study.methods)})
    blocks = open_set_section(analyze(study), looks).blocks
    drawings = [block for block in blocks if isinstance(block, Drawing)]
    tables = [block for block in blocks if isinstance(block, TextTable)]
    assert (len(drawings), len(tables)) == (1, 1)
    assert drawings[0].svg.count("<polyline") == len(METHODS) + 1  # and uniform sampling's share
    assert any(f"{CONTROL}: control" in map(str, row) for row in tables[0].rows)
    pure = make_study(Sweep(settings=[("fashion_mini", "", 100)], methods=METHODS))
    assert open_set_section(analyze(pure), looks).blocks == []
