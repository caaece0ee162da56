"""The command line of every sweep file: choose trials, plan, run, report. Running it again resumes."""

import argparse
import shlex
import sys
from _thread import interrupt_main
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

from dalbt_ray.cluster.authentication import enable_token_authentication
from dalbt_ray.cluster.discovery import running_here
from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.config import Trial
from dalbt_ray.data.prepare.verifying import set_notes
from dalbt_ray.launch.arguments import Presets, choose_trials, parse_arguments
from dalbt_ray.launch.command_line import data_root_argument, run_command
from dalbt_ray.launch.places import places
from dalbt_ray.launch.plan import Plan, make_plan, work_of
from dalbt_ray.launch.plan_text import plan_text
from dalbt_ray.launch.progress import Progress
from dalbt_ray.launch.report_ahead import ReportAhead
from dalbt_ray.launch.terminal import Terminal
from dalbt_ray.launch.trackers import tracker_maker
from dalbt_ray.launch.tracking import Tracking
from dalbt_ray.options.own_code import own_sources
from dalbt_ray.results import Lease, ResultsStore, load_results
from dalbt_ray.trial.nominal import measured_gpus
from dalbt_ray.trial.outcome import SweepOutcome


def sweep(
    presets: Presets | Callable[[], list[Trial]],
    description: str | None = None,
    argv: Sequence[str] | None = None,
    *,
    results: str = "results",
) -> int:
    """Run a sweep file's command line and return its exit status.

    Args:
        presets: functions that return lists of trials, by name; the first one is the default. A single function
            stands for itself.
        description: printed by `--help`.
        argv: arguments; those of the process if None.
        results: folder of results folders: without `--results`, those of a preset are in `<results>/<preset>`.

    Returns:
        0 done, 1 some trials failed or diverged, 2 wrong input, 130 interrupted.
    """
    named = {presets.__name__: presets} if callable(presets) else presets
    return run_command(lambda: _sweep(named, description, argv, results))


def _sweep(presets: Presets, description: str | None, argv: Sequence[str] | None, results: str) -> int:
    arguments = parse_arguments(presets, description, results, argv)
    chosen = choose_trials(presets, arguments)
    root = arguments.results or f"{results}/{arguments.preset}"
    data_root = data_root_argument(arguments.data_root)
    console = Terminal(soft_wrap=True)
    store = ResultsStore(root)
    plan = make_plan(chosen.trials, store.published_rounds(), data_root)
    if arguments.plan:
        plan, changed_note = as_asked(plan, store, arguments, argv)
        print_plan(plan, root, arguments, [*chosen.notes, *changed_note], console)
        return 0
    sets = list(dict.fromkeys(name for each in chosen.trials for name in (each.dataset, each.ood)))
    for note in [*chosen.notes, *set_notes(sets, data_root)]:
        console.print(f"note: {note}")
    changed = changed_trials(plan, store)
    if changed and not arguments.redo_changed:
        console.print(changed_notice(changed, argv))
        changed = {}
    told = {"sweep": arguments.preset, "trials": len(plan.planned)}
    if not store.exists():  # it is new, or `verify` has moved a damaged sweep.json away
        store.create_or_open(told)
    if not plan.to_do and not changed:
        console.print(f"All {len(plan.planned)} trials of {arguments.preset!r} are done: nothing to do.")
        with _draft_folder(root) as folder:
            _show_results(plan, root, data_root, console, folder)
        return 1 if plan.diverged else 0
    tracking, report = open_tracking(plan, root, arguments), None
    drafts = ExitStack()  # a tracker takes the report from a disk, and last
    try:
        with store.lease() as lease, interrupted_when_lost(lease):
            # A driver that is refused changes nothing.
            store.create_or_open(told | {"trials": trials_in_all(plan, store)})
            # Another driver may have finished some of it, or run what has changed, while we waited.
            plan = plan.renewed(store.published_rounds())
            if changed and (changed := changed_trials(plan, store)):
                console.print(f"set aside: {store.set_aside(changed, lease)}")
                plan = plan.renewed(store.published_rounds())
            outcome = SweepOutcome(0, 0, interrupted=False)
            if plan.to_do:
                outcome = _run(plan, root, data_root, arguments, tracking, resume_command(argv))
        if outcome.interrupted:
            console.print(f"Interrupted. What is committed is kept; resume with:\n  {resume_command(argv)}")
            return outcome.exit_status
        if outcome.failed:
            console.print(
                f"{outcome.failed} trials failed; their errors are in {root}/errors. Try them again with:"
            )
            console.print(f"  {resume_command(argv)}")
        plan = plan.renewed(store.published_rounds())
        if plan.diverged:
            console.print(
                f"{plan.diverged} trials diverged and have no result: lower their training.learning_rate."
            )
        folder = drafts.enter_context(_draft_folder(root))
        report = _show_results(plan, root, data_root, console, folder)
        return outcome.exit_status or (1 if plan.diverged else 0)
    finally:
        if tracking is not None and not tracking.close(report):
            sys.stderr.write("the tracker is slow and was left behind; the results are whole\n")
        drafts.close()


