"""Make the demo's model: a tokenizer, pre-training with mlx_lm's own trainer, 4-bit conversion.

    python data/demo/make_model.py                 # one process
    python data/demo/make_model.py --ranks 2       # two, sharing each batch; as the shipped one

A Llama of 0.62 million parameters first drills copying: random tokens that come twice. Left out,
it took far longer than the demo is worth until it copied anything. Then it reads the text of
corpus.py once. Everything is seeded, and
everything but the 4-bit result is temporary. How long the shipped one took: model/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from corpus import texts

SPECIAL = ("<|end|>", "<|user|>", "<|assistant|>", "<|system|>", "<|pad|>")
END = 0
"""Id of <|end|>, which ends a turn and a text."""
CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
UNITS = (
    r'"[a-z]+": |null,? ?'
    r"|[A-Z]?[b-df-hj-np-tv-z]*[aeiouy]+ ?|[A-Z]?[b-df-hj-np-tv-z]+ ?|[A-Z] ?|[0-9] ?"
    r'|"[\]},]* ?|[^A-Za-z0-9\s"]+ ?|\s+'
)
"""Before byte-pair encoding a text falls into these: keys of JSON, syllables, digits, marks, each
with the space behind it. So a word falls into the same pieces in a sentence and in quotes (but
for that space), and a model this small can learn to copy one."""
VOCABULARY = 1024
CONTEXT = 512
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 128,
    "num_hidden_layers": 3,
    "intermediate_size": 256,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 32,
    "rms_norm_eps": 1e-5,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": CONTEXT,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "eos_token_id": END,
}
LONGEST = 161
"""Tokens of a row; longer texts are left out."""
WINDOW = 64
"""Batches among which rows are sorted by length, so that little is padding."""
RATE = 1e-3
WARMUP = 100


Row = tuple[list[int], int]
"""Tokens, and how many of them are prompt: the loss leaves those out."""


class Rows:
    """Rows in the form of mlx_lm's CacheDataset."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> Row:
        return self.rows[i]


class Report:
    """Says how the pre-training goes."""

    def on_train_loss_report(self, info: dict[str, Any]) -> None:
        """Print one line. Called by mlx_lm."""
        figures = f"loss {info['train_loss']:.3f}  {info['tokens_per_second']:.0f} tokens/s"
        print(f"{info['iteration']:6}  {figures}", flush=True)


def make_tokenizer(folder: Path) -> Any:
    """Write a byte-level BPE tokenizer with a chat template to `folder`, and return it."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(UNITS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    marks = re.compile(r"<\|\w+\|>")
    tokenizer.train_from_iterator((marks.sub(" ", t) for t in islice(texts(7), 30_000)), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=SPECIAL[0],
        pad_token=SPECIAL[-1],
        model_max_length=CONTEXT,
    )
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(folder)
    return tokenizer


def tokenised(tokenizer: Any, seed: int, count: int) -> list[Row]:
    """Return `count` texts of the corpus as rows."""
    return list(islice(_rows(tokenizer, seed), count))


def in_windows(rows: list[Row], batch_size: int) -> list[Row]:
    """Return `rows` sorted by length within windows: mlx_lm takes them in this order."""
    size = WINDOW * batch_size
    windows = (rows[i : i + size] for i in range(0, len(rows), size))
    return [row for window in windows for row in sorted(window, key=lambda row: len(row[0]))]


def _rows(tokenizer: Any, seed: int) -> Iterator[Row]:
    """Yield texts as rows without end; of a chat only the answer counts."""
    source = texts(seed)
    answer = SPECIAL.index("<|assistant|>")
    while True:
        for encoding in tokenizer.encode_batch_fast(list(islice(source, 2000))):
            ids = encoding.ids if encoding.ids[-1] == END else [*encoding.ids, END]
            if len(ids) <= LONGEST:
                yield ids, ids.index(answer) + 1 if answer in ids else 0


def drills(seed: int, count: int) -> list[Row]:
    """Return rows of 8 to 28 random tokens that come twice; the second time counts."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        once = [draw.randrange(len(SPECIAL), VOCABULARY) for _ in range(draw.randint(8, 28))]
        rows.append(([*once, END, *once], len(once) + 1))
    return rows


