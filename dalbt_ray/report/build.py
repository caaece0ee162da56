"""The report of a sweep: one `index.html` that opens from disk, with figures and tables next to it."""

from dataclasses import replace
from pathlib import Path

from dalbt_ray.errors import InputError
from dalbt_ray.report import sections
from dalbt_ray.report.class_section import class_section
from dalbt_ray.report.contact_sheets import contact_sheet_section
from dalbt_ray.report.findings import Findings, analyze, write_tables
from dalbt_ray.report.interactive import curve_data
from dalbt_ray.report.latex import write_latex
from dalbt_ray.report.methods_section import methods_section
from dalbt_ray.report.open_set_section import open_set_section
from dalbt_ray.report.page import Curves, Files, Page, Section, Text, render
from dalbt_ray.report.plots import FORMATS, PAPER_FIGURES, curve_figure, paper_figure, save_figure
from dalbt_ray.report.ranking_section import ranking_section
from dalbt_ray.report.study import Study, read_study
from dalbt_ray.report.style import styles
from dalbt_ray.report.trouble import trouble_section
from dalbt_ray.report.wording import counted, duration


def build_report(
    results: Path | str,
    out_dir: Path | str | None = None,
    *,
    refresh: float = 0,
    data_root: Path | None = None,
) -> Path:
    """Write the report of a finished or running study.

    Args:
        results: a results folder, or a URI such as `s3://bucket/sweep`.
        out_dir: where to write; `<results>/report` by default. A URI needs one, since a path is returned.
        refresh: seconds after which the opened page loads itself again; 0 for never.
        data_root: where the data sets lie, for pictures of what was acquired; the embedded ones need none.

    Returns:
        The path of `index.html`. Next to it, figures are in `figures/` (PNG, SVG, PDF) and tables in `tables/` (CSV,
        LaTeX); the page itself needs neither.

    Raises:
        InputError: not a results folder, or damaged; or a URI without `out_dir`.
    """
    if out_dir is None and "://" in str(results):
        remedy = f"name a folder, or type `dalbt report {results}`, which writes to the store"
        raise InputError("out_dir", None, "is missing", remedy=remedy)
    folder = Path(out_dir) if out_dir is not None else Path(results) / "report"
    return write_report(read_study(results), folder, refresh=refresh, data_root=data_root)


def write_report(study: Study, folder: Path, *, refresh: float = 0, data_root: Path | None = None) -> Path:
    """Write the report of a study that has been read already; arguments as in `build_report`."""
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / "index.html"
    if study.rounds.empty:
        verdict = ["There is no result: no trial has committed a round."]
        page = _page(study, verdict, [trouble_section(study)], _banners(study))
    else:
        findings = analyze(study)
        files = [f"tables/{name}" for name in write_tables(findings, folder / "tables")]
        files += [f"tables/{name}" for name in write_latex(study, findings, folder / "tables")]
        files += [f"figures/{name}" for name in write_figures(study, folder / "figures")]
        parts = _sections(study, findings, files, contact_sheet_section(study, data_root))
        page = _page(study, findings.verdict.sentences, parts, _banners(study, findings))
    text = render(replace(page, refresh=refresh), curve_data(study))
    # Written beside and renamed: a browser that reloads a running sweep's page never sees half of it.
    draft = index.with_suffix(".tmp")
    draft.write_text(text, encoding="utf-8")
    return draft.replace(index)


def write_figures(study: Study, folder: Path) -> list[str]:
    """Write the static figures that the sweep has data for; returns the file names."""
    rounds = study.rounds
    figures = {"learning_curves": curve_figure(study)}
    for number in PAPER_FIGURES:
        try:
            figures[f"paper_figure_{number}"] = paper_figure(study, number)
        except LookupError:
            continue  # the sweep has no trial of this experiment
    mixed = rounds[rounds["ood"] != ""]
    if mixed["cumulative_purity"].notna().any():
        figures["purity"] = curve_figure(study.part(mixed), "cumulative_purity")
    for name, figure in figures.items():
        save_figure(figure, folder, name)
    return [f"{name}.{kind}" for name in figures for kind in FORMATS]


def _sections(study: Study, findings: Findings, files: list[str], pictures: Section) -> list[Section]:
    shown = sorted(study.rounds["method"].unique())
    looks = styles({name: study.methods[name] for name in shown})
    return [
        Section("learning-curves", "Learning curves", [Curves()]),
        sections.results_section(findings),
        sections.comparison_section(findings),
        ranking_section(findings, looks),
        sections.mixed_section(findings),
        open_set_section(findings, looks),
        sections.queries_section(findings),
        pictures,
        class_section(findings),
        sections.cost_section(findings),
        sections.checks_section(findings),
        trouble_section(study),
        methods_section(study),
        Section(
            "files",
            "Figures and tables",
            [Text("For papers and spreadsheets, beside this page."), Files(files)],
        ),
    ]


def _banners(study: Study, findings: Findings | None = None) -> list[str]:
    banners = []
    open_trials = study.total - len(study.finished) - len(study.failures)
    if open_trials > 0:
        banners.append(
            f"{len(study.finished):,} of {counted(study.total, 'trial')} finished, {len(study.running):,} running. "
            "What you see may still change."
        )
    if study.failures:
        banners.append(
            f"Failed: {counted(len(study.failures), 'trial')}; see the list of failed and unfinished trials."
        )
    failed = [check.title for check in findings.checks if check.state == "failed"] if findings else []
    if failed:
        banners.append(f"{counted(len(failed), 'sanity check')} failed: {'; '.join(failed)}.")
    return banners


def _page(study: Study, verdict: list[str], parts: list[Section], banners: list[str]) -> Page:
    rounds = study.rounds
    settings = list(rounds["setting"].unique())
    facts = [
        (f"{len(study.finished):,} of {study.total:,}", "trials finished"),
        (f"{len(study.running):,}", "running"),
        (f"{len(study.failures):,}", "failed"),
        (f"{rounds['method'].nunique():,}", "methods"),
        (f"{rounds['seed'].nunique():,}", "seeds"),
        (f"{len(rounds):,}", "rounds"),
        (duration(study.timings["total_seconds"].sum()), "computed"),
    ]
    return Page(
        title=study.name,
        subtitle="; ".join(settings[:6]) + ("; ..." if len(settings) > 6 else ""),
        verdict=verdict,
        facts=facts,
        banners=banners,
        sections=[part for part in parts if part.blocks],
        footer="Built by dalbt-ray from the results folder, with pictures from the data sets; nothing was trained or "
        "loaded from a network.",
    )
