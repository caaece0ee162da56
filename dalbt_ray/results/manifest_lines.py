"""The manifests of a bundle as bytes: one a line of JSON, packed by zstd, since those of a study are nearly alike.

`zstdcat trials.jsonl.zst` shows them, and DuckDB's `read_json` reads them as they are. Bundles that were written before
27 November 2026 have the same lines unpacked.
"""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from dalbt_ray.results.manifest_form import known_manifest
from dalbt_ray.results.storage.json_bounds import PARSED_BYTES, refuse_json_bomb
from dalbt_ray.results.storage.sealed import NewerFormatError

PACKED, PLAIN = "trials.jsonl.zst", "trials.jsonl"

LINES_PARSED_BYTES = 2 * PARSED_BYTES
"""The most that all lines may take in memory, counted as `json_bounds` does: manifests take half of what it counts."""

LEVEL = 19
"""Seven times smaller than plain at no cost to a reader; the levels above need more memory and gain nothing."""


def lines_of(manifests: Mapping[str, dict[str, Any]]) -> bytes:
    """One manifest a line, sorted by trial id; equal manifests give equal bytes."""
    lines = [json.dumps(manifests[trial_id], allow_nan=False) + "\n" for trial_id in sorted(manifests)]
    return "".join(lines).encode()


def pack(lines: bytes) -> bytes:
    """Packed by zstd."""
    packed: bytes = pa.Codec("zstd", compression_level=LEVEL).compress(lines, asbytes=True)
    return packed


def unpack(data: bytes, size: int) -> bytes:
    """What was packed, of which nothing is unpacked beyond `size` bytes.

    Raises:
        NewerFormatError: it is not zstd, or not of that size.
    """
    try:
        lines: bytes = pa.Codec("zstd").decompress(data, size, asbytes=True)
    except (pa.ArrowException, OSError) as error:
        raise NewerFormatError(f"does not unpack to {size:,} bytes: {error}") from error
    return lines


def parse(lines: bytes, trial_id: str = "") -> dict[str, dict[str, Any]]:
    """The manifests by trial id; with `trial_id`, that one alone.

    Raises:
        NewerFormatError: not what this version knows.
    """
    try:
        refuse_json_bomb(lines, LINES_PARSED_BYTES)
        read = [json.loads(line) for line in lines.splitlines() if trial_id.encode() in line]
        found = {each["trial_id"]: known_manifest(each) for each in read}
    except NewerFormatError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NewerFormatError(f"this version does not know: {error}") from error
    return {key: manifest for key, manifest in found.items() if not trial_id or key == trial_id}
