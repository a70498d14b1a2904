"""Speech models of transformers: Whisper of any size, and those that read letters from sound (wav2vec 2.0 and kin)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reasoning.speech.audio import SAMPLE_RATE, Audio, SpeechError
from reasoning.speech.model import WINDOW, Hypothesis, SpeechModel, Topic, Transcript, likeliest_language
from reasoning.speech.whisper import whole_tokenizer
from skylark.installation import require
from skylark.models import find_device, find_dtype, quiet_transformers

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

    from reasoning.speech.search import BiasedSearch

LIKELY = 0.5
"""See `likeliest_language`. Of whole windows Whisper-base tells languages with more certainty than of short ones;
chosen on the development recordings of `reasoning.speech.whisper.LIKELY`."""


class TransformersSpeechModel(SpeechModel):
    """A speech model of transformers, from a folder in the Hugging Face layout with safetensors weights.

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
        self._is_multilingual = bool(getattr(self._pipeline.model.generation_config, "lang_to_id", None))
        self._most_prompt = getattr(config, "max_target_positions", 0) // 2  # the other half is for what is said
        self._one_at_a_time = threading.Lock()
        self._encoded: tuple[Sequence[NDArray[np.float32]], torch.Tensor | None] = ((), None)

    def _heard(self, audio: Audio, expected: Sequence[str], before: str) -> Iterator[Transcript]:
        said: list[str] = []
        language: str | None = None
        probability: float | None = None
        for start in range(0, len(audio.samples), WINDOW * SAMPLE_RATE):
            window = audio.samples[start : start + WINDOW * SAMPLE_RATE]
            with self._one_at_a_time:
                if not start and self._is_whisper:
                    language, probability = likeliest_language(window, expected, self._languages, LIKELY)
                text = self._text(window, language, before)
            said += [text] if text else []
            end = (start + len(window)) / SAMPLE_RATE
            yield Transcript(" ".join(said), language, probability, end, final=False)
        yield Transcript(" ".join(said), language, probability, audio.seconds)

    def _text(self, window: NDArray[np.float32], language: str | None, before: str) -> str:
        options: dict[str, Any] = {"language": language, "task": "transcribe"} if self._is_multilingual else {}
        if self._is_whisper and before:
            import torch

            words = self._tokenizer.encode(f"<|startofprev|> {before}", add_special_tokens=False).ids
            options["prompt_ids"] = torch.tensor(words[: self._most_prompt], device=self._pipeline.device)
        written = {"generate_kwargs": options} if options else {}  # what is read letter by letter takes none
        found = self._pipeline({"raw": window, "sampling_rate": SAMPLE_RATE}, **written)
        return str(found["text"]).strip()

    def _hypotheses(self, windows: Sequence[NDArray[np.float32]], language: str, topic: Topic) -> list[Hypothesis]:
        if not self._is_whisper:
            return []
        import torch

        with self._one_at_a_time, torch.inference_mode():
            windows_before, encoded = self._encoded
            if windows is not windows_before or encoded is None:
                encoded = self._encode(windows)
                self._encoded = windows, encoded
            return self._search.hypotheses(encoded, language, topic, max(map(len, windows)) / SAMPLE_RATE)

    def _encode(self, windows: Sequence[NDArray[np.float32]]) -> torch.Tensor:
        """What the encoder gives, shape (windows, frames, width)."""
        model, extractor = self._pipeline.model, self._pipeline.feature_extractor
        made = extractor(list(windows), sampling_rate=SAMPLE_RATE, return_tensors="pt")
        encoded: torch.Tensor = model.get_encoder()(made.input_features.to(model.device, model.dtype)).last_hidden_state
        return encoded

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return whole_tokenizer(self._pipeline.tokenizer.backend_tokenizer)

    @cached_property
    def _search(self) -> BiasedSearch:
        from reasoning.speech.search import BiasedSearch

        return BiasedSearch(self._pipeline.model, self._tokenizer)

    def _languages(self, window: NDArray[np.float32]) -> dict[str, float]:
        """The probability of each language of Whisper's, from its first token (Radford et al. 2022, section 2.3)."""
        if not self._is_multilingual:
            return {"en": 1.0}
        import torch

        model, device = self._pipeline.model, self._pipeline.device
        made = self._pipeline.feature_extractor(window, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        features = made.input_features.to(device, model.dtype)
        start = torch.tensor([[model.generation_config.decoder_start_token_id]], device=device)
        tokens: dict[str, int] = model.generation_config.lang_to_id
        with torch.inference_mode():
            logits = model(input_features=features, decoder_input_ids=start).logits[0, -1]
        chances = torch.softmax(logits[list(tokens.values())].float(), dim=0).tolist()
        return {name.strip("<|>"): chance for name, chance in zip(tokens, chances, strict=True)}