def as_asked(
    plan: Plan, store: ResultsStore, arguments: argparse.Namespace, argv: Sequence[str] | None
) -> tuple[Plan, list[str]]:
    """The plan with what `--redo-changed` would run again as to do; without it, what to know of such trials."""
    changed = changed_trials(plan, store)
    if not arguments.redo_changed:
        return plan, [changed_notice(changed, argv)] if changed else []
    kept = {trial_id: done for trial_id, done in store.published_rounds().items() if trial_id not in changed}
    return plan.renewed(kept), []


def print_plan(
    plan: Plan, root: str, arguments: argparse.Namespace, notes: Sequence[str], console: Terminal
) -> None:
    """What to know of the trials, how many are done and to do, and what they cost."""
    for note in notes:
        console.print(f"note: {note}")
    here = None
    if plan.to_do:
        here = places(plan.to_do, cluster_options(arguments), in_process=arguments.in_process)
    finished = load_results(root) if len(plan.to_do) < len(plan.planned) else None
    console.print(plan_text(plan, f"{arguments.preset}  ->  {root}", finished, here, measured_gpus()))


def trials_in_all(plan: Plan, store: ResultsStore) -> int:
    """Trials of the folder and of this command together: a study may be run by several commands, seeds by seeds."""
    asked = {each.trial_id for each in plan.planned}
    return len(asked.union(store.committed(), store.unfinished(), store.errors()))


def changed_trials(plan: Plan, store: ResultsStore) -> dict[str, str]:
    """Finished trials of the user's own classes whose source has changed since: what changed, by trial id."""
    found = {}
    for each in plan.planned:
        sources = own_sources(each.trial) if each.rounds_done else {}
        if sources:
            then = store.manifest(each.trial_id).get("own_code", {})
            changed = [name for name, digest in sources.items() if then.get(name) != digest]
            if changed:
                found[each.trial_id] = ", ".join(changed)
    return found


def changed_notice(changed: Mapping[str, str], argv: Sequence[str] | None) -> str:
    """What to know and what to type when a class of the user's has changed."""
    what = "; ".join(dict.fromkeys(changed.values()))
    return (
        f"{len(changed)} finished trials were run with another source of: {what}. Their results stay as they are. "
        f"To run them again:\n  {resume_command(argv)} --redo-changed"
    )


def resume_command(argv: Sequence[str] | None) -> str:
    """What to type to go on."""
    parts = [sys.argv[0], *(sys.argv[1:] if argv is None else argv)]
    return shlex.join(["python", *parts])


