"""mlxr: fine-tune a small language model on one machine, and prove whether it got better."""

# Loading a package binds its name here: first they, then the functions of the same names.
import mlxr.compare
import mlxr.train  # noqa: F401
from mlxr.api import compare, load, prepare, train
from mlxr.errors import MlxrError

__version__ = "0.1.0"
__all__ = ["MlxrError", "__version__", "compare", "load", "prepare", "train"]
