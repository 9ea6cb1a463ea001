"""Progress of a training run: a line for people, and a log for programs."""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from lmkit.errors import WriteError
from lmkit.types import Progress

LINE_SECONDS = 0.25
LOG_SECONDS = 5.0


class Reporter:
    """Reports the facts of a training run as progress and log lines.

    `progress(what, fraction)` is called several times a second. To `log`, a file's path, one JSON
    object per line is appended every few seconds and at every validation: ``epoch``, ``step``,
    ``tokens``, ``seconds``, ``done``, ``tokens_per_second``, ``learning_rate``, ``train_nats``,
    ``valid_nats`` (the best so far) and, at a validation, ``check: true`` and ``last_valid_nats``.
    A resumed run continues the log.

    Raises WriteError when the log cannot be written.
    """

    def __init__(
        self,
        progress: Progress | None = None,
        log: str | Path | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._progress = progress
        self._clock = clock
        self._reported = self._logged = -math.inf
        self._before = (0.0, 0)  # seconds and tokens at the last log line
        self._file: IO[str] | None = None
        if log is not None:
            try:
                self._file = Path(log).open("a", encoding="utf-8")  # noqa: SIM115 - see close
            except OSError as error:
                raise WriteError(
                    f"cannot write {log}: {error.strerror}; choose another place for the log"
                ) from None

    def is_due(self) -> bool:
        """Whether the next progress line is due."""
        return self._clock() - self._reported >= LINE_SECONDS

    def step(self, facts: Mapping[str, Any], *, check: bool = False) -> None:
        """Report a training step, or with `check` a validation or the end of an epoch."""
        self._reported = self._clock()
        if self._progress is not None:
            self._progress(line_of(facts), facts["done"])
        if check or self._reported - self._logged >= LOG_SECONDS:
            self._log(facts, check=check)

    def close(self) -> None:
        """Close the log."""
        if self._file is not None:
            self._file.close()

    def _log(self, facts: Mapping[str, Any], *, check: bool) -> None:
        self._logged = self._clock()
        seconds, tokens = self._before
        self._before = (facts["seconds"], facts["tokens"])
        if self._file is None:
            return
        passed = facts["seconds"] - seconds
        speed = (facts["tokens"] - tokens) / passed if passed > 0 else None
        line = {**facts, "tokens_per_second": speed}
        if not check:
            line.pop("last_valid_nats")
        line["check"] = check
        rounded = {name: _rounded(value) for name, value in line.items()}
        try:
            self._file.write(json.dumps(rounded, allow_nan=False) + "\n")
            self._file.flush()
        except OSError as error:  # no reason to lose the training
            name = self._file.name
            with suppress(OSError):
                self._file.close()
            self._file = None
            warnings.warn(
                f"cannot write {name}: {error.strerror}; training goes on without the log",
                stacklevel=2,
            )


def _rounded(value: Any) -> Any:
    """Return a value for the log: numbers with six digits, None for inf and NaN."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None


def line_of(facts: Mapping[str, Any]) -> str:
    """Return the facts as one line of text.

    >>> facts = {"epoch": 1.5, "epochs": 4, "tokens": 3000, "seconds": 2.0, "done": 0.375}
    >>> line_of({**facts, "train_nats": 4.0, "valid_nats": 5.0})
    'epoch 2 of 4, 1,500 tokens/s, perplexity train 54.60, valid 148.41, 0:03 left'
    """
    epoch = max(1, math.ceil(facts["epoch"] - 1e-9))
    parts = [f"epoch {epoch}" + (f" of {facts['epochs']}" if facts["epochs"] else "")]
    if facts["seconds"] > 0:
        parts.append(f"{facts['tokens'] / facts['seconds']:,.0f} tokens/s")
    perplexities = [
        f"{name} {math.exp(min(facts[key], 700)):.2f}"
        for name, key in (("train", "train_nats"), ("valid", "valid_nats"))
        if facts[key] is not None and not math.isnan(facts[key])
    ]
    if perplexities:
        parts.append("perplexity " + ", ".join(perplexities))
    if facts["done"] > 0:
        left = facts["seconds"] * (1 / facts["done"] - 1)
        parts.append(f"{int(left // 60)}:{int(left % 60):02d} left")
    return ", ".join(parts)
