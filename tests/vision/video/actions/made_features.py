"""Small made videos for tests of actions: frames whose noisy scores speak of known segments."""

from pathlib import Path
from typing import Any

import numpy as np

from vision.video.actions.features import VideoFeatures

CLASSES = ("background", "peel", "cut", "mix")


def made_videos(count: int, seed: int, noise: float = 1.2) -> list[VideoFeatures]:
    """Videos of segments in a fixed order, each frame's scores right on average; at this noise half of the best are."""
    drawn = np.random.default_rng(seed)
    videos = []
    for number in range(count):
        lengths = drawn.integers(8, 16, 5)
        labels = np.repeat([0, 1, 2, 3, 0], lengths).astype(np.int64)
        scores = np.eye(len(CLASSES), dtype=np.float32)[labels] + drawn.normal(0, noise, (len(labels), len(CLASSES)))
        videos.append(VideoFeatures(f"video {seed}-{number}", scores.astype(np.float32), labels, 2.0))
    return videos


def write_videos(folder: Path, videos: list[VideoFeatures], labelled: bool = True) -> Path:
    """A folder of one npz a video."""
    folder.mkdir(parents=True, exist_ok=True)
    for video in videos:
        arrays: dict[str, Any] = {"rate": video.rate, **({"labels": video.labels} if labelled else {})}
        np.savez(folder / f"{video.name}.npz", features=video.values, **arrays)
    return folder


def write_classes(path: Path) -> Path:
    """The names of `CLASSES` in a file."""
    path.write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    return path
