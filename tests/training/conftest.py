"""The tiny language model, its tokens and detector that the tests of the decoder share."""

from tests.vision.decoder.conftest import adapter, model, nanodet, network, tokens

__all__ = ["adapter", "model", "nanodet", "network", "tokens"]
