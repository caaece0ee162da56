"""A strategy of a test's own, at whose import a worker finds other code on its node, once a file is there.

Importing this is the first thing that a worker does with a sweep of such trials. What an upgrade in the middle of a
sweep is to a node, a file is here, which $OTHER_CODE names on the node that goes bad.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from dalbt_ray.cluster import train_loop
from dalbt_ray.cluster.code_version import code_hash
from dalbt_ray.strategies.random import Random

UPGRADED = "OTHER_CODE"


@dataclass(frozen=True, kw_only=True)
class Anywhere(Random):
    """`random`."""

    name: ClassVar[str] = "anywhere"


def _hash_on_this_node() -> str:
    return "another" if Path(os.environ[UPGRADED]).exists() else code_hash()


if UPGRADED in os.environ:
    train_loop.code_hash = _hash_on_this_node
