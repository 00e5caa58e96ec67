"""The recipe's tables and keys.

Keys under `[train]` keep mlx-lm's own names, so its documentation stays valid:
https://github.com/ml-explore/mlx-lm/blob/main/mlx_lm/LORA.md
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
RowCount = Annotated[int, Field(ge=1)]


class Table(BaseModel):
    """A recipe table: unknown keys and loose types are mistakes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Splits(Table):
    """How rows are divided: shares, counts, or names of the source's own splits."""

    train: Share | RowCount | str = 0.8
    """Share (0.8), number of rows (800) or name ("train")."""
    valid: Share | RowCount | str = 0.1
    """Share, number of rows or name."""
    test: Share | RowCount | str = 0.1
    """Share, number of rows or name."""

    @model_validator(mode="after")
    def _one_kind(self) -> Splits:
        parts = (self.train, self.valid, self.test)
        if len({type(part) for part in parts}) > 1:
            raise ValueError("train, valid and test must be all shares, all counts or all names")
        if isinstance(self.train, float) and sum(map(float, parts)) > 1 + 1e-9:
            raise ValueError(f"the shares add up to {sum(map(float, parts)):g}, more than 1")
        return self


class Data(Table):
    """Where rows come from and how each becomes a prompt and an answer."""

    source: str = Field(min_length=1)
    """Hub id, file (.jsonl .json .csv .parquet .arrow) or folder of these."""
    split: str = "train"
    """Which of the source's own splits to take, unless `[data.splits]` names them."""
    config: str | None = None
    """Configuration (subset) of a Hub data set."""
    revision: str | None = None
    """Commit, branch or tag of a Hub data set."""
    limit: Positive | None = None
    """Take at most this many rows, chosen by seed."""
    template: str | None = None
    """Jinja file with the blocks `prompt` and `completion`, and optionally `system`."""
    messages: str | None = None
    """Column with a ready conversation; instead of `template`."""
    where: str | None = None
    """Jinja expression; rows for which it is false are left out."""
    max_bad_rows: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of unusable rows above which prep stops."""
    splits: Splits = Splits()

    @model_validator(mode="after")
    def _one_shape(self) -> Data:
        if self.template and self.messages:
            raise ValueError("give `template` or `messages`, not both")
        if not self.template and not self.messages:
            raise ValueError("needs `template` (a Jinja file) or `messages` (a column)")
        return self


class LoraParameters(Table):
    """The low-rank update: W + scale · B·A."""

    rank: Positive = 8
    """Rank of the update."""
    scale: Annotated[float, Field(gt=0)] | None = None
    """Multiplier of the update; mlx-lm's own name. Default 20, unless `alpha` is given."""
    alpha: Annotated[float, Field(gt=0)] | None = None
    """The same as in PEFT: scale = alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout on the update's input."""
    keys: list[str] | None = None
    """Module names within a block, as "self_attn.q_proj". Default: every linear layer."""

    @model_validator(mode="after")
    def _one_scale(self) -> LoraParameters:
        if self.scale is not None and self.alpha is not None:
            raise ValueError("give `scale` or `alpha`, not both (scale = alpha / rank)")
        return self


class LrSchedule(Table):
    """The learning rate over the run, counted in optimizer updates."""

    name: Literal["constant", "cosine", "linear"] = "constant"
    """Form after the warm-up; cosine and linear fall to `end`."""
    warmup: Annotated[float, Field(gt=0, lt=1)] | Annotated[int, Field(ge=0)] = 0
    """Share of the updates (0.1) or number of updates (100) rising from `warmup_init`."""
    warmup_init: Annotated[float, Field(ge=0)] = 0.0
    """Learning rate at the first update of the warm-up."""
    end: Annotated[float, Field(ge=0)] = 0.0
    """Learning rate at the end of cosine and linear."""


