"""Tables for papers: LaTeX (booktabs) that fits one column of a two-column page, with a caption that says all."""

from pathlib import Path

import pandas as pd

from dalbt_ray.report.findings import Findings
from dalbt_ray.report.study import Study
from dalbt_ray.report.wording import p_value

ONE_COLUMN = 58
"""Characters of a row, two for each gap included, that fit 3.3 inches (IEEE, ACM, ICML) at 8 points."""

SPECIAL = {sign: "\\" + sign for sign in "&%$#_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def write_latex(study: Study, findings: Findings, folder: Path) -> list[str]:
    """Write results and differences to random, one table a setting.

    Returns:
        The names of the files: `results_1.tex`, `against_random_1.tex`, ... in the order of the settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for place, setting in enumerate(study.rounds["setting"].unique(), start=1):
        summary = findings.summary[findings.summary["setting"] == setting]
        against = findings.against_random[findings.against_random["setting"] == setting]
        for name, frame, caption in (
            ("results", _results(summary), _results_caption(setting, summary)),
            ("against_random", _against(against), _against_caption(setting, against)),
        ):
            if len(frame):
                path = folder / f"{name}_{place}.tex"
                path.write_text(latex_table(frame, caption, f"tab:{path.stem}"), encoding="utf-8")
                written.append(path.name)
    return written


def latex_table(frame: pd.DataFrame, caption: str, label: str = "") -> str:
    """A `table` environment of a frame of text, with a label to refer to: the first column left-aligned, others right.

    A table that would be wider than one column is scaled down to it.
    """
    rows = [list(frame.columns), *frame.to_numpy().tolist()]
    width = sum(max(len(str(row[i])) for row in rows) for i in range(len(frame.columns)))
    too_wide = width + 2 * (len(frame.columns) - 1) > ONE_COLUMN
    lines = [
        "% needs \\usepackage{booktabs}" + (" and \\usepackage{graphicx}" if too_wide else ""),
        r"\begin{table}",
        rf"\caption{{{escaped(caption)}}}" + (rf"\label{{{label}}}" if label else ""),
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        *([r"\resizebox{\columnwidth}{!}{%"] if too_wide else []),
        rf"\begin{{tabular}}{{@{{}}l{'r' * (len(frame.columns) - 1)}@{{}}}}",
        r"\toprule",
        _row(rows[0]),
        r"\midrule",
        *map(_row, rows[1:]),
        r"\bottomrule",
        r"\end{tabular}" + ("}" if too_wide else ""),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(SPECIAL.get(sign, sign) for sign in text).replace("±", r"$\pm$")


def _row(cells: list[object]) -> str:
    return " & ".join(escaped(str(cell)) for cell in cells) + r" \\"


def _results(summary: pd.DataFrame) -> pd.DataFrame:
    done = summary[summary["n_seeds"] > 0]
    return pd.DataFrame(
        {
            "method": done["method"],
            "AUBC": [_spread(*row) for row in done[["aubc", "aubc_sd"]].to_numpy()],
            "final": [_spread(*row) for row in done[["final", "final_sd"]].to_numpy()],
        }
    )


def _results_caption(setting: str, summary: pd.DataFrame) -> str:
    seeds = summary["n_seeds"]
    n = f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
    labels = set(summary["n_labeled"].dropna())  # of a mixed pool, each method gains another number
    end = f"{labels.pop():,.0f} labels" if len(labels) == 1 else "its end"
    return (
        f"{setting}: test accuracy in %, mean ± standard deviation over {n} seeds. AUBC is the mean height of the "
        f"learning curve over the labels paid for; final is the accuracy at {end}."
    )


def _against(against: pd.DataFrame) -> pd.DataFrame:
    made = against[against["n_seeds"] > 1]
    several = made["method"].duplicated(keep=False)
    return pd.DataFrame(
        {
            "method": [
                f"{method} vs. {baseline}" if twice else method
                for method, baseline, twice in zip(made["method"], made["baseline"], several, strict=True)
            ],
            "difference": [
                f"{100 * d:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
                for d, low, high in made[["difference", "low", "high"]].to_numpy()
            ],
            "p": [p_value(p) for p in made["p_holm"]],
        }
    )


def _against_caption(setting: str, against: pd.DataFrame) -> str:
    n = int(against["n_seeds"].max()) if len(against) else 0
    return (
        f"{setting}: difference in AUBC to random sampling in percentage points, paired on up to {n} seeds, with 95 % "
        "t intervals; p by a paired t-test with Holm's correction."
    )


def _spread(mean: float, sd: float) -> str:
    return f"{100 * mean:.1f}" if sd != sd else f"{100 * mean:.1f} ± {100 * sd:.1f}"  # noqa: PLR0124 - NaN
