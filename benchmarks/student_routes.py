"""Ways to run the taught model on a processor: step by step or packed, in other number formats, by another engine.

    python -m benchmarks.student_routes [--data DIR] [--steps 60]

The same held-out steps by every route on one thread, from graphs that the model was not taught with: the processor's
time for a step (so that other work on the machine counts little), the share of marks that differ from those in float32,
and what they cost in exact match and calibration. Writes `results/student_routes.json` and `.md`.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import json
import random
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic  # type: ignore[import-untyped]

import kg_data
from benchmarks.exact_executor import DATASETS, RESULTS
from benchmarks.machine import machine, machine_words
from reasoning import KnowledgeGraph
from reasoning.lm import load_llm
from reasoning.lm.candidate_scoring import PACKAGED_ADAPTER, TOKENS_OF_A_PASS, Student, adapter_digest, load_student
from skylark.text import aligned
from training.loop import expected_calibration_error
from training.steps import STEP_KINDS, StepExample, StepSampler

ALONE = 1
"""Tokens of a pass that no two steps fit into."""


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=kg_data.data_root(), help="the data folder, which holds kg/")
    parser.add_argument("--steps", type=int, default=60, help="held-out steps of each kind")
    options = parser.parse_args()
    torch.set_num_threads(1)
    student = load_student(PACKAGED_ADAPTER)
    graphs = [KnowledgeGraph.load(options.data / "kg" / name, ["train"]) for name in DATASETS]
    sampler = StepSampler(graphs, student.marks.scheme, random.Random("routes"))
    steps = [sampler.sample(kind) for kind in STEP_KINDS for _ in range(options.steps)]
    figures: dict[str, Any] = {}
    kept: dict[str, NDArray[np.bool_]] = {}
    for name, engine, most in routes(student):
        figures[name], kept[name] = measured(engine, most, steps)
        figures[name]["differing"] = float(np.mean(kept[name] != kept["float32, packed"]))
        print(name, figures[name], flush=True)
    report = {
        "command": f"python -m benchmarks.student_routes --steps {options.steps}",
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "torch": torch.__version__,
        "adapter": adapter_digest(load_llm("embedded")),
        "steps": len(steps),
        "marks": sum(len(step.keep) for step in steps),
        "figures": figures,
        "packed_against_alone": {
            name: float(np.mean(kept[f"{name}, packed"] != kept[f"{name}, a step a pass"]))
            for name in ("float32", "int8")
        },
    }
    text = as_markdown(report)
    (RESULTS / "student_routes.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "student_routes.md").write_text(text, encoding="utf-8")
    print(text)


def routes(student: Student) -> Iterator[tuple[str, Student, int]]:
    """Each route's name, the model, and the tokens of a pass; one model in memory at a time beside the first."""
    import torch

    yield "float32, packed", student, TOKENS_OF_A_PASS
    yield "float32, a step a pass", student, ALONE
    halved = replace(student, decoder=copy.deepcopy(student.decoder).to(torch.bfloat16))
    yield "bfloat16, packed", halved, TOKENS_OF_A_PASS
    del halved
    whole = replace(student, decoder=quantized(student.decoder))
    yield "int8, packed", whole, TOKENS_OF_A_PASS
    yield "int8, a step a pass", whole, ALONE
    del whole
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder) / "decoder.onnx"
        export(student.decoder, exported)
        yield "onnxruntime, packed", replace(student, decoder=OnnxDecoder(exported)), TOKENS_OF_A_PASS
        rounded = Path(folder) / "int8.onnx"
        quantize_dynamic(exported, rounded, weight_type=QuantType.QInt8)
        yield "onnxruntime int8, packed", replace(student, decoder=OnnxDecoder(rounded)), TOKENS_OF_A_PASS


def quantized(decoder: Any) -> Any:
    """A copy with the weights of its linear layers in int8, what goes into them rounded as it comes."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that this is to be removed
        return torch.ao.quantization.quantize_dynamic(decoder, {torch.nn.Linear}, dtype=torch.qint8)


class OnnxDecoder:
    """An exported transformer on one thread, called as the one of transformers is."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def __call__(self, input_ids: Any, attention_mask: Any, position_ids: Any, use_cache: bool) -> SimpleNamespace:
        """Shape of `last_hidden_state`: (1, tokens, width)."""
        import torch

        given = {"tokens": input_ids, "mask": attention_mask, "positions": position_ids}
        (hidden,) = self._session.run(None, {name: value.numpy() for name, value in given.items()})
        return SimpleNamespace(last_hidden_state=torch.from_numpy(hidden))

    def parameters(self) -> Iterator[Any]:
        """One, for its number format."""
        import torch

        yield torch.zeros(1)


def export(decoder: Any, path: Path) -> None:
    """A transformer as ONNX, for any number of tokens and any mask."""
    import torch

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.decoder = decoder

        def forward(self, tokens: Any, mask: Any, positions: Any) -> Any:
            output = self.decoder(input_ids=tokens, attention_mask=mask, position_ids=positions, use_cache=False)
            return output.last_hidden_state

    count = 40
    example = (torch.arange(count)[None], torch.zeros(1, 1, count, count), torch.arange(count)[None])
    axes = {"tokens": {1: "n"}, "mask": {2: "n", 3: "n"}, "positions": {1: "n"}}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no other package is the old one
        torch.onnx.export(
            Hidden(), example, path, dynamo=False, input_names=list(axes), output_names=["hidden"], dynamic_axes=axes,
            opset_version=17,
        )  # fmt: skip


def measured(student: Student, most: int, steps: Sequence[StepExample]) -> tuple[dict[str, Any], NDArray[np.bool_]]:
    """The figures of one route, and its marks."""
    sheets = [step.sheet for step in steps]
    student.log_odds(sheets[:2], most)
    began = time.process_time()
    odds = student.log_odds(sheets, most)
    seconds = time.process_time() - began
    kept = np.concatenate([step.keep for step in steps]).astype(bool)
    flat = np.concatenate(odds).astype(np.float64)
    probabilities = 1 / (1 + np.exp(-flat / student.marks.temperature))
    return {
        "milliseconds": 1000 * seconds / len(steps),
        "exact": float(np.mean([not ((o > 0) != s.keep).any() for o, s in zip(odds, steps, strict=True)])),
        "wrong": float(np.mean((flat > 0) != kept)),
        "expected_calibration_error": expected_calibration_error(probabilities, kept),
    }, flat > 0


def as_markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    heads = ["route", "ms a step", "marks that differ", "exact", "wrong marks", "calibration error"]
    rows = [
        [
            name,
            f"{found['milliseconds']:.1f}",
            f"{found['differing']:.4f}",
            f"{found['exact']:.3f}",
            f"{found['wrong']:.4f}",
            f"{found['expected_calibration_error']:.4f}",
        ]
        for name, found in report["figures"].items()
    ]
    return (
        "# Ways to run the taught model on a processor\n\n"
        f"`{report['command']}`, {report['date']}, one thread of {machine_words(report['machine'])}, torch "
        f"{report['torch']}, adapter {report['adapter']}; {report['steps']} held-out steps with "
        f"{report['marks']:,} marks. Milliseconds are the processor's.\n\n"
        f"```\n{aligned(heads, rows)}\n```\n\n"
        "Marks that change with what else is in the pass: "
        + ", ".join(f"{name} {share:.4f}" for name, share in report["packed_against_alone"].items())
        + ".\n"
    )


if __name__ == "__main__":
    main()
