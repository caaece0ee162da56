"""The images that each method acquired: contact sheets per method and round, bounded in number."""

from base64 import b64encode
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


def _sheets(
    study: Study, rounds: pd.DataFrame, shown: pd.DataFrame, data_root: Path | None
) -> list[Sheet] | str:
    """One sheet a method; or why there is none, without a path of this machine: pages are published."""
    # Of a class split, the OOD images are the data set's own.
    dataset, ood = (str(study.trials.at[rounds["trial_id"].iloc[0], name]) for name in ("dataset", "ood"))
    splits = rounds["ood"].iloc[0] != ood
    name = f"{dataset} and {ood}" if ood else dataset
    pictures = {}
    try:
        files = ImageSetFiles.find(dataset, ood, data_root)
        hashes = {study.manifests.get(str(one), {}).get("data_hash") for one in rounds["trial_id"].unique()}
        if hashes - {None, files.data_hash}:
            return f"the images of {name} that are here are not those that the trials had (another hash)."
        for source, picks in shown.groupby("source"):
            path = files.train if source == dataset or files.ood is None else files.ood
            for id_, encoded in encoded_images(path, picks["sample_id"]).items():
                pictures[source, id_] = _uri(encoded)
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
        known = study.manifests.get(str(trial["trial_id"].iloc[0]), {}).get("data", {}).get("known_classes")
        names = known or (list(map(str, range(len(files.class_names)))) if splits else files.class_names)
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
