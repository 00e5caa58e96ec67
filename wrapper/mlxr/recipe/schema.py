"""The recipe's tables and keys.

Keys under `[train]` keep mlx-lm's own names, so its documentation stays valid:
https://github.com/ml-explore/mlx-lm/blob/main/mlx_lm/LORA.md
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from mlxr.recipe.augment import Augment
from mlxr.recipe.data import Data
from mlxr.recipe.table import Positive, Table, Text


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
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    """Seeds training alone; default: the recipe's `seed`, which also divides the data."""
    resume_adapter_file: str | None = None
    """Weights (.safetensors) to begin from, as another run's adapters.safetensors."""
    num_layers: Annotated[int, Field(ge=-1)] = 16
    """Train the last N blocks; -1 is all of them."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-5
    """Peak learning rate."""
    lr_schedule: LrSchedule = LrSchedule()
    optimizer: Literal["adam", "adamw", "muon", "sgd", "adafactor"] = "adam"
    """Optimizer."""
    optimizer_config: dict[str, Any] = Field(default_factory=dict)
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


FieldKind = Literal["text", "date", "time", "duration", "set"]


class Compare(Table):
    """How base and tuned are judged."""

    task: Literal["copy", "extraction", "preference", "summary", "text", "tools"] = "text"
    """What an answer is: a text in a style, a JSON record, a labelled answer, and so on."""
    primary: str | None = None
    """The metric that the verdict is about. Default: the task's own."""
    fields: dict[str, FieldKind] = Field(default_factory=dict)
    """extraction: kind of each field. Default: from the training answers."""
    day_first: bool = True
    """extraction: 03/04/2025 is the third of April."""
    desirable: str = "true"
    """preference: value of the `category` column that marks an answer as wanted."""
    limit: Positive | None = None
    """Judge on at most this many test rows, chosen by seed, each category by its share."""
    shots: Annotated[int, Field(ge=0, le=32)] = 0
    """Ask the base once more with so many training rows as examples in its prompt."""
    category: str | None = None
    """Column by which results are broken down."""
    batch_size: Positive = 16
    """Prompts generated side by side; the same in both arms."""
    max_tokens: Positive | None = None
    """Longest answer. Default: max(64, 1.5 × the 99th percentile of the test answers)."""
    forgetting: bool = True
    """Ask both arms general text and simple instructions, too."""
    min_effect: Annotated[float, Field(ge=0)] = 0.0
    """Smallest difference of the primary metric worth having."""
    equivalence_margin: Annotated[float, Field(gt=0)] | None = None
    """Call the arms equivalent when the interval lies within ± this."""


class Recipe(Table):
    """The whole experiment."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Names the folders under data/ and adapters/. Default: the file's stem."""
    model: Text
    """Hub id or local folder."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    """Seeds every random choice."""
    trust_remote_code: bool = False
    """Run Python code that comes with the model."""
    chat_template: str | None = None
    """Jinja file used as the model's chat template everywhere, for a base model that has none."""
    allow: list[str] = Field(default_factory=list)
    """Findings of the audit that do not stop this recipe."""
    data: Data
    augment: Augment | None = None
    train: Train = Train()
    compare: Compare = Compare()

    @field_validator("allow")
    @classmethod
    def _known(cls, codes: list[str]) -> list[str]:
        return sorted(set(codes))

    @property
    def training_seed(self) -> int:
        """What seeds training."""
        return self.seed if self.train.seed is None else self.train.seed

    @property
    def template(self) -> Path | None:
        """The template file, if the recipe uses one."""
        return Path(self.data.template) if self.data.template else None
