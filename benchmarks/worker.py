"""One engine in a process of its own, so that its memory and its libraries are its own.

Usage: ``python -P worker.py tesseract 2 "" null``, then on standard input one path of a page a line, as a JSON string.

Answers on standard output, one JSON object a line: first ``{"load_seconds"}``, then for each page ``{"seconds",
"lines"}``, and ``{"peak_bytes"}`` when the input ends. Run by its path, not as a module, and with nothing but the
standard library imported up front: an engine's peak is then free of what other engines need.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rapidocr import RapidOCR


Read = Callable[[str], list[str]]
TESSERACT_LANGUAGES = "eng+fra"


def load_inkread(threads: int, model: str, language_model: bool | None, *, fast: bool) -> Read:
    """This package, with a model bundle ("" for the bundled one)."""
    from inkread.reader import Reader

    reader = Reader(model or None, threads=threads, language_model=language_model, fast=fast)
    return lambda path: [line.text for document in reader.read([path]) for line in document.lines]


def rapidocr_engine(threads: int) -> RapidOCR:
    """RapidOCR with its defaults, on onnxruntime."""
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(threads)
    session = "EngineConfig.onnxruntime"
    return RapidOCR(
        params={
            f"{session}.intra_op_num_threads": threads,
            f"{session}.inter_op_num_threads": 1,
            "Global.log_level": "error",
        }
    )


def load_rapidocr(threads: int) -> Read:
    """RapidOCR's full pipeline."""
    engine = rapidocr_engine(threads)
    return lambda path: list(getattr(engine(path), "txts", None) or ())


def load_tesseract(threads: int) -> Read:
    """The tesseract program, one process a page."""
    environment = {**os.environ, "OMP_THREAD_LIMIT": str(threads)}

    def read(path: str) -> list[str]:
        command = ["tesseract", path, "stdout", "-l", TESSERACT_LANGUAGES]
        text = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        return [line for line in text.splitlines() if line.strip()]

    return read


def peak_bytes() -> int:
    """Highest resident memory so far of this process or of a process it ran, whichever was larger.

    On Windows of this process only: there the memory of a program that has ended cannot be asked.
    """
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    try:
        # ru_maxrss of a process starts at what the process that started it held; VmHWM does not.
        status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        own = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
    except OSError:
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return max(own, children)


def main(name: str, threads: int, model: str, language_model: bool | None, *, fast: bool) -> None:
    """Load an engine and answer until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def answer(**content: object) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    start = time.perf_counter()
    if name == "inkread":
        read = load_inkread(threads, model, language_model, fast=fast)
    else:
        read = {"rapidocr": load_rapidocr, "tesseract": load_tesseract}[name](threads)
    answer(load_seconds=time.perf_counter() - start)
    for request in sys.stdin:
        path = json.loads(request)
        start = time.perf_counter()
        lines = read(path)
        answer(seconds=time.perf_counter() - start, lines=lines)
    answer(peak_bytes=peak_bytes())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4]), fast=json.loads(sys.argv[5]))
