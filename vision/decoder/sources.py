"""From a name to what makes image tokens."""

from __future__ import annotations

from vision.decoder.image_tokens import TokenSource
from vision.decoder.nanodet_tokens import NanoDetTokens

NANODET = "nanodet"


def open_tokens(name: str, device: str = "auto") -> TokenSource:
    """The tokenizer of images of that name.

    Args:
        name: "nanodet", or the folder or hub name of a DETR-like detector of transformers.
        device: of such a model, by torch's name.

    Raises:
        DetectorError: there is no such detector, or it cannot be opened.
    """
    if name == NANODET:
        return NanoDetTokens()
    from vision.decoder.detr_tokens import DetrTokens

    return DetrTokens(name, device)
