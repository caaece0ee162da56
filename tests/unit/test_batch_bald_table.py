"""The outside check against BatchBALD's published table: its network and its quartiles."""

from math import inf

import pandas as pd
import torch
from torch.nn.functional import conv2d, linear, max_pool2d

from dalbt_ray.models.dropout import draw_dropout_masks, dropout_pass
from dalbt_ray.models.network import build_network
from sweeps.batch_bald_table import INITIAL, PUBLISHED, batch_bald_table, labels_to, quartiles


def test_the_network_drops_where_the_authors_do() -> None:
    """Channels right after each convolution, before pooling and ReLU; units before the ReLU of the hidden layer."""
    trial = batch_bald_table()[0]
    generator = torch.Generator().manual_seed(0)
    network = build_network(trial.encoder, trial.makeup.network, (28, 28, 1), 10, generator).eval()
    masks = draw_dropout_masks(network, 3, generator)
    images, layers = torch.rand(4, 1, 28, 28, generator=generator), network.encoder
    for sample in range(3):
        first, second, third = (each[sample] for each in masks.layers[:3])
        x = (images - 0.1307) / 0.3081
        x = max_pool2d(conv2d(x, layers.convolution_1.weight, layers.convolution_1.bias) * first, 2).relu()  # type: ignore[union-attr, arg-type]
        x = max_pool2d(conv2d(x, layers.convolution_2.weight, layers.convolution_2.bias) * second, 2).relu()  # type: ignore[union-attr, arg-type]
        x = (linear(x.flatten(1), layers.hidden.weight, layers.hidden.bias) * third).relu()  # type: ignore[union-attr, arg-type]
        with torch.inference_mode(), dropout_pass(network, masks, sample):
            torch.testing.assert_close(network(images), network.classifier(x))
    assert set(first.unique().tolist()) == {0.0, 2.0}


def test_quartiles_of_the_logs_are_those_of_the_paper() -> None:
    """Table 1: 70/90/110 and 190/200/230, BALD 120/120/170 and 250/250/>300; it counts what was acquired until then."""
    found = {key: quartiles(values) for key, values in PUBLISHED.items()}
    assert (found["batch_bald", 0.90], found["batch_bald", 0.95]) == ("80/100/120", "200/210/240")
    assert (found["dbal", 0.90], found["dbal", 0.95]) == ("130/130/180", "260/260/never")


def test_labels_to_an_accuracy_are_those_of_the_first_round_that_has_it() -> None:
    """A later fall does not count; a seed that never gets there is infinitely late."""
    rows = [
        (0, 20, 0.5),
        (0, 30, 0.91),
        (0, 40, 0.89),
        (1, 20, 0.5),
        (1, 30, 0.6),
        (1, 40, 0.9),
        (2, 20, 0.1),
    ]
    rounds = pd.DataFrame(rows, columns=["seed", "n_labeled", "test_accuracy"]).assign(strategy="dbal")
    assert labels_to(rounds, "dbal", 0.90) == [30, 40, inf]


def test_the_setting_is_the_published_one() -> None:
    """Eighteen trials from the same 20 images, 28 queries of 10: up to 300 labels."""
    trials = batch_bald_table()
    assert len({trial.trial_id("") for trial in trials}) == 18
    assert {trial.splits.initial_ids for trial in trials} == {INITIAL}
    assert {len(set(INITIAL)) + trial.rounds * trial.budget for trial in trials} == {300}
