"""The embedded detector's network behind sahi, for `benchmarks.slices`: a program of its own, in sahi's environment.

    PYTHON benchmarks/sahi_slices.py MODEL THREADS

PYTHON has sahi, onnxruntime and OpenCV, and none of this project's packages; MODEL is the detector's ONNX file. Each
line that comes in is a JSON object `{"path", "slice": [width, height] or null, "overlap", "class", "greedy"}`; each
line that goes out has the `boxes` ([x0, y0, x1, y1, score]) of that class, `seconds` and `processor_seconds` from the
file to the boxes, and how many `slices` there were. The image is fitted, normalised and decoded as
`vision.detectors.embedded` does it, and boxes from a score of 0.02 on are given to sahi, which merges them as it does
by itself below a score of 0.1: by suppression at an IoU of 0.5; with `greedy` by its greedy merging at 0.5 of the
smaller box, as it does above.
"""

import json
import sys
import time
from typing import Any

import cv2
import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from sahi.models.base import DetectionModel  # type: ignore[import-not-found]
from sahi.predict import get_prediction, get_sliced_prediction  # type: ignore[import-not-found]
from sahi.prediction import ObjectPrediction  # type: ignore[import-not-found]
from sahi.slicing import get_slice_bboxes  # type: ignore[import-not-found]

SIDE, LOWEST_SCORE, IOU_THRESHOLD, MOST = 416, 0.02, 0.6, 300
MEAN = np.array([103.53, 116.28, 123.675], np.float32)
STD = np.array([57.375, 57.12, 58.395], np.float32)
NORMALISED = ((np.arange(256, dtype=np.float32)[:, None] - MEAN) / STD).T.copy()


def cells() -> tuple[Any, Any]:
    """Centres, shape (3549, 2), and strides, shape (3549, 1), of the cells of the three grids."""
    centres, strides = [], []
    for stride in (8, 16, 32):
        y, x = np.mgrid[0 : SIDE // stride, 0 : SIDE // stride]
        centres.append(np.stack([x.ravel(), y.ravel()], axis=1) * stride + stride / 2)
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(centres), np.concatenate(strides)


CENTRES, STRIDES = cells()


class NanoDet(DetectionModel):  # type: ignore[misc]
    """One class of NanoDet-g as a model of sahi."""

    number = 0
    """Of the class that is looked for."""

    def load_model(self) -> None:
        """Open the session as the project opens its own."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.image_size
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.model = onnxruntime.InferenceSession(str(self.model_path), options, providers=["CPUExecutionProvider"])

    def perform_inference(self, image: Any) -> None:
        """Boxes and scores of one RGB image."""
        height, width = image.shape[:2]
        factor = min(SIDE / width, SIDE / height)
        new_width, new_height = max(1, round(width * factor)), max(1, round(height * factor))
        way = cv2.INTER_AREA if factor < 0.5 else cv2.INTER_LINEAR
        red, green, blue = cv2.split(cv2.resize(image, (new_width, new_height), interpolation=way))
        tensor = np.empty((1, 3, SIDE, SIDE), np.float32)
        for channel, (plane, table) in enumerate(zip((blue, green, red), NORMALISED, strict=True)):
            tensor[0, channel] = table[0]
            tensor[0, channel, :new_height, :new_width] = cv2.LUT(plane, table)
        scores, distances = (output[0] for output in self.model.run(None, {"image": tensor}))
        scores = scores[self.number]
        places = np.flatnonzero(scores >= LOWEST_SCORE)
        places = places[np.argsort(-scores[places], kind="stable")[:MOST]]
        logits = distances[:, places].reshape(4, 11, -1)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        sides = ((weights * np.arange(11)[:, None]).sum(axis=1) / weights.sum(axis=1)).T * STRIDES[places]
        boxes = np.concatenate([CENTRES[places] - sides[:, :2], CENTRES[places] + sides[:, 2:]], axis=1)
        boxes *= np.array([width / new_width, height / new_height] * 2)
        boxes = np.clip(boxes, 0, np.array([width, height] * 2))
        xywh = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        kept = np.asarray(cv2.dnn.NMSBoxes(xywh.tolist(), scores[places].tolist(), 0.0, IOU_THRESHOLD), np.intp)
        self._original_predictions = (boxes[kept], scores[places][kept])

    def _create_object_prediction_list_from_original_predictions(
        self, shift_amount_list: Any = None, full_shape_list: Any = None
    ) -> None:
        """The boxes as objects of sahi."""
        shift = shift_amount_list or [[0, 0]]
        shift = shift[0] if isinstance(shift[0], list) else shift
        shape = full_shape_list[0] if full_shape_list and isinstance(full_shape_list[0], list) else full_shape_list
        boxes, scores = self._original_predictions
        self._object_prediction_list_per_image = [
            [
                ObjectPrediction(
                    bbox=box, category_id=self.number, category_name=str(self.number), score=score,
                    shift_amount=shift, full_shape=shape,
                )
                for box, score in zip(boxes.tolist(), scores.tolist(), strict=True)
                if box[0] < box[2] and box[1] < box[3]
            ]
        ]  # fmt: skip


def main() -> None:
    """Answer line after line."""
    model_path, threads = sys.argv[1], int(sys.argv[2])
    # sahi has no field for threads; the size of the input, which is fixed here, carries them.
    model = NanoDet(model_path=model_path, confidence_threshold=LOWEST_SCORE, device="cpu", image_size=threads)
    for line in sys.stdin:
        asked = json.loads(line)
        model.number = asked["class"]
        began, processor = time.perf_counter(), time.process_time()
        if asked["slice"] is None:
            result, count = get_prediction(asked["path"], model), 0
        else:
            width, height = asked["slice"]
            result = get_sliced_prediction(
                asked["path"], model, slice_height=height, slice_width=width, verbose=0,
                overlap_height_ratio=asked["overlap"], overlap_width_ratio=asked["overlap"],
                force_postprocess_type=asked["greedy"],
            )  # fmt: skip
            sizes = (result.image_height, result.image_width)
            count = len(get_slice_bboxes(*sizes, height, width, False, asked["overlap"], asked["overlap"]))
        found = result.object_prediction_list
        answer = {
            "boxes": [[*map(float, one.bbox.to_xyxy()), float(one.score.value)] for one in found],
            "seconds": time.perf_counter() - began,
            "processor_seconds": time.process_time() - processor,
            "slices": count,
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
