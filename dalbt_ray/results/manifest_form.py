"""What this version needs of a manifest, whoever sealed it."""

from typing import Any

from dalbt_ray.results.schemas import TABLES
from dalbt_ray.results.storage.sealed import NewerFormatError


def known_manifest(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest itself.

    Raises:
        NewerFormatError: it has not what this version needs, in the types that it needs.
    """
    files = manifest.get("files")
    listed = [files.get(table) for table in TABLES] if isinstance(files, dict) else [None]
    for each in listed:
        if not isinstance(each, dict) or not _is_listed(each):
            raise NewerFormatError("does not list the three tables that this version knows")
    kinds = {"trial_id": str, "status": str, "config": dict, "next_query": dict | None}
    for name, kind in kinds.items():
        if name in manifest and not isinstance(manifest[name], kind):
            raise NewerFormatError(f"has a {name!r} of another type than this version knows")
    return manifest


def _is_listed(file: dict[str, Any]) -> bool:
    sizes = (file.get("rows"), file.get("bytes", 0))
    return isinstance(file.get("sha256"), str) and all(type(size) is int and size >= 0 for size in sizes)
