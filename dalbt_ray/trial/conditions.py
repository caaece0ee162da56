"""What the rounds of a trial were computed on, where it was resumed elsewhere: equal bits need equal conditions."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import torch

from dalbt_ray.results import Record, Timing
from dalbt_ray.trial.machine import instructions, processor

KERNELS = ("device", "cpu", "instructions", "threads")
"""The columns of `timings` by which kernels of floating-point arithmetic are chosen, and with them the last bits."""

RECORDED = (*KERNELS, "code")


def conditions(records: Sequence[Record]) -> list[dict[str, Any]]:
    """For the manifest: the conditions of a trial's rounds in order, each with the first round that had them."""
    found = []
    for key, group in groupby(records, lambda record: _of(record.timing)):
        found.append({"first_round": next(group).row.round, **dict(zip(RECORDED, key, strict=True))})
    return found


def other_conditions(records: Sequence[Record], device: torch.device) -> str:
    """How this machine differs from the one that committed the last round, as `cpu A -> B`; empty if it does not."""
    if not records:
        return ""
    then = records[-1].timing
    now = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "cpu": processor(),
        "instructions": instructions(),
        "threads": torch.get_num_threads(),
    }
    # Rounds from before November 2026 do not tell everything.
    return ", ".join(
        f"{name} {getattr(then, name)} -> {now[name]}"
        for name in KERNELS
        if getattr(then, name) not in (None, now[name])
    )


def _of(timing: Timing) -> tuple[Any, ...]:
    return tuple(getattr(timing, name) for name in RECORDED)
