"""How an exported model turns images into probabilities, in words that need no code of this package."""

from dalbt_ray.models.encoder import Encoder, Shape


def model_steps(encoder: Encoder, image_shape: Shape, *, outlier_class: bool) -> tuple[str, ...]:
    """One sentence a step, with the names of tensors and PyTorch functions.

    Args:
        encoder: of the model.
        image_shape: (height, width, channels) that images are brought to.
        outlier_class: whether the last logit is that of "none of the classes".
    """
    last = "probabilities = softmax(logits)"
    if outlier_class:
        last = (
            "probabilities = softmax(logits without the last), given that the image is of one of the classes"
        )
    height, width, channels = image_shape
    color = "gray (Pillow's L)" if channels == 1 else "RGB"
    first = f"pixels: 8-bit {color}, {width} wide and {height} high; other sizes by Pillow's BILINEAR, no cropping"
    if encoder.embedding is None:
        layers = (
            f"logits = encoder.*, latent.* (if there), latent_norm.* (if there), classifier.* of {encoder.name} "
            "on x in evaluation mode; names and shapes are those of the state_dict"
        )
        return (
            first,
            "x = what the encoder makes of pixels / 255, usually 2 * pixels / 255 - 1",
            layers,
            last,
        )
    how = encoder.embedding.identity
    resized = (
        f"x = pixels / 255, gray repeated to RGB, torch.nn.functional.interpolate to {how['side']}x{how['side']} "
        f"({how['interpolation']}, antialias=True) where the size differs, clamped to 0..1, "
        f"then (x - {how['mean']}) / {how['std']} by channel"
    )
    embedded = f"f = {how['model']} without its classifier on x, weights of SHA-256 {how['weights']}"
    head = "logits = z @ classifier.weight.T + classifier.bias"
    if encoder.solver is None:
        head = (
            f"h = relu(z @ encoder.hidden.0.weight.T + encoder.hidden.0.bias); {head.replace('z @', 'h @')}"
        )
    return first, resized, embedded, "z = (f - features.center) @ features.axes", head, last
