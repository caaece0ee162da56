"""Trials that failed, ended early or are not finished: lines for the terminal, a section for the page."""

import pandas as pd

from dalbt_ray.report.page import Block, Preformatted, Section, Text, TextTable
from dalbt_ray.report.study import Json, Study, names_of_trials
from dalbt_ray.report.summaries import trial_summary
from dalbt_ray.report.wording import counted

NOT_THE_USERS = ("/dalbt_ray/", "/site-packages/", "/lib/python3")
SHOWN = 5
"""Kinds of failure that the terminal shows."""


def failure_lines(study: Study) -> list[str]:
    """Every kind of failure in a line or three: how many trials, message, hint, and where it was raised."""
    lines = []
    kinds = _alike(study)
    for (message, hint), trial_ids in list(kinds.items())[:SHOWN]:
        lines.append(f"failed: {counted(len(trial_ids), 'trial')}. {message}{' - ' + hint if hint else ''}")
        place = raised_at(study.failures[trial_ids[0]])
        lines += [f"  {line}" for line in place]
    if len(kinds) > SHOWN:
        lines.append(f"and {len(kinds) - SHOWN} more kinds of failure; see the report")
    return lines


def raised_at(failure: Json) -> list[str]:
    """The last place of a failure's trace that is in the user's own files, else the last one: file, line and code."""
    trace = [str(line) for line in failure.get("trace") or []]
    starts = [i for i, line in enumerate(trace) if line.lstrip().startswith('File "')]
    if not starts:
        return []
    outside = [i for i in starts if not any(part in trace[i] for part in NOT_THE_USERS)]
    at = (outside or starts)[-1]
    code = [line.strip() for line in trace[at + 1 : at + 2] if not line.lstrip().startswith('File "')]
    return [trace[at].strip(), *code]


def trouble_section(study: Study) -> Section:
    """Trials that failed, ended early or are not finished."""
    blocks: list[Block] = []
    labels = {trial: f"{name} ({trial})" for trial, name in names_of_trials(study.trials).items()}
    for (message, hint), trial_ids in _alike(study).items():
        blocks.append(
            Text(f"Failed: {counted(len(trial_ids), 'trial')}. {message}{' - ' + hint if hint else ''}")
        )
        blocks += [Text(line) for line in raised_at(study.failures[trial_ids[0]])[:1]]
        blocks.append(Preformatted("Which", "\n".join(labels.get(name, name) for name in trial_ids)))
        trace = study.failures[trial_ids[0]].get("trace") or []
        if trace:
            blocks.append(Preformatted("Trace of the first", "\n".join(map(str, trace))))
    if study.running:
        blocks.append(
            TextTable.of(
                _running(study), f"Not finished: {counted(len(study.running), 'trial')}", ("method",)
            )
        )
    return Section("trouble", "Failed and unfinished trials", blocks)


def _running(study: Study) -> pd.DataFrame:
    trials = trial_summary(study.rounds)
    trials = trials[trials["trial_id"].isin(study.running)]
    table = trials[["setting", "method", "seed", "last_round", "n_labeled"]]
    return table.rename(columns={"last_round": "last round", "n_labeled": "labels"})


def _alike(study: Study) -> dict[tuple[str, str], list[str]]:
    """Failed trials by message and hint."""
    alike: dict[tuple[str, str], list[str]] = {}
    for trial_id, error in study.failures.items():
        message = f"{error.get('type', 'unknown')}: {error.get('message', '')}"
        alike.setdefault((message, str(error.get("hint") or "")), []).append(trial_id)
    return alike
