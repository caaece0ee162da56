"""The manifests of a bundle as bytes: one a line of JSON, packed by zstd, since those of a study are nearly alike.

`zstdcat trials.jsonl.zst` shows them, and DuckDB's `read_json` reads them as they are. Bundles that were written before
27 November 2026 have the same lines unpacked.
"""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pyarrow as pa

from dalbt_ray.results.manifest_form import known_manifest
from dalbt_ray.results.storage.json_bounds import DESCRIPTION_BYTES, PARSED_BYTES, refuse_json_bomb
from dalbt_ray.results.storage.sealed import NewerFormatError

PACKED, PLAIN = "trials.jsonl.zst", "trials.jsonl"

LINES_PARSED_BYTES = 2 * PARSED_BYTES
"""The most that all lines may take in memory, counted as `json_bounds` does: manifests take half of what it counts."""

MOST_LINES = LINES_PARSED_BYTES // 1_200
"""A manifest has five objects at least, which count for that much."""

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
    found: dict[str, dict[str, Any]] = {}
    if (count := lines.count(b"\n")) > MOST_LINES:
        raise NewerFormatError(f"has {count:,} lines; this program takes {MOST_LINES:,} at most")
    try:
        refuse_json_bomb(lines, LINES_PARSED_BYTES)
        for line in BytesIO(lines):  # one at a time, and none after the first that is no manifest
            if trial_id.encode() in line:
                refuse_json_bomb(line, DESCRIPTION_BYTES)
                each = json.loads(line)
                found[each["trial_id"]] = known_manifest(each)
    except NewerFormatError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NewerFormatError(f"this version does not know: {error}") from error
    return {key: manifest for key, manifest in found.items() if not trial_id or key == trial_id}
