from __future__ import annotations

import subprocess
import sys

import pytest

AT_ONCE = """
import threading
import torch
from reasoning.lm.local_weights import find_weights, open_model

folder, failed, together = find_weights(None), [], threading.Barrier(4)

def work():
    together.wait()
    try:
        open_model(folder, "the model")
    except BaseException as error:
        failed.append(repr(error))

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(failed)
"""


@pytest.mark.slow
def test_threads_may_load_models_at_once_in_a_fresh_process() -> None:
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == "[]"
