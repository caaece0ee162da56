"""What fits on which nodes, and how a request that never can is refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.tune import grid_search
from ray.tune.experiment import Experiment

from dalbt_ray.cluster import growing_grid, options
from dalbt_ray.cluster.growing_grid import GrowingGrid
from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.preflight import Node, Share, at_once, fitting, pack, share_of
from dalbt_ray.config import Trial
from dalbt_ray.errors import InputError
from dalbt_ray.models.vgg import VGG16

LENET = Trial()
VGG = replace(LENET, encoder=VGG16())
LAPTOP = [Node("laptop", cpus=8, gpus=0)]
SERVER = [Node("server", cpus=32, gpus=2)]


def test_lenet_packs_four_to_a_gpu_and_vgg_takes_one() -> None:
    """On a server with two GPUs: eight LeNet trials, two VGG16 trials."""
    packing = pack([LENET, VGG], ClusterOptions(), SERVER)
    assert packing.shares == {Share(1.0, 0.25): 8, Share(1.0, 1.0): 2}
    assert packing.at_once == 8


def test_without_a_gpu_a_trial_takes_one_cpu() -> None:
    """Both networks run on the CPU where there is no GPU."""
    assert pack([LENET, VGG], ClusterOptions(), LAPTOP).shares == {Share(1.0, 0.0): 8}


def test_cpus_are_split_where_gpus_have_more_slots() -> None:
    """Two GPUs hold eight LeNet trials, so four CPUs are shared by eight."""
    nodes = [Node("small", cpus=4, gpus=2)]
    assert share_of(LENET, ClusterOptions(), nodes) == Share(0.5, 0.25)
    assert pack([LENET], ClusterOptions(), nodes).at_once == 8


def test_a_fraction_of_rounding_costs_no_slot() -> None:
    """Ten tenths of a GPU are ten slots, though 10 x 0.1 is not 1 in floating point."""
    assert fitting(Share(0.1, 0.1), [Node("n", cpus=1, gpus=1)]) == 10
    assert fitting(Share(0.3, 0.0), [Node("n", cpus=0.9, gpus=0)]) == 3


def test_workers_of_one_trial_may_be_spread_over_nodes() -> None:
    """Three workers of two CPUs fit on two nodes of three and five CPUs; a single one of four fits once."""
    nodes = [Node("a", cpus=3, gpus=0), Node("b", cpus=5, gpus=0)]
    assert fitting(Share(2.0, 0.0, workers=3), nodes) == 1
    assert fitting(Share(4.0, 0.0), nodes) == 1


@given(
    share=st.builds(Share, st.integers(1, 6), st.integers(0, 2), workers=st.just(1)),
    nodes=st.lists(st.builds(Node, st.just("n"), st.integers(0, 9), st.integers(0, 3)), max_size=4),
)
def test_fitting_is_what_handing_out_one_by_one_gives(share: Share, nodes: list[Node]) -> None:
    """The slow way: give each node one trial after the other until it has no room."""
    count = 0
    for node in nodes:
        cpus, gpus = node.cpus, node.gpus
        while cpus >= share.cpus and gpus >= share.gpus:
            cpus, gpus, count = cpus - share.cpus, gpus - share.gpus, count + 1
    assert fitting(share, nodes) == count


@pytest.mark.parametrize(
    ("options", "nodes", "names"),
    [
        (ClusterOptions(gpus_per_trial=9), SERVER, ["gpus_per_trial", "9", "--gpus-per-trial 2"]),
        (ClusterOptions(gpus_per_trial=1), LAPTOP, ["gpus_per_trial", "--gpus-per-trial 0", "CPUs"]),
        (ClusterOptions(cpus_per_trial=64), SERVER, ["cpus_per_trial", "64", "--cpus-per-trial 32"]),
        (ClusterOptions(workers_per_trial=9), LAPTOP, ["workers_per_trial", "9", "--workers-per-trial 8"]),
        (
            ClusterOptions(cpus_per_trial=16, gpus_per_trial=1),
            [Node("cpu", 32, 0), Node("gpu", 8, 1)],
            ["cpus_per_trial", "no single node"],
        ),
        (ClusterOptions(), [], ["ray status"]),
    ],
)
def test_what_never_fits_is_refused_with_what_would(
    options: ClusterOptions, nodes: list[Node], names: list[str]
) -> None:
    """One line that names the field, the value and a request that fits."""
    with pytest.raises(InputError) as refusal:
        pack([LENET], options, nodes)
    assert all(name in str(refusal.value) for name in names), str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_user_may_ask_for_fewer_at_once() -> None:
    """`max_concurrent` caps, and never raises."""
    assert pack([LENET], ClusterOptions(max_concurrent=3), LAPTOP).at_once == 3
    assert pack([LENET], ClusterOptions(max_concurrent=30), LAPTOP).at_once == 8


def test_a_late_node_makes_room_and_a_lost_one_takes_it() -> None:
    """Groups of two workers: one on one node, two on two, and one is still tried where none fits any more."""
    shares, one = [Share(1.0, 0.0, workers=2)], Node("n", cpus=2, gpus=0)
    assert [at_once(shares, ClusterOptions(), [one] * nodes) for nodes in (1, 2, 0)] == [1, 2, 1]
    assert at_once(shares, ClusterOptions(max_concurrent=3), [one] * 9) == 3


def test_the_grid_gives_out_as_many_trials_as_there_are_places_by_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One place at first, then three: Tune gets one trial, and two more once the grid has asked again."""
    places, clock = [1], [0.0]
    monkeypatch.setattr(growing_grid, "monotonic", lambda: clock[0])
    grid = GrowingGrid(lambda: places[0])
    grid.add_configurations([Experiment("run", _nothing, config={"turn": grid_search([0, 1, 2, 3])})])

    def given() -> int:
        clock[0] += 60
        return sum(1 for _ in range(5) if grid.next_trial() is not None)

    assert given() == 1
    assert given() == 0
    places[0] = 3
    assert given() == 2


def _nothing(_: dict[str, object]) -> None:
    """A trainable that is never run."""


@pytest.mark.parametrize(
    "wrong",
    [
        {"workers_per_trial": 0},
        {"workers_per_trial": True},
        {"max_concurrent": 0},
        {"max_failures": -1},
        {"cpus_per_trial": 0.0},
        {"cpus_per_trial": float("nan")},
        {"gpus_per_trial": -0.5},
        {"gpus_per_trial": 1.5},
        {"gpus_per_trial": float("inf")},
        {"gpus_per_trial": 0.5, "workers_per_trial": 2},
        {"trial_timeout_s": 0.0},
    ],
)
def test_options_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    """Before anything starts, naming the field."""
    with pytest.raises(InputError) as refusal:
        ClusterOptions(**wrong)  # type: ignore[arg-type]
    assert next(iter(wrong)) in str(refusal.value)


def test_a_dashboard_that_cannot_start_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its packages, and on a Ray that others started; with them it is allowed."""
    monkeypatch.setattr(options, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"dashboard.*pip install 'dalbt-ray\[dashboard\]'"):
        ClusterOptions(dashboard=True)
    monkeypatch.setattr(options, "find_spec", lambda _name: object())
    assert ClusterOptions(dashboard=True).dashboard
    with pytest.raises(InputError, match=r"dashboard.*--include-dashboard=true"):
        ClusterOptions(dashboard=True, address="auto")
