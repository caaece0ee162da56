"""How a file that cannot be used is refused: damaged or of a newer format, each with its remedy."""

from dalbt_ray.errors import InputError
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError


def refusal(location: str, name: str, error: DamagedError | NewerFormatError) -> InputError:
    """The error of a command that cannot go on without the file `name` of the results folder `location`."""
    if isinstance(error, NewerFormatError):
        return InputError(
            "results",
            f"{location}/{name}",
            str(error),
            remedy="install the dalbt-ray that wrote it, or a newer one",
        )
    return InputError("results", f"{location}/{name}", str(error), remedy=f"run `dalbt verify {location}`")
