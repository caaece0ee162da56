"""Result tables: for the terminal (rich), for spreadsheets (CSV) and for papers (LaTeX)."""

from math import isnan
from pathlib import Path

import pandas as pd
from rich import box
from rich.table import Table

from dalbt_ray.report.curves import summarize
from dalbt_ray.report.frames import prepare_rounds


def summary_frame(rounds: pd.DataFrame) -> pd.DataFrame:
    """The result table as text, one row per setting and method, best AUBC first.

    Args:
        rounds: the `rounds` frame of `load_results`.

    Returns:
        Columns `setting, method, seeds, labels, AUBC, final accuracy, NLL, ECE` and, where a pool is mixed, `purity`.
        Accuracies and purities are percentages, written mean ± standard deviation over seeds.
    """
    return summary_text(summarize(prepare_rounds(rounds)))


def summary_text(table: pd.DataFrame) -> pd.DataFrame:
    """`summary_frame` from a frame of `metrics.summarize`."""
    text = pd.DataFrame(
        {
            "setting": table["setting"],
            "method": table["method"],
            "seeds": [_seeds(*row) for row in table[["n_seeds", "n_partial", "n_stalled"]].to_numpy()],
            "labels": [number(value, 0) for value in table["n_labeled"]],
            "AUBC": _percent(table["aubc"], table["aubc_sd"]),
            "final accuracy": _percent(table["final"], table["final_sd"]),
            "NLL": [number(value, 3) for value in table["final_nll"]],
            "ECE": [number(value, 3) for value in table["final_ece"]],
        }
    )
    if table["purity"].notna().any():
        text["purity"] = _percent(table["purity"], table["purity_sd"])
    return text


def _seeds(done: int, partial: int, stalled: int) -> str:
    """`3 (1 running)`: how many trials are in the means, and what keeps the others out or apart."""
    extra = [f"{partial} running" if partial else "", f"{stalled} stalled" if stalled else ""]
    words = ", ".join(word for word in extra if word)
    return f"{done} ({words})" if words else str(done)


def _percent(mean: "pd.Series[float]", spread: "pd.Series[float]") -> list[str]:
    return [percent(m, s) for m, s in zip(mean, spread, strict=True)]


def percent(mean: float, spread: float = float("nan")) -> str:
    """`81.2 ± 0.4` from fractions; a dash for what is not known."""
    if isnan(mean):
        return "-"
    return f"{100 * mean:.1f}" if isnan(spread) else f"{100 * mean:.1f} ± {100 * spread:.1f}"


def counted(number_of: int, noun: str) -> str:
    """`1 trial`, `2 trials`."""
    return f"{number_of} {noun}" if number_of == 1 else f"{number_of} {noun}s"


def number(value: float, digits: int) -> str:
    """A number with fixed digits; a dash for what is not known."""
    return "-" if isnan(value) else f"{value:.{digits}f}"


def summary_table(rounds: pd.DataFrame) -> Table:
    """The result table for the terminal: `summary_frame`, one section per setting."""
    frame = summary_frame(rounds).drop(columns=["NLL", "ECE"])
    table = Table(
        title="Test accuracy in %, mean ± standard deviation over seeds",
        title_justify="left",
        box=box.SIMPLE,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    names = {"seeds": "seeds", "labels": "labels", "AUBC": "AUBC", "final accuracy": "final"}
    if "purity" in frame:
        names["purity"] = "purity"
    table.add_column("method", overflow="fold")
    for title in names.values():
        table.add_column(title, justify="right", no_wrap=True)
    for setting, group in frame.groupby("setting", sort=False):
        table.add_row(f"[bold]{setting}[/bold]")
        for _, row in group.iterrows():
            table.add_row("  " + row["method"], *[row[name] for name in names])
        table.add_section()
    return table


PRINTABLE = 200
"""Rows up to which a table is also written for LaTeX."""


def write_table(frame: pd.DataFrame, folder: Path, name: str, caption: str = "") -> list[str]:
    """Write `frame` as `<name>.csv` (full precision) and, if a paper can hold it, `<name>.tex` (booktabs, escaped).

    Returns:
        The names of the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / f"{name}.csv", index=False)
    if len(frame) > PRINTABLE:
        return [f"{name}.csv"]
    # Only the LaTeX text needs the escape: pandas leaves the caption alone.
    latex = frame.to_latex(
        index=False, escape=True, float_format="%.4f", na_rep="--", caption=_escape(caption) or None
    )
    (folder / f"{name}.tex").write_text(latex.replace("±", r"$\pm$"), encoding="utf-8")
    return [f"{name}.csv", f"{name}.tex"]


def _escape(text: str) -> str:
    for sign in "%&_#$":
        text = text.replace(sign, "\\" + sign)
    return text
