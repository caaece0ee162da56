"""The report of a sweep: one `index.html` that opens from disk, with figures and tables beside it."""

from pathlib import Path

from dalbt_ray.errors import InputError
from dalbt_ray.report import sections
from dalbt_ray.report.findings import Findings, analyze, write_tables
from dalbt_ray.report.interactive import curve_data
from dalbt_ray.report.methods_section import methods_section
from dalbt_ray.report.page import Curves, Files, Page, Section, Text, render
from dalbt_ray.report.plots import FORMATS, PAPER_FIGURES, curve_figure, paper_figure, save_figure
from dalbt_ray.report.study import Sweep, read_sweep
from dalbt_ray.report.tables import counted
from dalbt_ray.report.trouble import trouble_section


def build_report(results: Path | str, out_dir: Path | str | None = None) -> Path:
    """Write the report of a finished or running sweep.

    Args:
        results: a results folder, or a URI such as `s3://bucket/sweep`.
        out_dir: where to write; `<results>/report` by default. A URI needs one: reports are written to a disk.

    Returns:
        The path of `index.html`. Beside it, figures are in `figures/` (PNG, SVG, PDF) and tables in `tables/` (CSV,
        LaTeX); the page itself needs neither.

    Raises:
        InputError: not a results folder, or damaged; or a URI without `out_dir`.
    """
    if out_dir is None and "://" in str(results):
        raise InputError("out", None, "is missing", remedy=f"name a folder for the report of {results}")
    folder = Path(out_dir) if out_dir is not None else Path(results) / "report"
    return write_report(read_sweep(results), folder)


def write_report(sweep: Sweep, folder: Path) -> Path:
    """Write the report of a sweep that has been read already."""
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / "index.html"
    if sweep.rounds.empty:
        page = _page(sweep, [trouble_section(sweep)], ["No round has been committed yet."])
    else:
        findings = analyze(sweep)
        files = [f"tables/{name}" for name in write_tables(findings, folder / "tables")]
        files += [f"figures/{name}" for name in write_figures(sweep, folder / "figures")]
        page = _page(sweep, _sections(sweep, findings, files), _banners(sweep, findings))
    text = render(page, curve_data(sweep.rounds))
    # Written beside and renamed: a browser that reloads a running sweep's page never sees half of it.
    draft = index.with_suffix(".tmp")
    draft.write_text(text, encoding="utf-8")
    return draft.replace(index)


def write_figures(sweep: Sweep, folder: Path) -> list[str]:
    """Write the static figures that the sweep has data for; returns the file names."""
    rounds = sweep.rounds
    figures = {"learning_curves": curve_figure(rounds)}
    for which in PAPER_FIGURES:
        try:
            figures[f"paper_figure_{which.number}"] = paper_figure(rounds, which)
        except LookupError:
            continue  # the sweep has no trial of this experiment
    mixed = rounds[rounds["ood"] != ""]
    if mixed["cumulative_purity"].notna().any():
        figures["purity"] = curve_figure(mixed, "cumulative_purity")
    for name, figure in figures.items():
        save_figure(figure, folder, name)
    return [f"{name}.{kind}" for name in figures for kind in FORMATS]


def _sections(sweep: Sweep, findings: Findings, files: list[str]) -> list[Section]:
    parts = [
        Section("learning-curves", "Learning curves", [Curves()]),
        sections.results_section(findings),
        sections.comparison_section(findings),
        sections.ranking_section(findings),
        sections.mixed_section(findings),
        sections.queries_section(findings),
        sections.cost_section(findings),
        sections.checks_section(findings),
        trouble_section(sweep),
        methods_section(sweep),
        Section(
            "files",
            "Figures and tables",
            [Text("For papers and spreadsheets, beside this page."), Files(files)],
        ),
    ]
    return [part for part in parts if part.blocks]


def _banners(sweep: Sweep, findings: Findings) -> list[str]:
    banners = []
    unfinished = len(set(sweep.unfinished) - set(sweep.failures))
    if unfinished:
        banners.append(f"Not finished: {counted(unfinished, 'trial')}. What you see may still change.")
    if sweep.failures:
        banners.append(
            f"Failed: {counted(len(sweep.failures), 'trial')}; see the list of failed and unfinished trials."
        )
    failed = [check.title for check in findings.checks if check.state == "failed"]
    if failed:
        banners.append(f"{counted(len(failed), 'sanity check')} failed: {'; '.join(failed)}.")
    return banners


def _page(sweep: Sweep, parts: list[Section], banners: list[str]) -> Page:
    rounds = sweep.rounds
    facts = [
        (str(len(sweep.manifests)), "trials finished"),
        (str(len(set(sweep.unfinished) - set(sweep.failures))), "not finished"),
        (str(len(sweep.failures)), "failed"),
        (str(rounds["method"].nunique()), "methods"),
        (str(rounds["seed"].nunique()), "seeds"),
        (f"{len(rounds):,}", "rounds"),
        (f"{sweep.timings['total_seconds'].sum() / 3600:.2g} h", "computed"),
    ]
    return Page(
        title=sweep.name,
        subtitle="; ".join(rounds["setting"].unique()[:6])
        + ("; ..." if rounds["setting"].nunique() > 6 else ""),
        facts=facts,
        banners=banners,
        sections=[part for part in parts if part.blocks],
        footer="Built by dalbt-ray from the results folder alone; nothing was trained or loaded from a network.",
    )
