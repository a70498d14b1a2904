"""The part of a Whisper model that writes words, from CTranslate2's file into transformers, step by step askable.

CTranslate2 writes a text in one call and lets nobody look at its choices on the way. Its file is a list of named arrays
(version 6, as `ctranslate2.specs.model_spec` writes it); the encoder stays with CTranslate2, which runs it in 8 bits.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import WhisperConfig, WhisperForConditionalGeneration

from reasoning.speech.errors import SpeechError

VERSION = 6
"""Of the file."""

_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
"""By their number in the file; bfloat16 is 5, which numpy lacks."""


def whisper_decoder(file: Path) -> WhisperForConditionalGeneration:
    """A Whisper model of transformers in float32 with the decoder of a `model.bin`, and an encoder without a layer.

    Raises:
        SpeechError: it is another version's file, or damaged, its weights are of a type that is not read, such as 8
            bits, or they do not fit into memory.
    """
    try:
        return _decoder(_arrays(file))
    except MemoryError as error:
        raise SpeechError(f"the words of {file} do not fit into this machine's memory") from error
    except (OSError, ValueError, KeyError, IndexError, RuntimeError, struct.error) as error:
        problem = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise SpeechError(f"{file} holds no weights of CTranslate2's version {VERSION}: {problem}") from error


def _decoder(arrays: dict[str, NDArray[np.generic]]) -> WhisperForConditionalGeneration:
    wide = arrays["decoder/embeddings/weight"]
    layers = len({name.split("/")[1] for name in arrays if re.match(r"decoder/layer_\d", name)})
    heads = int(arrays["decoder/num_heads"])
    config = WhisperConfig(
        vocab_size=wide.shape[0], d_model=wide.shape[1], decoder_layers=layers, decoder_attention_heads=heads,
        decoder_ffn_dim=arrays["decoder/layer_0/ffn/linear_0/weight"].shape[0],
        max_target_positions=arrays["decoder/position_encodings/encodings"].shape[0],
        encoder_layers=0, encoder_attention_heads=heads, encoder_ffn_dim=1,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    weights = dict(_renamed(arrays, layers))
    if damaged := [name for name, weight in weights.items() if not np.issubdtype(weight.dtype, np.floating)]:
        raise ValueError(f"{damaged[0]} holds no floats; convert the model with float16")
    state = {name: torch.from_numpy(weight.astype(np.float32)) for name, weight in weights.items()}
    missing = model.load_state_dict(state, strict=False).missing_keys
    if lacking := [name for name in missing if ".encoder." not in name and name != "proj_out.weight"]:
        raise KeyError(lacking[0])
    model.tie_weights()
    model.train(False)
    return model


def _arrays(file: Path) -> dict[str, NDArray[np.generic]]:
    """The named arrays of a file, as they lie there."""
    arrays: dict[str, NDArray[np.generic]] = {}
    with file.open("rb") as opened:
        content = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    place = 0

    def number(form: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from(f"<{form}", content, place)
        place += struct.calcsize(form)
        return int(value)

    def text() -> str:
        nonlocal place
        length = number("H")
        place += length
        return content[place - length : place - 1].decode()  # a zero ends it

    if (version := number("I")) != VERSION:
        raise ValueError(f"it is of version {version}")
    kind = text()
    if kind != "WhisperSpec":
        raise ValueError(f"it is a {kind}, not a WhisperSpec")
    number("I")  # the kind's own version
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        if (kind_of_number := number("B")) not in _TYPES:
            raise ValueError(f"{name} holds numbers of type {kind_of_number}; convert the model with float16")
        dtype, length = np.dtype(_TYPES[kind_of_number]), number("I")
        arrays[name] = np.frombuffer(content, dtype, length // dtype.itemsize, place).reshape(shape)
        place += length
    for _ in range(number("I")):  # arrays that are alike are kept once
        alias, name = text(), text()
        arrays[alias] = arrays[name]
    return arrays


def _renamed(arrays: dict[str, NDArray[np.generic]], layers: int) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """The decoder's arrays by transformers' names; CTranslate2 keeps queries, keys and values of one input together."""

    def norm(source: str, target: str) -> Iterator[tuple[str, NDArray[np.generic]]]:
        yield f"{target}.weight", arrays[f"decoder/{source}/gamma"]
        yield f"{target}.bias", arrays[f"decoder/{source}/beta"]

    def linear(source: str, *targets: str) -> Iterator[tuple[str, NDArray[np.generic]]]:
        weights = np.split(arrays[f"decoder/{source}/weight"], len(targets))
        biases = np.split(arrays[f"decoder/{source}/bias"], len(targets))
        for target, weight, bias in zip(targets, weights, biases, strict=True):
            yield f"{target}.weight", weight
            if not target.endswith("k_proj"):  # Whisper's keys have no bias
                yield f"{target}.bias", bias

    yield "model.decoder.embed_tokens.weight", arrays["decoder/embeddings/weight"]
    yield "model.decoder.embed_positions.weight", arrays["decoder/position_encodings/encodings"]
    yield from norm("layer_norm", "model.decoder.layer_norm")
    for number in range(layers):
        source, target = f"layer_{number}", f"model.decoder.layers.{number}"
        own, other = f"{target}.self_attn", f"{target}.encoder_attn"
        yield from norm(f"{source}/self_attention/layer_norm", f"{own}_layer_norm")
        yield from linear(f"{source}/self_attention/linear_0", f"{own}.q_proj", f"{own}.k_proj", f"{own}.v_proj")
        yield from linear(f"{source}/self_attention/linear_1", f"{own}.out_proj")
        yield from norm(f"{source}/attention/layer_norm", f"{other}_layer_norm")
        yield from linear(f"{source}/attention/linear_0", f"{other}.q_proj")
        yield from linear(f"{source}/attention/linear_1", f"{other}.k_proj", f"{other}.v_proj")
        yield from linear(f"{source}/attention/linear_2", f"{other}.out_proj")
        yield from norm(f"{source}/ffn/layer_norm", f"{target}.final_layer_norm")
        yield from linear(f"{source}/ffn/linear_0", f"{target}.fc1")
        yield from linear(f"{source}/ffn/linear_1", f"{target}.fc2")
