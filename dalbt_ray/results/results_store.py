"""One results folder: open it, see what is done, commit rounds, publish trials."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dalbt_ray.errors import InputError
from dalbt_ray.results import trial_errors as failures
from dalbt_ray.results.load import looked_up
from dalbt_ray.results.published import Published, PublishedTrial, find_published, published_trial
from dalbt_ray.results.records import Record
from dalbt_ray.results.set_aside import set_aside
from dalbt_ray.results.storage import commit, journal
from dalbt_ray.results.storage.folder import check_folder, read_sweep
from dalbt_ray.results.storage.lease import Lease, Patience, hold
from dalbt_ray.results.storage.location import open_storage
from dalbt_ray.results.storage.reopen import reopen
from dalbt_ray.results.storage.sealed import seal


class ResultsStore:
    """The results of one sweep, on a disk or in an object store. Cheap to make; travels to workers by pickle.

    Attributes:
        storage: where the files are.
    """

    def __init__(self, root: str | Path) -> None:
        self.storage = open_storage(root)

    @property
    def location(self) -> str:
        """The folder or URI."""
        return self.storage.location

    def exists(self) -> bool:
        """Whether this is a results folder already, as seen from this machine.

        Raises:
            InputError: it is of another format or a newer version.
        """
        return read_sweep(self.storage) is not None

    def create_or_open(self, sweep: Mapping[str, Any]) -> None:
        """Make the folder, or check that it is ours, and record in `sweep.json` what now writes to it.

        Args:
            sweep: JSON values: the grid and who runs it. A grid may grow, so the last one stays; `created_utc` keeps
                the time of the first.

        Raises:
            InputError: a file, a folder of something else or of a newer version, or one that cannot be written.
        """
        check_folder(self.storage)
        self.storage.prepare()
        before = read_sweep(self.storage) or {}
        created = before.get("created_utc", datetime.now(UTC).isoformat(timespec="seconds"))
        after = {"created_utc": created, **sweep}
        if after != before:
            self.storage.write("sweep.json", seal("results", after))

    @contextmanager
    def lease(self, patience: Patience | None = None) -> Iterator[Lease]:
        """Be the only driver of this folder for a `with` block, and remove what crashed ones left.

        An owner that has certainly ended is replaced at once; one of which that cannot be told (on another machine, in
        another container, before a power cut) after a minute without a sign of life, which the log announces.

        Raises:
            InputError: another driver is alive (known in under 5 s); names its host, pid, and since when.
        """
        with hold(self.storage, patience or Patience()) as lease:
            self.storage.sweep()
            for trial_id in self.committed().intersection(journal.unfinished(self.storage)):
                self.clear(trial_id)
            yield lease

    def committed(self) -> set[str]:
        """Ids of the published trials. Reads names and the bundle's index only: fast for any number."""
        return find_published(self.storage).ids

    def published(self, trial_id: str) -> PublishedTrial | None:
        """How far one trial is; None if it is not published.

        Raises:
            InputError: its manifest is damaged or of a newer format.
        """
        try:
            return published_trial(find_published(self.storage).manifest(trial_id))
        except FileNotFoundError:
            return None

    def published_rounds(self) -> dict[str, PublishedTrial]:
        """How far each published trial is, by trial id. Reads the manifests and no table.

        Raises:
            InputError: a manifest is damaged or of a newer format.
        """
        manifests = looked_up(self.storage, Published.manifests)
        return {trial_id: published_trial(manifest) for trial_id, manifest in manifests.items()}

    def manifest(self, trial_id: str) -> dict[str, Any]:
        """A published trial's manifest.

        Raises:
            InputError: the trial is not published, or its manifest is damaged or of a newer format.
        """
        try:
            return find_published(self.storage).manifest(trial_id)
        except FileNotFoundError as error:
            raise self._not_published(trial_id) from error

    def _not_published(self, trial_id: str) -> InputError:
        remedy = f'load_results("{self.location}").trials lists the ids'
        return InputError("trial", trial_id, f"is not published in {self.location}", remedy=remedy)

    def reopen(self, trial_id: str) -> None:
        """Make a published trial unfinished, with all its rounds in its journal, so that more rounds can follow.

        A trial that ended for good (`PublishedTrial.ended`) stays as it is.

        Raises:
            InputError: the trial is not published, or a file of it is damaged or of a newer format.
        """
        try:
            reopen(self.storage, trial_id)
        except FileNotFoundError as error:
            raise self._not_published(trial_id) from error

    def set_aside(self, trial_ids: Iterable[str], lease: Lease) -> str:
        """Move published trials to `quarantine/`, so that they are run again; the folder they are in now.

        Raises:
            InputError: the lease is lost; no trial is moved from then on.
        """
        return set_aside(self.storage, trial_ids, lease)

    def journal(self, trial_id: str) -> journal.Journal:
        """The committed rounds of an unfinished trial."""
        return journal.Journal(self.storage, trial_id)

    def unfinished(self) -> dict[str, int]:
        """Committed rounds by trial id, of trials that are begun and not published."""
        committed = self.committed()
        return {
            trial_id: journal.rounds_begun(self.storage, trial_id)
            for trial_id in journal.unfinished(self.storage)
            if trial_id not in committed
        }

    def publish(self, trial_id: str, manifest: Mapping[str, Any], records: Sequence[Record]) -> None:
        """Publish a finished trial: three tables, then the manifest; then clear its journal and its last failure.

        Publishing it again with the same rounds and selections, or with fewer rounds, changes nothing; with more
        rounds, the trial is longer. The query of the last round is kept in the manifest as `next_query`.

        Raises:
            ConflictError: it is published with other rounds or selections; those stay.
            ValueError: a value that its table cannot hold, a NaN among them.
        """
        commit.publish(self.storage, trial_id, manifest, records)
        self.clear(trial_id)

    def clear(self, trial_id: str) -> None:
        """Forget the journal and the last failure of a trial."""
        self.storage.delete_folder(f"{journal.FOLDER}/{trial_id}")
        self.storage.delete(failures.error_file(trial_id))

    def record_error(self, trial_id: str, error: BaseException, hint: str = "") -> None:
        """Keep a trial's failure for `errors`, with the end of its trace; `hint` says what may fix it. Never raises."""
        failures.record_error(self.storage, trial_id, error, hint)

    def errors(self) -> dict[str, dict[str, Any]]:
        """The last failure of each trial that is not published: type, message, hint, when_utc, trace."""
        committed = self.committed()
        return {
            key: value for key, value in failures.read_errors(self.storage).items() if key not in committed
        }
