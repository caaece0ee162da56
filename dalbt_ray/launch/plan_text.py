"""What `--plan` prints: trials, where they would run, and what they cost, setting by setting."""

from collections.abc import Mapping

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dalbt_ray.errors import printable
from dalbt_ray.launch.places import Places
from dalbt_ray.launch.plan import Cost, Plan, estimate
from dalbt_ray.results import Results
from dalbt_ray.trial.clock import span
from dalbt_ray.trial.nominal import Gpu

UNKNOWN = "unknown"


def plan_text(
    plan: Plan,
    heading: str,
    finished: Results | None,
    here: Places | None,
    gpus: Mapping[str, Gpu],
) -> RenderableType:
    """The plan for a terminal.

    Args:
        plan: the plan.
        heading: the preset, and where its results are.
        finished: the finished trials of the results folder.
        here: what there is to run on; None if nothing is to do.
        gpus: the GPUs that were measured.
    """
    done = len(plan.planned) - len(plan.to_do)
    duplicates = f" ({plan.duplicates} duplicates dropped)" if plan.duplicates else ""
    longer = (
        f" ({len(plan.longer)} of them finished ones that are asked for more rounds)" if plan.longer else ""
    )
    lines = [
        f"preset   {heading}",
        f"trials   {len(plan.planned)}{duplicates}",
        f"done     {done}",
        f"to do    {len(plan.to_do)}{longer}",
    ]
    if here is None:
        return Text("\n".join(lines))
    on_cpu = on_these = estimate(plan, finished)
    if here.gpu:
        on_these = estimate(plan, finished, gpus.get(here.gpu, Gpu(here.gpu, {}, "")))
    others = {name: estimate(plan, finished, gpu) for name, gpu in gpus.items() if name != here.gpu}
    return Group(
        Text(printable("\n".join([*lines, f"runs     {here}"]))),
        _table(on_cpu, on_these, here.at_once, others),
        Text(_basis(on_cpu, gpus, others), style="dim"),
    )


def _table(
    on_cpu: dict[str, Cost], here: dict[str, Cost], at_once: int, others: dict[str, dict[str, Cost]]
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("setting", overflow="fold")
    for title in ("trials", "one CPU core", f"here, {at_once} at once", *(others or ["a GPU"])):
        table.add_column(title, justify="right")
    rows = [*on_cpu, "all"] if len(on_cpu) > 1 else list(on_cpu)
    for setting in rows:
        cpu = _of(on_cpu, setting)
        cells = [f"{cpu.trials:,}", _said(cpu, 1), _said(_of(here, setting), at_once)]
        cells += [_said(_of(each, setting), 1) for each in others.values()] or [UNKNOWN]
        table.add_row(Text(printable(setting)), *cells)
    return table


def _of(costs: dict[str, Cost], setting: str) -> Cost:
    if setting in costs:
        return costs[setting]
    total = Cost()
    for each in costs.values():
        total = total.plus(each)
    return total


def _said(cost: Cost, at_once: int) -> str:
    """`3 d 4 h`; with `+` where some of the trials could not be counted."""
    if cost.unknown == cost.trials:
        return UNKNOWN
    return span(cost.wall(at_once)) + (" +" if cost.unknown else "")


def _partly(cost: Cost) -> str:
    """What the `+` of a column means, where it has one."""
    if not 0 < cost.unknown < cost.trials:
        return ""
    return f"; +: without {cost.unknown} trials that nobody has timed there"


def _basis(on_cpu: dict[str, Cost], gpus: Mapping[str, Gpu], others: dict[str, dict[str, Cost]]) -> str:
    """Where the figures come from."""
    total = _of(on_cpu, "all")
    nominal = "step times of the benchmark on one CPU core; finish one trial of a kind to measure it"
    if total.measured == total.trials:
        said = "measured on finished trials in this folder"
    elif total.measured:
        said = f"{total.measured} of {total.trials} trials measured in this folder, the rest {nominal}"
    else:
        said = nominal
    if total.unknown:
        said += f"; +: without {total.unknown} trials whose encoder nobody has timed"
    left_out = {name: _of(costs, "all") for name, costs in others.items()}
    told = "; ".join(
        f"{gpu.device}: one trial at a time, {gpu.measured}{_partly(left_out.get(name, Cost()))}"
        for name, gpu in gpus.items()
    )
    return f"basis    {said}\ngpu      {told or 'no GPU has been measured'}"
