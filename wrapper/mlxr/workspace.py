"""Every path: where prepared data and runs lie, and where shipped files are found.

The workspace is the folder in which mlxr was started. Inside it:

    data/<recipe>/            what `prep` wrote
    adapters/<recipe>/<run>/  what `train` wrote, one numbered folder a run
    adapters/<recipe>/<run>/compare/
    adapters/<recipe>/sweep-<id>.json   what `sweep` found, over several runs
    adapters/.outputs/        the answers of every arm, so that none is generated twice, and what
                              was found of test rows in training
    compare/<base>-<tuned>/   what `compare --predictions` wrote
    exports/<recipe>-<run>-<form>/  what `export` wrote
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import held, numbered_jsonl, read_json

SPLITS = ("train", "valid", "test")
_RECORD = {"status": str, "recipe": dict, "recipe_path": str, "data": dict, "versions": dict}


@dataclass(frozen=True)
class Prepared:
    """The folder of one recipe's prepared data."""

    folder: Path

    def split(self, name: str) -> Path:
        """Return the JSON Lines file of a split: train, valid or test."""
        return self.folder / f"{name}.jsonl"

    @property
    def manifest(self) -> Path:
        """Written last: where it stands, preparation finished."""
        return self.folder / "manifest.json"

    @property
    def audit(self) -> Path:
        """The findings."""
        return self.folder / "audit.json"


@dataclass(frozen=True)
class Run:
    """The folder of one run."""

    folder: Path

    @property
    def name(self) -> str:
        """`<recipe>/<number>`, as commands take and print it."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def record(self) -> Path:
        """run.json: the resolved recipe, versions, hashes, result."""
        return self.folder / "run.json"

    def read_record(self) -> dict[str, Any]:
        """Return run.json; raises MlxrError when it is not as `mlxr train` wrote it.

        The status of a run whose mlxr was killed is "killed": nobody could write that.
        """
        record = read_json(self.record)
        if not isinstance(record, dict) or not all(
            isinstance(record.get(key), kind) for key, kind in _RECORD.items()
        ):
            raise MlxrError(
                f"{self.record} is not as `mlxr train` wrote it.",
                "Name another run, or train again.",
            )
        if record["status"] == "running" and not self.alive:
            record["status"] = "killed"
        return record

    @property
    def alive(self) -> bool:
        """Whether a process is training it."""
        return held(self.log)

    @property
    def config(self) -> Path:
        """What mlx_lm is given."""
        return self.folder / "mlx_lm.yaml"

    @property
    def model(self) -> Path:
        """The model with the recipe's own chat template, where it has one."""
        return self.folder / "model"

    @property
    def adapter(self) -> Path:
        """The weights that the run stands for."""
        return self.folder / "adapters.safetensors"

    @property
    def best(self) -> Path:
        """The adapter folder of the lowest validation loss."""
        return self.folder / "best"

    @property
    def checkpoints(self) -> Path:
        """One adapter folder for each kept iteration."""
        return self.folder / "checkpoints"

    @property
    def kept(self) -> dict[str, Path]:
        """The adapter folders of its checkpoints, by what names one: "best", then iterations."""
        numbered = ((int(path.name), path) for path in self.checkpoints.glob("[0-9]*"))
        best = {"best": self.best} if self.best.is_dir() else {}
        return best | {str(number): path for number, path in sorted(numbered)}

    @property
    def events(self) -> Path:
        """What the training child reported, one JSON line an event."""
        return self.folder / "events.jsonl"

    def read_events(self) -> Iterator[dict[str, Any]]:
        """Yield its events, but for a last line that was never written to its end.

        Raises MlxrError naming a line that is damaged.
        """
        if self.events.is_file():
            yield from (event for _, event in numbered_jsonl(self.events, growing=True))

    @property
    def ring(self) -> Path:
        """Where several ranks on this machine find each other."""
        return self.folder / "ring.json"

    @property
    def log(self) -> Path:
        """mlx_lm's own words."""
        return self.folder / "train.log"

    def served(self, port: int) -> Path:
        """Return the log of the server at a port."""
        return self.folder / f"serve-{port}.log"

    @property
    def compare(self) -> Path:
        """The folder of the comparison."""
        return self.folder / "compare"

    @property
    def sweep(self) -> Path:
        """The folder of what a sweep measured on the validation split."""
        return self.folder / "sweep"

    @property
    def scores(self) -> Path:
        """The metrics on the validation split."""
        return self.sweep / "scores.json"


