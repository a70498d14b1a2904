"""The cache of converted weights: whole or absent, whatever happens to the disk or the process."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import pytest

from reasoning.lm import EmbeddedChatModel, LLMError, local_weights
from reasoning.lm.local_weights import converted_weights, is_intact
from skylark.files import cache_dir

ROOT = Path(__file__).parents[3]
# Stands for the conversion, which takes 10 s and has nothing to do with how its result is kept.
QUICK_CONVERSION = """
import sys
from pathlib import Path
from reasoning.lm import local_weights
gguf, cache = Path(sys.argv[1]), Path(sys.argv[2])
def convert(gguf, target):
    (target / "model.safetensors").write_bytes(b"weights" * 1000)
    {event}
    (target / "config.json").write_text("end")
local_weights._convert = convert
print(local_weights.converted_weights(gguf, cache).name)
"""


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF and nothing else")
    return tmp_path / "tiny.gguf"


def start(event: str, gguf: Path, cache: Path) -> subprocess.Popen[str]:
    program = QUICK_CONVERSION.format(event=event)
    return subprocess.Popen(
        [sys.executable, "-c", program, str(gguf), str(cache)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def conversions(cache: Path) -> list[Path]:
    return sorted(path for path in cache.iterdir() if path.is_dir())


@pytest.mark.slow
def test_killed_conversion_leaves_nothing_half_made(gguf: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert start("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", gguf, cache).wait(60) == -signal.SIGKILL
    [remains] = conversions(cache)
    assert remains.name.startswith(".")
    after = start("pass", gguf, cache)
    assert after.wait(60) == 0
    # The next conversion neither waits for the dead process nor keeps its remains.
    [folder] = conversions(cache)
    assert is_intact(folder)


@pytest.mark.slow
def test_two_processes_convert_once(gguf: Path, tmp_path: Path) -> None:
    cache, log = tmp_path / "cache", tmp_path / "log"
    event = f"import time; open({str(log)!r}, 'a').write('x'); time.sleep(0.3)"
    both = [start(event, gguf, cache) for _ in range(2)]
    names = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert names[0] == names[1] != ""
    assert log.read_text() == "x"
    assert len(conversions(cache)) == 1


def test_failing_conversion_is_an_error_and_leaves_nothing(
    gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LLMError, match="is not a readable GGUF model"):
        converted_weights(gguf, tmp_path / "cache")
    assert conversions(tmp_path / "cache") == []
    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(LLMError, match="set SKYLARK_CACHE to a folder that can be written"):
        converted_weights(gguf, tmp_path / "file")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(LLMError, match="hf download no-such/model"):
        local_weights.find_weights("no-such/model")
    with pytest.raises(LLMError, match="does not hold a language model"):
        local_weights.load_local_model(str(tmp_path))


def small_conversion(gguf: Path, target: Path) -> None:
    """Stands for the conversion too; some megabytes, so that no first block stands for the whole file."""
    (target / "model.safetensors").write_bytes(bytes(range(256)) * 16_000)
    (target / "config.json").write_text("{}")
    (target / "tokenizer.json").write_text("{}")


@pytest.fixture
def folder(gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(local_weights, "_convert", small_conversion)
    return converted_weights(gguf, tmp_path / "cache")


def flip_a_byte(folder: Path) -> None:
    with (folder / "model.safetensors").open("r+b") as opened:
        opened.seek(3_000_000)
        byte = opened.read(1)
        opened.seek(3_000_000)
        opened.write(bytes([byte[0] ^ 1]))


def test_a_file_is_read_again_only_where_it_has_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    digest = local_weights._sha256
    monkeypatch.setattr(local_weights, "_sha256", lambda path: read.append(path.name) or digest(path))
    assert is_intact(folder) and is_intact(folder)
    assert read.count("model.safetensors") == 2, "what was written just now may still be"
    monkeypatch.setattr(local_weights, "TICKING", 0)
    read.clear()
    assert is_intact(folder) and is_intact(folder)
    assert read.count("model.safetensors") == 1
    flip_a_byte(folder)
    os.utime(folder / "model.safetensors", ns=(0, 1))
    assert not is_intact(folder)


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_byte,
        lambda folder: os.truncate(folder / "model.safetensors", 1000),
        lambda folder: (folder / "tokenizer.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text('{"files": ['),
    ],
)
def test_damaged_cache_is_noticed_and_converted_again(
    folder: Path, gguf: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], object]
) -> None:
    assert is_intact(folder)
    damage(folder)
    assert not is_intact(folder)
    assert converted_weights(gguf, folder.parent) == folder
    assert "damaged or incomplete" in caplog.text
    assert is_intact(folder)
    assert conversions(folder.parent) == [folder]


@pytest.mark.slow
def test_loading_asks_no_network(embedded: EmbeddedChatModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert local_weights._load(local_weights.find_weights(None), None, "cpu", "auto").context_window == 8192
    monkeypatch.setenv("SKYLARK_CACHE", "/mine")
    assert cache_dir() == Path("/mine")
    monkeypatch.setenv("SKYLARK_CACHE", " ")
    assert "skylark" in cache_dir().parts