@contextmanager
def interrupted_when_lost(lease: Lease) -> Iterator[None]:
    """Inside, the loss of the lease to another driver ends the sweep as Ctrl+C would."""
    over = Event()

    def watch() -> None:
        while not over.is_set():
            if lease.wait_lost(timeout=1.0) and not over.is_set():
                sys.stderr.write("another driver has taken over this results folder; stopping\n")
                interrupt_main()
                return

    Thread(target=watch, daemon=True, name="lease").start()
    try:
        yield
    finally:
        over.set()


def open_tracking(plan: Plan, root: str, arguments: argparse.Namespace) -> Tracking | None:
    """The copying to a tracker, if one is asked for.

    Raises:
        InputError: a tracker whose package is missing.
    """
    if arguments.track is None:
        return None
    folder = f"tracking/{arguments.preset}" if "://" in root else f"{root}/tracking"
    configs = {each.trial_id: each.trial.as_json() for each in plan.planned}
    return Tracking(ResultsStore(root), tracker_maker(arguments.track, folder, arguments.preset), configs)


def _run(
    plan: Plan,
    root: str,
    data_root: Path,
    arguments: argparse.Namespace,
    tracking: Tracking | None,
    resume: str,
) -> SweepOutcome:
    also: Callable[[str, int | None], None] = tracking or (lambda _trial_id, _round: None)
    if not arguments.in_process:
        also = ReportAhead(len(plan.to_do), also)
    work = work_of(plan, ResultsStore(root).unfinished())
    with Progress(len(plan.to_do), work, also=also) as progress:
        return _run_backend(plan, root, data_root, arguments, progress, resume)


def _run_backend(
    plan: Plan,
    root: str,
    data_root: Path,
    arguments: argparse.Namespace,
    progress: Progress,
    resume: str,
) -> SweepOutcome:
    if arguments.in_process:
        from dalbt_ray.launch.in_process import run_in_process

        limit = ClusterOptions(trial_timeout_s=arguments.trial_timeout).trial_timeout_s
        return run_in_process(plan.to_do, root, data_root, progress, trial_timeout_s=limit)
    options = cluster_options(arguments)
    if arguments.address is None and options.joins:
        progress.say(
            f"joining the Ray that runs here, {options.address}; --address local starts one of its own"
        )
    enable_token_authentication(options.address)  # before Ray is imported, which is now
    from dalbt_ray.cluster.run import run_sweep

    return run_sweep(plan.to_do, root, data_root, options, progress, f"Resume with:\n  {resume}")


def cluster_options(arguments: argparse.Namespace) -> ClusterOptions:
    """Where trials run: the named cluster, else the Ray that `ray start` began here, else one of our own."""
    address = arguments.address or running_here()
    return ClusterOptions(
        address=None if address == "local" else address,
        workers_per_trial=arguments.workers_per_trial,
        cpus_per_trial=arguments.cpus_per_trial,
        gpus_per_trial=arguments.gpus_per_trial,
        trial_timeout_s=arguments.trial_timeout,
        max_concurrent=arguments.max_concurrent,
        dashboard=arguments.dashboard,
    )


def _draft_folder(root: str) -> AbstractContextManager[Path]:
    from dalbt_ray.report.in_store import draft_folder  # with matplotlib, when there is something to draw

    return draft_folder(root)


def _show_results(plan: Plan, root: str, data_root: Path, console: Terminal, folder: Path) -> Path:
    """Print the table of results, write the report to `folder` and put it beside the results; the page in `folder`."""
    from dalbt_ray.report.build import write_report
    from dalbt_ray.report.in_store import put_beside
    from dalbt_ray.report.study import read_study
    from dalbt_ray.report.tables import summary_table

    study = read_study(root, {each.trial_id: each.trial.rounds for each in plan.planned})
    console.print(summary_table(study))
    page = write_report(study, folder, data_root=data_root)
    console.print(f"report   {put_beside(page, root)}")
    if "://" in root:
        console.print(f"         dalbt report {root} --out DIR writes one here")
    return page