class Train(Table):
    """How `mlx_lm lora` is run."""

    fine_tune_type: Literal["lora", "dora", "full"] = "lora"
    """lora, dora or full."""
    epochs: Annotated[float, Field(gt=0)] | None = None
    """Passes over the training rows; instead of `iters`."""
    iters: Positive | None = None
    """Batches to train on. Default: the batches of 3 epochs."""
    batch_size: Positive = 4
    """Rows in a batch."""
    grad_accumulation_steps: Positive = 1
    """Batches to an optimizer update."""
    resume_adapter_file: str | None = None
    """Weights (.safetensors) to begin from, as another run's adapters.safetensors."""
    num_layers: Annotated[int, Field(ge=-1)] = 16
    """Train the last N blocks; -1 is all of them."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-5
    """Peak learning rate."""
    lr_schedule: LrSchedule = LrSchedule()
    optimizer: Literal["adam", "adamw", "muon", "sgd", "adafactor"] = "adam"
    """Optimizer."""
    optimizer_config: dict[str, Any] = {}
    """Its further arguments, as { weight_decay = 0.01 }."""
    max_grad_norm: Annotated[float, Field(gt=0)] | None = None
    """Scale gradients of a greater global norm down to it."""
    lora_parameters: LoraParameters = LoraParameters()
    mask_prompt: bool = True
    """Train on the answer only."""
    answer_start_weight: Annotated[float, Field(ge=1)] = 1.0
    """Loss weight of an answer's first token, falling in a line to 1."""
    answer_start_window: Positive = 8
    """Tokens over which `answer_start_weight` falls to 1."""
    max_seq_length: Annotated[int, Field(ge=8)] = 2048
    """Tokens in a row; see `too_long`."""
    too_long: Literal["drop", "truncate", "error"] = "drop"
    """Rows over `max_seq_length`: leave out, cut the prompt from the left, or stop."""
    grad_checkpoint: bool = False
    """Recompute activations: less memory, more time."""
    clear_cache_threshold: Annotated[int, Field(ge=0)] = 0
    """Bytes that MLX may keep in its cache between iterations."""
    val_batches: Annotated[int, Field(ge=-1)] = -1
    """Validation batches; -1 is the whole split, 0 none."""
    steps_per_report: Positive = 10
    """Iterations between two plain lines of progress."""
    steps_per_eval: Positive | None = None
    """Iterations between validations. Default: ten validations a run."""
    save_every: Positive | None = None
    """Iterations between checkpoints. Default: as `steps_per_eval`."""
    keep_checkpoints: Positive = 3
    """Newest checkpoints kept, besides the best."""
    early_stopping_patience: Positive | None = None
    """Stop after this many validations without a lower loss."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """Nats by which a loss must be lower to count for `early_stopping_patience`."""
    report_to: str | None = None
    """"wandb", "swanlab" or "tensorboard", through mlx-lm; several with commas."""
    project_name: str | None = None
    """Project name for `report_to`."""

    @model_validator(mode="after")
    def _one_length(self) -> Train:
        if self.iters is not None and self.epochs is not None:
            raise ValueError("give `iters` or `epochs`, not both")
        return self

    @model_validator(mode="after")
    def _nothing_idle(self) -> Train:
        """Refuse what could do nothing as the other keys stand."""
        if self.num_layers == 0:
            raise ValueError("num_layers = 0 trains nothing; -1 trains all layers")
        if self.answer_start_weight > 1 and not self.mask_prompt:
            raise ValueError("answer_start_weight needs mask_prompt = true: what is an answer?")
        if self.min_delta and self.early_stopping_patience is None:
            raise ValueError("min_delta does nothing without early_stopping_patience")
        if self.early_stopping_patience is not None and self.val_batches == 0:
            raise ValueError("early_stopping_patience needs validation; val_batches = 0 is none")
        return self

    @field_validator("report_to")
    @classmethod
    def _known_services(cls, text: str | None) -> str | None:
        names = {name.strip().lower() for name in (text or "").split(",")} - {""}
        if names - {"wandb", "swanlab", "tensorboard"}:
            raise ValueError('takes "wandb", "swanlab" and "tensorboard", with commas between')
        return text


class Compare(Table):
    """How base and tuned are judged."""

    task: Literal["extraction", "text"] = "text"
    """What an answer is: a JSON record, or text."""
    primary: str | None = None
    """The metric that the verdict is about. Default: the task's own."""
    fields: dict[str, Literal["text", "date", "time", "duration", "set"]] = {}
    """extraction: kind of each field. Default: from the training answers."""
    day_first: bool = True
    """extraction: 03/04/2025 is the third of April."""
    limit: Positive | None = None
    """Judge on at most this many test rows."""
    category: str | None = None
    """Column by which results are broken down."""
    batch_size: Positive = 16
    """Prompts generated side by side; the same in both arms."""
    max_tokens: Positive | None = None
    """Longest answer. Default: max(64, 1.5 × the 99th percentile of the test answers)."""
    min_effect: Annotated[float, Field(ge=0)] = 0.0
    """Smallest difference of the primary metric worth having."""
    equivalence_margin: Annotated[float, Field(gt=0)] | None = None
    """Call the arms equivalent when the interval lies within ± this."""


class Recipe(Table):
    """The whole experiment."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Names the folders under data/ and adapters/. Default: the file's stem."""
    model: str = Field(min_length=1)
    """Hub id or local folder."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    """Seeds every random choice."""
    trust_remote_code: bool = False
    """Run Python code that comes with the model."""
    allow: list[str] = []
    """Findings of the audit that do not stop this recipe."""
    data: Data
    train: Train = Train()
    compare: Compare = Compare()

    @field_validator("allow")
    @classmethod
    def _known(cls, codes: list[str]) -> list[str]:
        return sorted(set(codes))

    @property
    def template(self) -> Path | None:
        """The template file, if the recipe uses one."""
        return Path(self.data.template) if self.data.template else None
