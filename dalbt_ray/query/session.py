"""What every command on a pool starts with: the pool, its state, the model, and all of it as arrays."""

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from pathlib import Path

from dalbt_ray.errors import InputError
from dalbt_ray.models.frozen import Frozen, FrozenEmbedding
from dalbt_ray.query.image_blocks import ImageBlocks, Seen
from dalbt_ray.query.known_images import Answered, KnownImages, answered, known_images
from dalbt_ray.query.looking import Look
from dalbt_ray.query.pool_places import STATE, Pool, open_pool, storable
from dalbt_ray.query.state_folder import State


@dataclass(frozen=True)
class Session:
    """One command's view of a pool.

    Attributes:
        pool: its images.
        state: what is known of them.
    """

    pool: Pool
    state: State

    @classmethod
    def of(cls, pool: str, state: str | None) -> "Session":
        """The pool and its state folder; nothing is written.

        A state that lies where the pool's own belongs is the pool's, whatever it was called before. Another is, too,
        if the pool that it names is gone and had a file of this one.

        Raises:
            InputError: no pool, a state folder of another or of something else, or none where it may have been renamed.
        """
        opened = open_pool(pool)
        own = opened.default_state
        folder = Path(state).expanduser().absolute() if state else own
        session = cls(opened, State.at(folder, opened.location))
        if folder != own:
            session._refuse_another_pool()
        elif state is None and not own.exists():
            _refuse_to_forget(opened)
        return session

    def _refuse_another_pool(self) -> None:
        known, here = self.state.recorded_pool, self.pool.location
        if known is None or known == here:
            return
        problem, remedy = f"belongs to the pool {known}", "name that pool, or another --state"
        if not Path(known).exists():
            if {seen.place for seen in self.files()}.intersection(map(storable, self.pool.places())):
                return
            folder, own = self.state.storage.location, str(self.pool.default_state)
            problem += ", which is gone and had no file of this one"
            remedy = (
                f"if it is this one all the same: {shlex.join(['mv', folder, own])}; else another --state"
            )
        raise InputError("state", self.state.storage.location, problem, remedy=remedy)

    def require_state(self) -> None:
        """Refuse a pool that no query was made of.

        Raises:
            InputError: names the command to begin with.
        """
        if not self.state.exists:
            remedy = f"begin with dalbt query {self.pool.location} --budget N"
            raise InputError("POOL", self.pool.location, "has no state yet", remedy=remedy)

    def files(self) -> list[Seen]:
        """Every file that was ever read, under any model; of those with one path, the one that lies there now last."""
        storage = self.state.storage
        keys = [name.rstrip("/") for name in storage.entries("features") if name.endswith("/")]
        there = {place.path: place for place in map(storable, self.pool.places())}
        files = [seen for key in keys for seen in ImageBlocks(storage, key).files()]
        return sorted(files, key=lambda seen: there.get(seen.place.path) == seen.place)

    def answered(self, images: KnownImages) -> Answered:
        """What the answers say of each row."""
        asked = [batch["ids"] for batch in self.state.batches()]
        return answered(images, self.state.classes, self.state.replies(), asked)


@dataclass(frozen=True)
class Model:
    """A frozen model and the blocks of its features.

    Attributes:
        embedding: the model.
        blocks: what it embedded.
    """

    embedding: FrozenEmbedding
    blocks: ImageBlocks

    @classmethod
    def of(cls, session: Session, name: str, weights: str, side: int) -> "Model":
        """The model called `name`.

        Args:
            session: whose state keeps the features.
            name: as `Frozen.model`.
            weights: a file; empty where a package has them.
            side: pixels; 0 for the model's own.

        Raises:
            InputError: an unknown model, or weights that are not here, with what to install or bring.
        """
        embedding = Frozen(model=name, weights=weights, side=side).embedding
        said = dumps({"pool": "resized by Pillow", **embedding.identity}, sort_keys=True)
        return cls(embedding, ImageBlocks(session.state.storage, sha256(said.encode()).hexdigest()[:16]))

    def images(self, found: Look) -> KnownImages:
        """The pool as arrays."""
        return known_images(self.blocks, found)


def _refuse_to_forget(pool: Pool) -> None:
    """Refuse a file without a state, beside the state of one that is gone: it may be that one under another name."""
    own = pool.default_state
    if Path(pool.location).is_dir():
        return  # its state is inside, and is renamed with it
    for folder in sorted(own.parent.glob(f"?*{STATE}")):
        gone = None
        with suppress(InputError):  # not ours, or damaged
            gone = State.at(folder, pool.location).recorded_pool
        if gone and not Path(gone).exists():
            problem = f"has no state, and beside it is that of {gone}, which is gone"
            begin, take = shlex.join(["--state", str(own)]), shlex.join(["mv", str(folder), str(own)])
            remedy = f"if it is the same, renamed: {take}; else begin anew with {begin}"
            raise InputError("POOL", pool.location, problem, remedy=remedy)


def ingest_command(pool: str, state: str | None) -> str:
    """What to type once the batch is labeled, ready for a shell."""
    return shlex.join(["dalbt", "ingest", pool, "answers.json", *(["--state", state] if state else [])])


def set_classes(state: State, classes: Sequence[str]) -> None:
    """Take the classes that the user names; those that are known stay, in their order.

    Raises:
        InputError: a name given twice, empty or reserved, or a known class left out.
    """
    known = state.classes
    for name in classes:
        if not name or name.startswith("__") or classes.count(name) > 1:
            problem = f"holds {name!r}, which is empty, reserved or given twice"
            raise InputError("classes", ",".join(classes), problem)
    if missing := [name for name in known if name not in classes]:
        problem = f"leaves out {', '.join(missing)}, which the pool has"
        raise InputError("classes", ",".join(classes), problem, remedy=f"known classes: {','.join(known)}")
    if tuple(classes) != known:
        state.set_classes(classes)
