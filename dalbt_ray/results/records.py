"""One committed round as typed values: its row of the table `rounds`, its query, its clocks.

This is the checkpoint of a trial. As JSON it lies in the journal (`results/storage/journal.py`); the tables of a
finished trial hold the same (`results/table_rows.py`).
"""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from dalbt_ray.results.storage.sealed import NewerFormatError

Json = dict[str, Any]
Measure = float | list[float] | None
"""What a metric gives for one round: a number, one number a class, or None where there is none."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Acquired:
    """One acquired image.

    Attributes:
        rank: 0 is the image the strategy wanted most.
        row: row of the trial's pool.
        sample_id: the image's id in its data set.
        source: the data set it comes from.
        is_ood: out-of-distribution: it cost budget and got no label.
        label: the oracle's answer; -1 for OOD images.
        score: the strategy's score; None where it has none.
        file: the image's file name in the user's folder, relative; None where none is known.
    """

    rank: int
    row: int
    sample_id: int
    source: str
    is_ood: bool
    label: int
    score: float | None = None
    file: str | None = None


@dataclass(frozen=True, kw_only=True)
class Query:
    """What a round acquires for the next one.

    Attributes:
        acquired: best first.
        pool_ood_share: share of OOD images among those that were available, the base rate of purity; None if none was.
        ood_auroc: how well the strategy's ranking told OOD from in-distribution images (1: OOD ones first).
        detector_auroc: the same for the method's detector, or the outlier class of the trained classifier.
        n_repeat: images that had been acquired and returned before.
        note: what the strategy fell back on; usually empty.
    """

    acquired: tuple[Acquired, ...]
    pool_ood_share: float | None = None
    ood_auroc: float | None = None
    detector_auroc: float | None = None
    n_repeat: int = 0
    note: str = ""

    def to_json(self) -> Json:
        """JSON values; the images by column, which is half as long as image by image."""
        columns = {each.name: [getattr(one, each.name) for one in self.acquired] for each in fields(Acquired)}
        present = {
            name: values for name, values in columns.items() if any(value is not None for value in values)
        }
        return _flat(self) | {"acquired": present}

    @classmethod
    def from_json(cls, content: Json) -> "Query":
        """The query that `to_json` described.

        Raises:
            NewerFormatError: an entry that this version does not know, or none where it needs one.
        """
        columns = content.get("acquired")
        if not isinstance(columns, dict):
            raise NewerFormatError("has a query without images, which this version does not know")
        images = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
        return _build(cls, content | {"acquired": tuple(_build(Acquired, image) for image in images)})


@dataclass(frozen=True, kw_only=True)
class RoundRow:
    """A round's row of the table `rounds`, without the trial's id. docs/results.md says what the columns mean.

    A column that joins later has the default None here, so that older records can be read.

    Attributes:
        measures: what the metrics gave, by column: `test_accuracy`, ..., and those of a metric of the user's.
    """

    dataset: str
    ood: str
    strategy: str
    objective: str
    network_id: str
    budget: int
    seed: int
    round: int
    n_labeled: int
    n_unlabeled: int
    n_bought: int
    n_ood_bought: int
    n_repeat: int
    labeled_sha256: str
    status: str = "ok"
    note: str = ""
    purity: float | None = None
    cumulative_purity: float | None = None
    pool_ood_share: float | None = None
    ood_auroc: float | None = None
    train_accuracy: float | None = None
    validation_accuracy: float | None = None
    train_loss: float | None = None
    steps: int | None = None
    converged: bool | None = None
    detector_auroc: float | None = None
    measures: Mapping[str, Measure] = field(default_factory=dict)

    def columns(self) -> Json:
        """The row, with a column for each measure.

        Raises:
            ValueError: a measure has the name of another column.
        """
        own = _flat(self)
        for name in self.measures:
            if name in own or name == "trial_id":
                raise ValueError(
                    f"rounds: the measure {name!r} has the name of another column; rename the metric"
                )
        return own | dict(self.measures)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """A round's row of the table `timings`, without the trial's id and the round.

    Attributes:
        cpu, instructions, code: what it was computed on and with: they decide the last bits. None in older records.
    """

    train_seconds: float
    auxiliary_seconds: float
    score_seconds: float
    select_seconds: float
    evaluate_seconds: float
    total_seconds: float
    host: str
    device: str
    threads: int
    peak_memory_mib: float
    started_utc: str
    cpu: str | None = None
    instructions: str | None = None
    code: str | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """One committed round.

    Attributes:
        row: what was measured; deterministic.
        query: what it acquired for the next round, in the last round too; None where the trial ended for good
            (`status` of the row says why). Deterministic.
        timing: what was observed.
    """

    row: RoundRow
    query: Query | None
    timing: Timing

    def to_json(self) -> Json:
        """JSON values: a record's file. Measures that are missing are left out, as in the tables."""
        measures = {name: value for name, value in self.row.measures.items() if value is not None}
        return {
            "row": _flat(self.row) | {"measures": measures},
            "query": None if self.query is None else self.query.to_json(),
            "timing": asdict(self.timing),
        }

    @classmethod
    def from_json(cls, content: Json) -> "Record":
        """The record that `to_json` described.

        Raises:
            NewerFormatError: an entry that this version does not know, or none where it needs one.
        """
        try:
            row, query, timing = content["row"], content["query"], content["timing"]
        except KeyError as error:
            raise NewerFormatError(f"has no {error}, which this version needs") from error
        return cls(
            row=_build(RoundRow, row),
            query=None if query is None else Query.from_json(query),
            timing=_build(Timing, timing),
        )


def _flat(value: RoundRow | Query) -> Json:
    """The fields that hold one value each."""
    names = (each.name for each in fields(value))
    return {name: getattr(value, name) for name in names if name not in ("measures", "acquired")}


def _build(cls: type[T], content: Json) -> T:
    known = {each.name: each for each in fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(content.keys() - known.keys())
    if unknown:
        raise NewerFormatError(f"has {unknown[0]!r}, which this version does not know")
    missing = [
        name
        for name, each in known.items()
        if name not in content and each.default is MISSING and each.default_factory is MISSING
    ]
    if missing:
        raise NewerFormatError(f"has no {missing[0]!r}, which this version needs")
    kinds = _kinds(cls)  # type: ignore[arg-type]
    for name, value in content.items():
        if not isinstance(value, kinds[name]) or (isinstance(value, bool) and bool not in kinds[name]):
            raise NewerFormatError(f"has {name!r} of another type than this version knows")
    return cls(**content)


@cache
def _kinds(cls: Any) -> dict[str, tuple[type, ...]]:
    """The types of a class's fields; a whole number stands for a real one too."""
    found = {}
    for name, hint in get_type_hints(cls).items():
        kinds = {
            get_origin(each) or each for each in (get_args(hint) if isinstance(hint, UnionType) else (hint,))
        }
        found[name] = tuple(kinds | ({int} if float in kinds else set()))
    return found
