"""The section on trials that failed, ended early or are not finished."""

from dalbt_ray.report.curves import trial_summary
from dalbt_ray.report.frames import trial_keys
from dalbt_ray.report.page import Block, Preformatted, Section, Text, TextTable
from dalbt_ray.report.study import Sweep
from dalbt_ray.report.tables import counted


def trouble_section(sweep: Sweep) -> Section:
    """Trials that failed, ended early or are not finished."""
    blocks: list[Block] = []
    labels = {
        trial: f"{row['method']} seed {row['seed']} ({trial})"
        for trial, row in trial_keys(sweep.rounds).iterrows()
    }
    alike: dict[tuple[str, str], list[str]] = {}
    for trial_id, error in sweep.failures.items():
        message = f"{error.get('type', 'unknown')}: {error.get('message', '')}"
        alike.setdefault((message, str(error.get("hint") or "")), []).append(trial_id)
    for (message, hint), trial_ids in alike.items():
        blocks.append(
            Text(f"Failed: {counted(len(trial_ids), 'trial')}. {message}{' - ' + hint if hint else ''}")
        )
        blocks.append(Preformatted("Which", "\n".join(labels.get(name, name) for name in trial_ids)))
        trace = sweep.failures[trial_ids[0]].get("trace") or []
        if trace:
            blocks.append(Preformatted("Trace of the first", "\n".join(map(str, trace))))
    unfinished = set(sweep.unfinished) - set(sweep.failures)
    if unfinished:
        open_trials = trial_summary(sweep.rounds)
        open_trials = open_trials[open_trials["trial_id"].isin(unfinished)]
        table = open_trials[["setting", "method", "seed", "last_round", "n_labeled"]]
        table = table.rename(columns={"last_round": "last round", "n_labeled": "labels"})
        blocks.append(TextTable.of(table, f"Not finished: {counted(len(table), 'trial')}", ("method",)))
    return Section("trouble", "Failed and unfinished trials", blocks)
