"""Result tables: as text, for the terminal (rich) and for spreadsheets (CSV)."""

from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from dalbt_ray.errors import printable
from dalbt_ray.report.measures import Measure, recorded
from dalbt_ray.report.study import Study
from dalbt_ray.report.summaries import summarize
from dalbt_ray.report.trouble import failure_lines
from dalbt_ray.report.wording import number, percent


def reported(study: Study) -> list[Measure]:
    """The measures that the table of results gives for the last round."""
    return [each for each in recorded(study.measures, study.rounds) if each.reported]


def summary_frame(study: Study) -> pd.DataFrame:
    """The result table as text, one row per setting and method, best AUBC first.

    Returns:
        Columns `setting, method, seeds, labels, AUBC`, one per reported measure (`test accuracy`, `test NLL`, ...) and,
        where a pool is mixed, `purity`. Fractions are percentages; AUBC, accuracy and purity are written
        mean ± standard deviation over seeds.
    """
    return summary_text(summarize(study.rounds, also=reported(study)), reported(study))


def summary_text(table: pd.DataFrame, shown: list[Measure]) -> pd.DataFrame:
    """`summary_frame` from a frame of `summarize`; the first of `shown` is the measure it is about."""
    counts = table[["n_seeds", "n_running", "n_stalled", "n_diverged"]].to_numpy()
    text = pd.DataFrame(
        {
            "setting": table["setting"],
            "method": table["method"],
            "seeds": [_seeds(*row) for row in counts],
            "labels": [number(value, 0) for value in table["n_labeled"]],
            "AUBC": _percent(table["aubc"], table["aubc_sd"]),
        }
    )
    for place, measure in enumerate(shown):
        if place == 0:
            text[measure.title] = _percent(table["final"], table["final_sd"])
        else:
            digits = 1 if measure.unit == "percent" else 3
            text[measure.title] = [number(measure.scale * value, digits) for value in table[measure.column]]
    if table["purity"].notna().any():
        text["purity"] = _percent(table["purity"], table["purity_sd"])
    return text


def _seeds(done: int, running: int, stalled: int, diverged: int) -> str:
    """`3 (1 running)`: how many trials are in the means, and what keeps the others out or apart."""
    counts = {"running": running, "stalled": stalled, "diverged": diverged}
    words = ", ".join(f"{n} {word}" for word, n in counts.items() if n)
    return f"{done} ({words})" if words else str(done)


def _percent(mean: "pd.Series[float]", spread: "pd.Series[float]") -> list[str]:
    return [percent(m, s) for m, s in zip(mean, spread, strict=True)]


def summary_table(study: Study) -> Group:
    """The result table for the terminal, one section per setting; then what failed, if anything did."""
    parts: list[Table | Text] = []
    if study.rounds.empty:
        parts.append(Text("There is no result: no trial has committed a round.", style="bold"))
    elif not reported(study):
        parts.append(Text("There is no result: every trial diverged in its first round.", style="bold"))
    else:
        parts.append(_results_table(study))
    parts += [Text(printable(line)) for line in failure_lines(study)]
    return Group(*parts)


def _results_table(study: Study) -> Table:
    frame = summary_frame(study)
    final = reported(study)[0].title
    table = Table(
        title=f"{final.capitalize()} in %, mean ± standard deviation over seeds",
        title_justify="left",
        box=box.SIMPLE,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    shown = [name for name in ("seeds", "labels", "AUBC", final, "purity") if name in frame]
    table.add_column("method", overflow="fold")
    for name in shown:
        table.add_column("final" if name == final else name, justify="right", no_wrap=True)
    for setting, group in frame.groupby("setting", sort=False):
        table.add_row(Text(printable(str(setting)), style="bold"))
        for _, row in group.iterrows():
            table.add_row(Text(printable("  " + row["method"])), *[row[name] for name in shown])
        table.add_section()
    return table


def write_table(frame: pd.DataFrame, folder: Path, name: str) -> list[str]:
    """Write `frame` as `<name>.csv` with full precision; the file's name, in a list.

    Text that a spreadsheet would compute gets an apostrophe in front.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frame.map(_no_formula).rename(columns=_no_formula).to_csv(folder / f"{name}.csv", index=False)
    return [f"{name}.csv"]


def _no_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
