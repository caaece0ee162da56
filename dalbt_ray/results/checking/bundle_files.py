"""The bundle: its files against its index, its rows against its manifests."""

from collections.abc import Iterator

from dalbt_ray.results.bundle import FOLDER as BUNDLE
from dalbt_ray.results.bundle import INDEX, Bundle, open_bundle
from dalbt_ray.results.checking.finding import UNUSABLE, Finding, finding
from dalbt_ray.results.checking.trial_files import Identify, check_id, duplicates
from dalbt_ray.results.schemas import TABLES
from dalbt_ray.results.storage.protocol import Storage


def check_bundle(storage: Storage, identify: Identify) -> tuple[dict[str, dict[str, str]], list[Finding]]:
    """The trials that the bundle counts for, with the SHA-256 of their tables where known, and its problems."""
    try:
        bundle = open_bundle(storage)
    except UNUSABLE as error:
        return {}, [finding(f"{BUNDLE}/", error)]
    if bundle is None:
        # A bundle is copied here from `bundle.new`, which counts meanwhile: so these are no compaction's first files.
        if not storage.entries(BUNDLE):
            return {}, []
        return {}, [Finding(f"{BUNDLE}/", f"has no {INDEX}, which is written with it", kind="missing")]
    hashes: dict[str, dict[str, str]] = {trial_id: {} for trial_id in bundle.current}
    return hashes, list(_problems(bundle, hashes, identify))


def _problems(bundle: Bundle, hashes: dict[str, dict[str, str]], identify: Identify) -> Iterator[Finding]:
    name = f"{bundle.folder}/"
    try:
        manifests = bundle.manifests()
    except UNUSABLE as error:
        yield finding(name, error)
        manifests = {}
    for trial_id, manifest in manifests.items():
        yield from check_id(name, manifest, identify)
        if trial_id in hashes:
            hashes[trial_id] = {table: manifest["files"][table]["sha256"] for table in TABLES}
    for table in TABLES:
        try:
            found = bundle.table(table)
        except UNUSABLE as error:
            yield finding(name, error)
            continue
        counts = found.group_by("trial_id").aggregate([([], "count_all")]).to_pydict()
        rows = dict(zip(counts["trial_id"], counts["count_all"], strict=True))
        if manifests and any(
            rows.pop(key, 0) != one["files"][table]["rows"] for key, one in manifests.items()
        ):
            yield Finding(name, f"has other rows of {table!r} than its manifests say", kind="contradictory")
        if rows and manifests:
            yield Finding(name, f"has rows of {table!r} of a trial without a manifest", kind="contradictory")
        yield from duplicates(name, "", found)
