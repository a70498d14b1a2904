"""Read a TensorFlow.js graph model: its nodes in order, its weights as arrays, its constants worked out.

The weights of NanoDet-g are published in this form only where packages are to be had, and no converter for it is kept
alive, so this module reads as much of the format as that graph uses.
Format: https://github.com/tensorflow/tfjs/blob/master/tfjs-converter/README.md (`model.json` and weight shards).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.errors import DetectorError

_TYPES = {"float32": np.float32, "int32": np.int32, "float16": np.float16}


@dataclass(frozen=True)
class Node:
    """One operation: its TensorFlow name, its inputs as "node" or "node:output", and its attributes decoded."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class TfjsGraph:
    """A graph model.

    Attributes:
        nodes: the operations that are run, each after its inputs; constants are not among them.
        constants: name to array, in the type that the weights are stored in.
        input: the name and the shape of the one input.
        outputs: names of the nodes that give the results, without the output's number, and their shapes.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, NDArray[Any]]
    input: tuple[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]


def read_graph(model_json: bytes, weights: bytes) -> TfjsGraph:
    """Read `model.json` and its weights.

    Args:
        model_json: the topology and the manifest of the weights.
        weights: the shards of the manifest, one after the other.

    Raises:
        DetectorError: not a TensorFlow.js graph model with one input, or the weights are too short or too long.
    """
    try:
        model = json.loads(model_json)
        manifest = [entry for group in model["weightsManifest"] for entry in group["weights"]]
        (model_input,) = model["signature"]["inputs"].values()
        outputs = {_node_name(value["name"]): _shape(value) for value in model["signature"]["outputs"].values()}
        nodes = [
            Node(
                node["name"],
                node["op"],
                tuple(name.removesuffix(":0") for name in node.get("input", ()) if not name.startswith("^")),
                {key: _attribute(value) for key, value in node.get("attr", {}).items()},
            )
            for node in model["modelTopology"]["node"]
        ]
        constants = _split_weights(manifest, weights)
    except (ValueError, KeyError, TypeError) as error:
        raise DetectorError(
            f"not a TensorFlow.js graph model with one input: {type(error).__name__}: {error}; "
            "expected model.json as the TensorFlow.js converter writes it"
        ) from error
    _fold(nodes, constants)
    return TfjsGraph(
        _in_order(nodes, outputs, constants), constants, (_node_name(model_input["name"]), _shape(model_input)), outputs
    )


def _node_name(name: str) -> str:
    """Of "node:output" the node."""
    return name.split(":")[0]


def _shape(signature: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(dim["size"]) for dim in signature["tensorShape"]["dim"])


def _attribute(value: Mapping[str, Any]) -> Any:
    """A protobuf attribute in its JSON form, where whole numbers are strings and strings are base64."""
    if "i" in value:
        return int(value["i"])
    if "s" in value:
        return base64.b64decode(value["s"]).decode()
    if "list" in value:
        return [int(item) for item in value["list"].get("i", ())]
    return next(iter(value.values()), None)


def _split_weights(manifest: list[dict[str, Any]], weights: bytes) -> dict[str, NDArray[Any]]:
    constants: dict[str, NDArray[Any]] = {}
    offset = 0
    for entry in manifest:
        stored = entry["quantization"]["dtype"] if entry.get("quantization") else entry["dtype"]
        if stored not in _TYPES:
            raise DetectorError(f"weight {entry['name']} is stored as {stored}; expected one of {sorted(_TYPES)}")
        dtype = np.dtype(_TYPES[stored]).newbyteorder("<")
        size = int(np.prod(entry["shape"], dtype=np.int64))
        end = offset + size * dtype.itemsize
        if end > len(weights):
            raise DetectorError(f"the weights end after {len(weights):,} bytes, within {entry['name']}: cut off")
        constants[entry["name"]] = np.frombuffer(weights, dtype, size, offset).reshape(entry["shape"])
        offset = end
    if offset != len(weights):
        raise DetectorError(f"the weights are {len(weights):,} bytes, their manifest counts {offset:,}")
    return constants


def _fold(nodes: list[Node], constants: dict[str, NDArray[Any]]) -> None:
    """Work out operations on constants alone: the shapes of reshapes are put together by such operations."""
    changed = True
    while changed:
        changed = False
        for node in nodes:
            if node.name in constants or node.op not in ("SparseToDense", "AddV2"):
                continue
            if not all(name in constants for name in node.inputs):
                continue
            values = [constants[name] for name in node.inputs]
            if node.op == "AddV2":
                constants[node.name] = values[0] + values[1]
            else:
                indices, shape, entries, default = values
                dense = np.full(tuple(shape), default)
                dense[tuple(indices.reshape(-1, len(shape)).T)] = entries
                constants[node.name] = dense
            changed = True


def _in_order(nodes: list[Node], outputs: Iterable[str], constants: Container[str]) -> tuple[Node, ...]:
    """The nodes that the outputs hang on, each after its inputs, without constants."""
    by_name = {node.name: node for node in nodes}
    done: dict[str, Node] = {}
    stack = [(name, False) for name in reversed(list(outputs))]
    while stack:
        name, ready = stack.pop()
        if name in done or name in constants:
            continue
        if name not in by_name:
            raise DetectorError(f"the graph names a node {name!r} that it does not hold")
        if ready:
            done[name] = by_name[name]
            continue
        stack.append((name, True))
        stack.extend((_node_name(source), False) for source in reversed(by_name[name].inputs))
    return tuple(done.values())