@dataclass(frozen=True)
class Adapter:
    """The weights that a run stands for, or those of one of its checkpoints."""

    run: Run
    checkpoint: str = ""
    """"best", an iteration, or "" for the run's own."""

    @property
    def name(self) -> str:
        """`<recipe>/<run>` or `<recipe>/<run>@<checkpoint>`, as commands take and print it."""
        return self.run.name + (f"@{self.checkpoint}" if self.checkpoint else "")

    @property
    def folder(self) -> Path:
        """The adapter folder, as mlx_lm takes it."""
        if not self.checkpoint:
            return self.run.folder
        if self.checkpoint == "best":
            return self.run.best
        return self.run.checkpoints / self.checkpoint.zfill(7)

    @property
    def weights(self) -> Path:
        """The file of the weights."""
        return self.folder / "adapters.safetensors"

    @property
    def compare(self) -> Path:
        """The folder of the comparison."""
        return self.run.compare / self.checkpoint if self.checkpoint else self.run.compare


@dataclass(frozen=True)
class Workspace:
    """The folder that holds `data/` and `adapters/`."""

    root: Path

    @classmethod
    def here(cls) -> Workspace:
        """Return the workspace of the current directory."""
        return cls(Path.cwd())

    def prepared(self, recipe: str) -> Prepared:
        """Return where `recipe`'s prepared data lie."""
        return Prepared(self.root / "data" / recipe)

    @property
    def outputs(self) -> Path:
        """The folder of all arms' answers; to throw it away costs only time."""
        return self.root / "adapters" / ".outputs"

    def stored(self, base: Path, tuned: Path) -> Path:
        """Return the folder for the comparison of two files of stored outputs."""
        return self.root / "compare" / f"{base.stem}-{tuned.stem}"

    def export(self, adapter: Adapter, form: str) -> Path:
        """Return the folder for an adapter in another form, as "mlx"."""
        words = [adapter.run.folder.parent.name, adapter.run.folder.name, adapter.checkpoint, form]
        return self.root / "exports" / "-".join(filter(None, words))

    def owns(self, path: Path) -> bool:
        """Tell whether a path lies in data/ or adapters/, whose folders mlxr numbers and names."""
        own = [(self.root / name).resolve() for name in ("data", "adapters")]
        return any(path.resolve().is_relative_to(folder) for folder in own)

    def sweep(self, recipe: str, identity: str) -> Path:
        """Return the file for the sweep of a recipe that `identity` tells from its others."""
        return self.root / "adapters" / recipe / f"sweep-{identity}.json"

    def sweeps(self) -> list[Path]:
        """Return the files of all sweeps."""
        return sorted((self.root / "adapters").glob("*/sweep-*.json"))

    def new_run(self, recipe: str) -> Run:
        """Make and return the next numbered run folder; an existing one is never taken."""
        parent = self.root / "adapters" / recipe
        parent.mkdir(parents=True, exist_ok=True)
        number = max((int(p.name) for p in parent.iterdir() if p.name.isdigit()), default=0)
        while True:
            number += 1
            folder = parent / f"{number:04d}"
            try:
                folder.mkdir()
            except FileExistsError:  # another training took the number a moment ago
                continue
            return Run(folder)

    def runs(self, recipe: str = "*") -> list[Run]:
        """Return the started runs of `recipe` (default: of all), oldest first."""
        records = (self.root / "adapters").glob(f"{recipe}/*/run.json")
        return [Run(p.parent) for p in sorted(records, key=lambda p: (p.stat().st_mtime, p))]

    def run(self, text: str) -> Run:
        """Return the run that `text` names: a folder, `<recipe>/<number>`, or a number.

        Raises MlxrError when there is none.
        """
        for folder in (self.root / text, self.root / "adapters" / text):
            if (folder / "run.json").is_file():
                return Run(folder)
        found = [run for run in self.runs() if run.folder.name == text.zfill(4)]
        if len(found) == 1:
            return found[0]
        known = [run.name for run in self.runs()]
        if not known:
            raise MlxrError(f"There is no run {text!r} here, nor any other.", "mlxr train RECIPE")
        raise MlxrError(f"There is no run {text!r}.", f"Runs here: {', '.join(known[-5:])}.")

    def adapter(self, text: str) -> Adapter:
        """Return the adapter that `text` names: a run, or `RUN@best`, or `RUN@170`.

        Raises MlxrError when there is none.
        """
        name, _, checkpoint = text.partition("@")
        adapter = Adapter(self.run(name), checkpoint)
        plain = checkpoint in {"", "best"} or (checkpoint.isascii() and checkpoint.isdigit())
        if checkpoint and not (plain and adapter.weights.is_file()):
            names = ", ".join(adapter.run.kept) or "none"
            raise MlxrError(f"{name} has no checkpoint {checkpoint!r}.", f"It kept: {names}.")
        return adapter


def shipped() -> Path:
    """Return the folder that holds the shipped `recipes/` and `data/demo/`.

    In an installed package it lies inside it; in a source tree it is the tree.
    """
    inside = Path(__file__).parent / "shipped"
    return inside if inside.is_dir() else Path(__file__).parents[2]
