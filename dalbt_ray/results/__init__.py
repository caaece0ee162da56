"""Results of a sweep: commits that survive any crash, tables that any program reads. docs/results.md has the format."""

from dalbt_ray.results.checking.finding import Finding, VerifyReport
from dalbt_ray.results.committed import committed_records, published_records
from dalbt_ray.results.compaction import compact
from dalbt_ray.results.conflict import ConflictError
from dalbt_ray.results.identity import trial_id
from dalbt_ray.results.joined_folders import gather
from dalbt_ray.results.load import Results, load_manifests, load_results
from dalbt_ray.results.published import PublishedTrial
from dalbt_ray.results.records import Acquired, Query, Record, RoundRow, Timing
from dalbt_ray.results.results_store import ResultsStore
from dalbt_ray.results.storage.journal import Journal
from dalbt_ray.results.storage.lease import Lease, Patience
from dalbt_ray.results.verify import verify

__all__ = [
    "Acquired",
    "ConflictError",
    "Finding",
    "Journal",
    "Lease",
    "Patience",
    "PublishedTrial",
    "Query",
    "Record",
    "Results",
    "ResultsStore",
    "RoundRow",
    "Timing",
    "VerifyReport",
    "committed_records",
    "compact",
    "gather",
    "load_manifests",
    "load_results",
    "published_records",
    "trial_id",
    "verify",
]
