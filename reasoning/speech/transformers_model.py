"""Speech models of transformers: Whisper of any size, and those that read letters from sound (wav2vec 2.0 and kin)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg_data.devices import find_device, find_dtype, quiet_transformers
from kg_data.installation import require
from reasoning.speech.audio import SAMPLE_RATE, Audio
from reasoning.speech.errors import SpeechError
from reasoning.speech.model import SpeechModel
from reasoning.speech.transcript import Transcript

WINDOW = 30
"""Seconds that are heard at once, which is what Whisper was trained on."""


class TransformersSpeechModel(SpeechModel):
    """A speech model of transformers, from a folder in the Hugging Face layout with safetensors weights.

    Args:
        folder: the folder.
        name: what it is called.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".

    Raises:
        SpeechError: it is no speech model that transformers knows, asks for code of its own, or does not fit.
        MissingPackageError: the extra `llm` is not installed.
    """

    def __init__(self, folder: Path, name: str, device: str = "auto") -> None:
        require("A speech model of the hub", "torch", "transformers")
        import torch
        from transformers import pipeline

        self.name = name
        place = find_device(device, SpeechError)
        try:
            with quiet_transformers():
                self._pipeline: Any = pipeline(
                    "automatic-speech-recognition",
                    model=str(folder),
                    device=place,
                    dtype=find_dtype("auto", place),
                    trust_remote_code=False,
                    # Only safetensors: the other format is a pickle, which runs code when it is read.
                    model_kwargs={"use_safetensors": True},
                )
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise SpeechError(f"{name} does not fit into the memory of {place}: take a smaller model") from error
        except Exception as error:  # transformers raises OSError, ValueError, KeyError and its parsers' own errors
            if "trust_remote_code" in str(error):
                raise SpeechError(f"{name} asks for code of its own to be run, which Skylark never does") from None
            raise SpeechError(
                f"{folder} does not hold a speech model with its processor and safetensors weights "
                f"({type(error).__name__}: {error})"
            ) from error
        config = self._pipeline.model.config
        self._is_whisper = config.model_type == "whisper"
        self._most_prompt = getattr(config, "max_target_positions", 0) // 2  # the other half is for what is said
        self._one_at_a_time = threading.Lock()

    def _heard(self, audio: Audio, expected: Sequence[str], vocabulary: str) -> Iterator[Transcript]:
        said: list[str] = []
        spoken: str | None = None
        for start in range(0, len(audio.samples), WINDOW * SAMPLE_RATE):
            window = audio.samples[start : start + WINDOW * SAMPLE_RATE]
            text, language = self._window(window, vocabulary)
            said += [text] if text else []
            spoken = spoken or language
            yield Transcript(" ".join(said), spoken, None, start / SAMPLE_RATE + len(window) / SAMPLE_RATE, final=False)
        yield Transcript(" ".join(said), spoken, None, audio.seconds)

    def _window(self, window: NDArray[np.float32], vocabulary: str) -> tuple[str, str | None]:
        """The text of a window, and the language's code where the model tells one."""
        options: dict[str, Any] = {}
        if self._is_whisper:
            options["return_language"] = True
            if vocabulary:
                words = self._pipeline.tokenizer.get_prompt_ids(vocabulary, return_tensors="pt")
                options["generate_kwargs"] = {"prompt_ids": words[: self._most_prompt].to(self._pipeline.device)}
        with self._one_at_a_time:
            found = self._pipeline({"raw": window, "sampling_rate": SAMPLE_RATE}, **options)
        languages = [part["language"] for part in found.get("chunks", ()) if part.get("language")]
        return found["text"].strip(), _code(languages[0]) if languages else None


def _code(language: str) -> str:
    """A language's code by the name that transformers gives it, such as "german", or by the code itself."""
    from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE

    return TO_LANGUAGE_CODE.get(language.lower(), language)
