"""Scores of a causal language model of Hugging Face's transformers, as a ledger.

transformers is imported here alone, and is no dependency of lmkit. Nothing is downloaded: the model
is a folder on this machine, or an object that is already loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import LmkitError, NotComparableError, ParameterError
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.ledger_files import ledger_of_columns
from lmkit.text.corpus import Readable, as_text


def score_huggingface(
    model: str | Path | Any,
    text: Readable,
    *,
    tokenizer: Any = None,
    window: int | None = None,
    name: str | None = None,
) -> SurprisalLedger:
    """Return the ledger of a text under a causal model; its events are sub-words.

    `model` is a folder that holds a model and its tokenizer, or a loaded model, with `tokenizer`
    beside it. `window` is how many tokens the model sees at once, by default what it was made for;
    it is rolled over the text by half its length, so that each token is scored once, with half a
    window of context at least once there is as much. The text begins after the model's start token.

    What is scored is one way of cutting the text into sub-words. The others have probability too,
    and so the bits are an upper bound. The column ``subword`` of the ledger holds the token ids.

    Raises LmkitError where transformers is missing or the folder holds no model, NotComparableError
    where the tokenizer does not know a character of the text.
    """
    if isinstance(model, (str, Path)):
        name = name or Path(model).name
        model, tokenizer = _load(Path(model))
    if tokenizer is None or not getattr(tokenizer, "is_fast", False):
        raise ParameterError(
            "a fast tokenizer is needed, which says where in the text its tokens stand; give one "
            "with tokenizer="
        )
    window = window or _window_of(model)
    if window < 2:
        raise ParameterError(f"window={window}: a token and one before it are 2")
    own = as_text(text)
    ids, spans = _encoded(tokenizer, own.canonical())
    offsets, lengths = _places(spans)
    name = name or type(model).__name__
    header = {
        "model": name,
        "unit": "subword",
        "context": "stream",
        "unk": "none",
        "vocabulary_size": int(model.config.vocab_size),
        "parameters": sum(weights.numel() for weights in model.parameters()),
    }
    columns = {
        "offset": offsets,
        "length": lengths,
        "nats": _surprisals(model, ids, _start_of(tokenizer), window),
        "subword": ids.astype(np.int32),
    }
    return ledger_of_columns(name, header, columns, own)


def _load(folder: Path) -> tuple[Any, Any]:
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError:
        raise LmkitError(
            "models of Hugging Face need transformers, which is not installed; install it"
        ) from None
    if not folder.is_dir():
        raise LmkitError(f"{folder}: no such folder; nothing is downloaded, so name a local one")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise LmkitError(
            f"{folder}: no causal language model can be read here ({reason})"
        ) from None
    return model.eval(), tokenizer


def _window_of(model: Any) -> int:
    for name in ("max_position_embeddings", "n_positions"):
        if getattr(model.config, name, None):
            return int(getattr(model.config, name))
    raise ParameterError("the model does not say how many tokens it sees at once; give window=")


def _start_of(tokenizer: Any) -> int:
    for index in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        if index is not None:
            return int(index)
    raise ParameterError("the tokenizer has neither a start nor an end token to begin a text with")


def _encoded(tokenizer: Any, canonical: str) -> tuple[NDArray[np.int64], list[tuple[int, int]]]:
    """Return the token ids of a text, and the span of characters of each."""
    encoded = tokenizer(canonical, add_special_tokens=False, return_offsets_mapping=True)
    ids, spans = np.array(encoded["input_ids"], np.int64), list(encoded["offset_mapping"])
    if tokenizer.unk_token_id is not None and (ids == tokenizer.unk_token_id).any():
        start, stop = spans[int(np.argmax(ids == tokenizer.unk_token_id))]
        raise NotComparableError(
            f"the tokenizer does not know {canonical[start:stop]!r}, at character {start}: what "
            "its unknown token stands for has no probability; use a model that spells bytes"
        )
    return ids, spans


def _places(spans: list[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return offset and length of each token: its span less what the tokens before it cover.

    The bytes of one character can be several tokens, all with the span of that character: it is
    the first one's, and the others have length 0 within it.
    """
    offsets, lengths = [], []
    covered = 0
    for start, stop in spans:
        begin = max(start, covered) if stop > covered else start
        offsets.append(begin)
        lengths.append(max(stop - begin, 0) if stop > covered else 0)
        covered = max(covered, stop)
    return np.array(offsets, np.int64), np.array(lengths, np.int32)


def _surprisals(model: Any, ids: NDArray[np.int64], start: int, window: int) -> NDArray[np.float64]:
    """Return -ln p of each token given those before it, float64 (T,)."""
    import torch

    known = torch.as_tensor(np.concatenate(([start], ids)), device=model.device)
    nats = np.empty(len(ids))
    done = 0  # tokens scored; token t is known[t + 1], predicted from those before it
    with torch.inference_mode():
        while done < len(ids):
            fresh = min(window if done == 0 else window // 2, len(ids) - done)
            first = max(0, done + fresh - window)
            logits = model(known[None, first : done + fresh]).logits[0, done - first :]
            log_probs = torch.log_softmax(logits.double(), dim=-1)
            targets = known[done + 1 : done + fresh + 1, None]
            nats[done : done + fresh] = -log_probs.gather(1, targets)[:, 0].cpu().numpy()
            done += fresh
    return np.maximum(nats, 0.0)