def pretrain(model: Any, rows: list[Row], options: Options, weights: Path, end: float) -> None:
    """Let `model` read `rows` once, the learning rate ending at `end` times its peak.

    `weights` is where mlx_lm saves them.
    """
    import mlx.optimizers as optim
    from mlx_lm.tuner.trainer import TrainingArgs, train

    steps = len(rows) // options.batch_size
    rate = optim.join_schedules(
        [
            optim.linear_schedule(0, RATE, WARMUP),
            optim.cosine_decay(RATE, steps - WARMUP, RATE * end),
        ],
        [WARMUP + 1],
    )
    train(
        model=model,
        optimizer=optim.AdamW(learning_rate=rate, weight_decay=0.01, betas=[0.9, 0.98]),
        train_dataset=Rows(rows),
        val_dataset=None,
        args=TrainingArgs(
            batch_size=options.batch_size,
            iters=steps,
            steps_per_report=50,
            steps_per_save=10**9,
            max_seq_length=LONGEST,
            adapter_file=str(weights),
        ),
        training_callback=Report(),
    )


@dataclass(frozen=True)
class Options:
    """How long the pre-training is, and where the model goes."""

    drills: int
    """Batches of drills."""
    steps: int
    """Batches of the corpus."""
    batch_size: int
    out: Path


def make(options: Options) -> None:
    """Write the 4-bit model; ranks above the first only help to train it."""
    import mlx.core as mx
    import numpy as np
    from mlx.utils import tree_flatten
    from mlx_lm import convert
    from mlx_lm.models.llama import Model, ModelArgs

    out, size = options.out, options.batch_size
    with tempfile.TemporaryDirectory() as name:
        full, saved = Path(name) / "full", Path(name) / "weights.safetensors"
        tokenizer = make_tokenizer(full)
        (full / "config.json").write_text(json.dumps(CONFIG, indent=2))
        mx.random.seed(1)
        np.random.seed(1)  # mlx_lm draws the order of the batches from it
        model = Model(ModelArgs.from_dict(CONFIG))
        pretrain(model, in_windows(drills(5, options.drills * size), size), options, saved, 1.0)
        rows = tokenised(tokenizer, 11, options.steps * size)
        pretrain(model, in_windows(rows, size), options, saved, 0.02)
        if os.environ.get("MLX_RANK", "0") != "0":
            return
        weights = dict(tree_flatten(model.parameters()))
        mx.save_safetensors(str(full / "model.safetensors"), weights, metadata={"format": "mlx"})
        made = Path(name) / "4bit"
        convert(str(full), str(made), quantize=True, q_bits=4, q_group_size=32, dtype="float32")
        out.mkdir(exist_ok=True)
        for path in made.iterdir():
            if path.name != "README.md":  # ours says more than the converter's
                shutil.copyfile(path, out / path.name)


def start_ranks(count: int, options: Options) -> int:
    """Run this script once a rank on this machine and return the first bad exit code."""
    arguments = [f"--{key.replace('_', '-')}={value}" for key, value in asdict(options).items()]
    hosts = [[f"127.0.0.1:{32410 + rank}"] for rank in range(count)]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(hosts, file)
        file.flush()
        ranks = [
            subprocess.Popen(
                [sys.executable, __file__, *arguments],
                env=os.environ
                | {"MLX_RANK": str(rank), "MLX_HOSTFILE": file.name, "OPENBLAS_NUM_THREADS": "1"},
                stdout=None if rank == 0 else subprocess.DEVNULL,
            )
            for rank in range(count)
        ]
        return next((code for code in [rank.wait() for rank in ranks] if code), 0)


def main() -> None:
    """Make the model as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--drills", type=int, default=1300, help="batches of drills")
    parser.add_argument("--steps", type=int, default=1600, help="batches of the corpus")
    parser.add_argument("--batch-size", type=int, default=48, help="texts in a batch")
    parser.add_argument("--ranks", type=int, default=1, help="processes that share each batch")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "model")
    given = parser.parse_args()
    options = Options(given.drills, given.steps, given.batch_size, given.out)
    if given.ranks > 1:
        sys.exit(start_ranks(given.ranks, options))
    make(options)


if __name__ == "__main__":
    main()
