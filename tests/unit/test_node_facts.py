"""A node on which trials would fail is known before the first one, and why."""

from dataclasses import replace

import pytest

from dalbt_ray.cluster.node_facts import NodeFacts, elsewhere, problems

DRIVER = NodeFacts(code="a", python="3.11", packages={"torch": "2.9", "ray": "2.60"})


def test_a_node_like_the_driver_can_run_trials() -> None:
    """With a GPU or without."""
    assert problems(DRIVER, DRIVER, gpus_offered=0, gpus_wanted=True) == []
    assert problems(replace(DRIVER, gpus=1), DRIVER, gpus_offered=1, gpus_wanted=True) == []
    assert problems(DRIVER, DRIVER, gpus_offered=1, gpus_wanted=False) == []


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (replace(DRIVER, code="b"), "other code"),
        (replace(DRIVER, python="3.12"), "Python 3.12, and the driver 3.11"),
        (replace(DRIVER, packages={"torch": "2.8", "ray": "2.60"}), "torch 2.8, and the driver 2.9"),
        (replace(DRIVER, packages={"ray": "2.60"}), "torch None"),
        (
            replace(DRIVER, results="is another one there"),
            "is another one there: name one that every node shares",
        ),
        (replace(DRIVER, data=("/data/mnist/train.parquet",)), "lacks the driver's data file /data/mnist"),
        (DRIVER, "a GPU that its torch does not see"),
    ],
)
def test_what_is_wrong_is_said(found: NodeFacts, told: str) -> None:
    """One reason each."""
    (problem,) = problems(found, DRIVER, gpus_offered=1 if found == DRIVER else 0, gpus_wanted=True)
    assert told in problem


def test_nodes_are_avoided_by_their_ids() -> None:
    """No selector at all where every node may be used."""
    assert elsewhere(()) == {}
    assert elsewhere(("ab", "cd")) == {"ray.io/node-id": "!in(ab,cd)"}
