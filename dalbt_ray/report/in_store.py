"""Reports beside results in an object store: written to a disk first, then copied there, the page last."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from dalbt_ray.report.build import write_report
from dalbt_ray.report.study import Study
from dalbt_ray.results.storage.location import open_storage

FOLDER = "report"


@contextmanager
def draft_folder(results: Path | str, out_dir: Path | str | None = None) -> Iterator[Path]:
    """Where a report is written: `out_dir`, `<results>/report`; of results in a store, a folder that goes away."""
    if out_dir is not None:
        yield Path(out_dir)
    elif "://" not in str(results):
        yield Path(results) / FOLDER
    else:
        with TemporaryDirectory(prefix="dalbt-report-") as folder:
            yield Path(folder)


def put_beside(page: Path, results: Path | str, out_dir: Path | str | None = None) -> str:
    """Copy a report that lies in its `draft_folder` to where it belongs, if that is in a store; the page's place.

    Raises:
        OSError: the store cannot be written.
    """
    if out_dir is not None or "://" not in str(results):
        return str(page)
    storage = open_storage(results)
    others = sorted(path for path in page.parent.rglob("*") if path.is_file() and path != page)
    for path in (*others, page):
        storage.write(f"{FOLDER}/{path.relative_to(page.parent).as_posix()}", path.read_bytes())
    return f"{storage.location}/{FOLDER}/{page.name}"


def report_on(
    study: Study,
    results: Path | str,
    out_dir: Path | str | None = None,
    *,
    refresh: float = 0,
    data_root: Path | None = None,
) -> str:
    """Write the report of a study that has been read, and put it where it belongs; the page's path or URI."""
    with draft_folder(results, out_dir) as folder:
        page = write_report(study, folder, refresh=refresh, data_root=data_root)
        return put_beside(page, results, out_dir)
