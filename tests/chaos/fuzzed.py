"""What happens to command lines: anything in any option. A plan, or one line of refusal; never a traceback."""

import contextlib
import io

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from dalbt_ray.launch.sweep_command import sweep
from tests.chaos.arena import Arena
from tests.integration.failing_calls import trials
from tests.wrong_values import JUNK, LEAVES

LINES = 500
"""In one case."""

SEVERAL = ("--set", "--grid")
OPTIONS = (
    "--preset", "--results", "--data-root", "--track", "--dataset", "--seeds", "--strategies", "--objective",
    "--max-rounds", "--address", "--workers-per-trial", "--cpus-per-trial", "--gpus-per-trial", "--max-concurrent",
    "--trial-timeout",
)  # fmt: skip
RIGHT = {
    "--seeds": "0-2", "--strategies": "random,margin", "--objective": "supervised", "--max-rounds": "1",
    "--trial-timeout": "5", "--cpus-per-trial": "1", "--max-concurrent": "1",
}  # fmt: skip
"""Values that are none of these options' trouble, so that the others get their turn."""


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """One to three options: fields of the trial, and those of the sweep."""
    line = ["--plan"]
    for _ in range(draw(st.integers(1, 3))):
        value = str(draw(JUNK))
        if draw(st.booleans()):
            line += [draw(st.sampled_from(SEVERAL)), f"{draw(st.sampled_from(LEAVES))}={value}"]
        else:
            option = draw(st.sampled_from(OPTIONS))
            line.append(f"{option}={RIGHT[option] if option in RIGHT and draw(st.booleans()) else value}")
    return line if draw(st.integers(0, 3)) else ["--in-process", *line]


def configurations_fuzzed(arena: Arena) -> None:
    """Five hundred command lines, planned in this process; nothing may be written."""
    root = arena.fresh()
    root.parent.mkdir(parents=True)
    with contextlib.chdir(root.parent):

        @seed(arena.rng.randrange(2**32))
        @settings(
            max_examples=LINES,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(line=command_lines())
        def planned(line: list[str]) -> None:
            _planned(arena, line)

        planned()
    assert not list(root.parent.iterdir()), list(root.parent.iterdir())


def _planned(arena: Arena, line: list[str]) -> None:
    """Status 0 or 2, and 2 with one line that names the option."""
    printed, refused = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(refused):
        try:
            status = sweep(trials, None, line)
        except SystemExit as left:  # argparse: a number that is none
            status = int(left.code or 0)
    arena.count("refusals" if status else "plans")
    assert status in (0, 2), (line, status, refused.getvalue())
    assert "Traceback" not in refused.getvalue() + printed.getvalue(), line
    if status == 2:
        last = refused.getvalue().rstrip("\n").splitlines()[-1]
        assert "error: " in last, (line, refused.getvalue())
