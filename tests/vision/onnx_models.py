"""Small ONNX detectors that really look: they find cells of pure red, green or blue.

Each pools the image to cells of 16 pixels; a cell's three scores are its mean red, green and blue, its box is the cell.
The same cells leave in every form that exporters write, so a rectangle of one colour has one right answer in all.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Form = Literal["v8", "v8-turned", "v5", "kept", "unit", "softmax", "sigmoid", "labelled", "labelled-plain"]
FORMS: tuple[Form, ...] = Form.__args__  # type: ignore[attr-defined]

NAMES = {0: "red", 1: "green", 2: "blue"}
CELL = 16


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name


def save_detector(
    path: Path,
    form: Form,
    size: tuple[int, int] = (64, 64),
    *,
    metadata: Mapping[str, str] | None = None,
    free: Sequence[str] = (),
    half: bool = False,
) -> Path:
    """Write a detector of pure colours.

    Args:
        path: where to.
        form: of its outputs.
        size: (width, height) of its input, whole cells.
        metadata: of the file; the names of the classes where None.
        free: which dimensions of the input are left free, of "batch", "height", "width".
        half: whether it takes and gives half precision.
    """
    number = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    width, height = size
    graph = _Graph()
    image = graph.add("Cast", "images", to=TensorProto.FLOAT)
    pooled = graph.add("AveragePool", image, kernel_shape=[CELL, CELL], strides=[CELL, CELL])
    colours = graph.add("Reshape", pooled, graph.constant([1, 3, -1], np.int64))  # (1, 3, cells)
    pixels = _cells(width, height)  # (cells, 4): centre and size
    unit = pixels / (width, height, width, height)
    by_cell = graph.add("Transpose", colours, perm=[0, 2, 1])
    dimensions = {"batch": 1, "colours": 3, "height": height, "width": width}
    shape = [name if name in free else number for name, number in dimensions.items()]
    inputs = [helper.make_tensor_value_info("images", number, shape)]
    outputs: dict[str, str] = {}
    if form == "v8":
        outputs["output0"] = graph.add("Concat", graph.constant(pixels.T[None]), colours, axis=1)
    elif form in ("v8-turned", "unit"):
        boxes = pixels if form == "v8-turned" else unit
        outputs["output0"] = graph.add("Concat", graph.constant(boxes[None]), by_cell, axis=2)
    elif form == "v5":
        # Objectness of a half, so that a reader who forgets it doubles every score.
        halves = np.concatenate([pixels, np.full((len(pixels), 1), 0.5)], axis=1)
        outputs["output"] = graph.add("Concat", graph.constant(halves[None]), by_cell, axis=2)
    elif form == "kept":
        best = graph.add("ReduceMax", by_cell, axes=[2], keepdims=1)
        which = graph.add("Cast", graph.add("ArgMax", by_cell, axis=2, keepdims=1), to=TensorProto.FLOAT)
        outputs["output0"] = graph.add("Concat", graph.constant(_corners(pixels)[None]), best, which, axis=2)
    elif form in ("softmax", "sigmoid"):
        logits = graph.add("Mul", graph.add("Sub", by_cell, graph.constant(0.5)), graph.constant(20))
        if form == "softmax":
            logits = graph.add("Concat", logits, graph.constant(np.zeros((1, len(pixels), 1))), axis=2)
        outputs = {"logits": logits, "pred_boxes": graph.add("Add", graph.constant(unit[None]), graph.constant(0))}
    else:
        best = graph.add("ReduceMax", by_cell, axes=[2], keepdims=0)
        which = graph.add("ArgMax", by_cell, axis=2, keepdims=0)
        corners = graph.constant(_corners(pixels if form == "labelled-plain" else unit)[None])
        scale = graph.constant(1)
        if form == "labelled":
            inputs.append(helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, [1, 2]))
            sizes = graph.add("Cast", "orig_target_sizes", to=TensorProto.FLOAT)
            scale = graph.add("Concat", sizes, sizes, axis=1)
        outputs = {"labels": which, "boxes": graph.add("Mul", corners, scale), "scores": best}
    infos = []
    for name, tensor in outputs.items():
        whole = name == "labels"
        graph.nodes.append(helper.make_node("Cast", [tensor], [name], to=TensorProto.INT64 if whole else number))
        infos.append(helper.make_tensor_value_info(name, TensorProto.INT64 if whole else number, None))
    return save_graph(path, graph.nodes, inputs, infos, graph.constants, metadata)


def save_graph(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: Sequence[onnx.TensorProto] = (),
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a model; its metadata name the three colours where None is given."""
    graph = helper.make_graph(nodes, "made", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict({"names": str(NAMES)} if metadata is None else metadata))
    onnx.save(model, path)
    return path


def save_constant(path: Path, outputs: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> Path:
    """Write a model that always gives the same, whatever it sees."""
    constants = [numpy_helper.from_array(array, f"{name}_value") for name, array in outputs.items()]
    nodes = [helper.make_node("Identity", [f"{name}_value"], [name]) for name in outputs]
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), list(array.shape))
        for name, array in outputs.items()
    ]
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])
    return save_graph(path, nodes, [image], infos, constants, metadata)


def _cells(width: int, height: int) -> NDArray[np.float64]:
    """Centre and size of each cell in pixels, shape (cells, 4), row by row."""
    y, x = np.mgrid[0 : height // CELL, 0 : width // CELL]
    centres = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * CELL
    return np.concatenate([centres, np.full_like(centres, CELL)], axis=1)


def _corners(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)
