"""Threads that decode images share one budget of pixels."""

from threading import Thread

from PIL import Image

from dalbt_ray.query.pixel_budget import PixelBudget
from tests.user_folders import encoded


def test_two_images_that_do_not_fit_together_are_decoded_one_after_the_other() -> None:
    """The second waits for the first; one that is larger than all takes all."""
    budget, order = PixelBudget(100), list[str]()
    large, huge = encoded(Image.new("L", (8, 10)), "PNG"), encoded(Image.new("L", (50, 50)), "BMP")

    def second() -> None:
        with budget.share(huge):
            order.append("second")

    with budget.share(large):
        other = Thread(target=second)
        other.start()
        other.join(0.2)
        order.append("first")
    other.join(60)
    assert order == ["first", "second"]
    with budget.share(huge):
        pass  # everything was given back


def test_what_is_no_image_takes_nothing() -> None:
    """It is refused by whoever decodes it."""
    budget, decoded = PixelBudget(100), list[bytes]()

    def both() -> None:
        for data in (b"no image", b""):
            with budget.share(data):
                decoded.append(data)

    with budget.share(encoded(Image.new("L", (10, 10)), "PNG")):  # nothing is left
        other = Thread(target=both, daemon=True)
        other.start()
        other.join(60)
        assert decoded == [b"no image", b""]
