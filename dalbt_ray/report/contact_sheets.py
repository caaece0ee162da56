"""The images that each method acquired: contact sheets per method and round, bounded in number."""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dalbt_ray.data.image_set import ImageSetFiles
from dalbt_ray.data.thumbnails import encoded_images, thumbnail
from dalbt_ray.errors import InputError
from dalbt_ray.report.page import Block, ContactSheets, Section, Sheet, Text, Thumbnail
from dalbt_ray.report.study import Study

IMAGES, QUERIES, MOST = 12, 5, 1_500
"""Images of a query, queries of a trial, and images of a page that are shown at most."""


def contact_sheet_section(study: Study, data_root: Path | None) -> Section:
    """What the first seed of each method acquired, as pictures.

    Args:
        study: a prepared study.
        data_root: where the data sets lie; the embedded ones are found without it.
    """
    blocks: list[Block] = []
    missing: dict[str, list[str]] = {}
    left = MOST
    for setting, rounds in study.rounds.groupby("setting", sort=False):
        shown = shown_picks(study.selections, rounds)
        if shown.empty:
            continue
        if len(shown) > left:
            missing.setdefault(f"not shown, a page has at most {MOST:,} pictures.", []).append(str(setting))
            continue
        sheets = _sheets(study, rounds, shown, data_root)
        if isinstance(sheets, str):
            missing.setdefault(sheets, []).append(str(setting))
            continue
        left -= len(shown)
        blocks.append(ContactSheets(str(setting), sheets, unfolded=not blocks))
    if blocks:
        blocks.insert(0, Text(_explained(), note=True))
    blocks += [Text(f"{'; '.join(settings)}: {why}", note=True) for why, settings in missing.items()]
    return Section("pictures", "Images acquired", blocks)


def shown_picks(selections: pd.DataFrame, rounds: pd.DataFrame) -> pd.DataFrame:
    """The rows of `selections` that are shown of one setting, with `method` and `seed`.

    Of each method its first seed; of that trial the first query, the last, and some evenly between; of a query the
    images that the method wanted most.

    Args:
        selections: the `selections` frame.
        rounds: prepared rounds of one setting.
    """
    firsts = rounds.sort_values(["method", "seed"]).drop_duplicates("method")
    firsts = firsts.set_index("trial_id")[["method", "seed"]]
    picks = selections[selections["rank"] < IMAGES]
    picks = picks[picks["trial_id"].isin(firsts.index)]
    kept = {
        (trial_id, queries[place])
        for trial_id, queries in picks.groupby("trial_id")["round"].unique().items()
        for place in np.unique(np.linspace(0, len(queries) - 1, QUERIES).round().astype(int))
    }
    keys = pd.MultiIndex.from_frame(picks[["trial_id", "round"]])
    picks = picks[keys.isin(list(kept))] if kept else picks
    return picks.join(firsts, on="trial_id").sort_values(["method", "round", "rank"], ignore_index=True)


def image_sets(study: Study, trial_id: str) -> tuple[str, str]:
    """Names of a trial's data set and OOD set; the latter empty for none, as where OOD images are further classes."""
    return str(study.trials.at[trial_id, "dataset"]), str(study.trials.at[trial_id, "ood"])


def encoded_picks(files: ImageSetFiles, picks: pd.DataFrame) -> dict[tuple[str, int], bytes]:
    """The encoded image of each row of `selections`, by its `source` and `sample_id`, as far as the files have it.

    Raises:
        InputError: see `encoded_images`.
    """
    found = {}
    for source, rows in picks.groupby("source"):
        path = files.train if source == files.sources[0] or files.ood is None else files.ood
        for id_, encoded in encoded_images(path, rows["sample_id"]).items():
            found[str(source), id_] = encoded
    return found


def class_names(study: Study, trial_id: str, files: ImageSetFiles) -> Sequence[str]:
    """The names that a trial's labels number: of its known classes.

    Numbers stand for them where classes are split and only the manifest, which an unfinished trial lacks, says how.
    """
    known: list[str] = study.manifests.get(trial_id, {}).get("data", {}).get("known_classes", [])
    if known:
        return known
    setting = study.settings[str(study.trials.at[trial_id, "setting"])]
    splits = setting.ood != image_sets(study, trial_id)[1]
    return list(map(str, range(len(files.class_names)))) if splits else files.class_names


def _sheets(
    study: Study, rounds: pd.DataFrame, shown: pd.DataFrame, data_root: Path | None
) -> list[Sheet] | str:
    """One sheet a method; or why there is none, without a path of this machine: pages are published."""
    dataset, ood = image_sets(study, str(rounds["trial_id"].iloc[0]))
    name = f"{dataset} and {ood}" if ood else dataset
    try:
        files = ImageSetFiles.find(dataset, ood, data_root)
        hashes = {study.manifests.get(str(one), {}).get("data_hash") for one in rounds["trial_id"].unique()}
        if hashes - {None, files.data_hash}:
            return f"the images of {name} that are here are not those that the trials had (another hash)."
        pictures = {image: _uri(encoded) for image, encoded in encoded_picks(files, shown).items()}
    except InputError:
        return (
            f"the images of {name} are not here, or cannot be read. `dalbt report DIR --data-root DATA` shows them, "
            "where DATA is the folder of data sets; `dalbt data list --data-root DATA` says what it has."
        )

    def shown_image(source: str, id_: int, name: str, *, is_ood: bool) -> Thumbnail:
        return Thumbnail(pictures.get((source, id_), ""), f"{name}, {source} {id_}", is_ood)

    sheets = []
    columns = ["source", "sample_id", "label", "is_ood"]
    for (method, seed), trial in shown.groupby(["method", "seed"], sort=False):
        names = class_names(study, str(trial["trial_id"].iloc[0]), files)
        lines = [
            (
                f"query {query}",
                [
                    shown_image(
                        str(source), int(id_), "OOD" if is_ood else names[int(label)], is_ood=bool(is_ood)
                    )
                    for source, id_, label, is_ood in picks[columns].itertuples(index=False)
                ],
            )
            for query, picks in trial.groupby("round")
        ]
        sheets.append((f"{method}, seed {seed}", lines))
    return sheets


def _uri(encoded: bytes) -> str:
    """A picture as a `data:` URI; empty where the bytes are none."""
    try:
        kind, data = thumbnail(encoded)
    except OSError:
        return ""
    return f"data:{kind};base64,{b64encode(data).decode()}"


def _explained() -> str:
    return (
        f"Of the first seed of each method, up to {QUERIES} queries spread over the trial, and of each the up to "
        f"{IMAGES} images that it wanted most. OOD images have a thick orange frame. Point at an image for its class, "
        "data set and id."
    )
