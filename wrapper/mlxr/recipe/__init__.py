"""The recipe: its schema, its loading, its error page. The only importer of pydantic."""

from mlxr.recipe.augment import Augment, Pool
from mlxr.recipe.data import Data, Portion, Splits
from mlxr.recipe.load import Loaded, find, load, revive, typed
from mlxr.recipe.mistakes import Mistake, RecipeError
from mlxr.recipe.schema import Compare, LoraParameters, LrSchedule, Recipe, Train

__all__ = [
    "Augment",
    "Compare",
    "Data",
    "Loaded",
    "LoraParameters",
    "LrSchedule",
    "Mistake",
    "Pool",
    "Portion",
    "Recipe",
    "RecipeError",
    "Splits",
    "Train",
    "find",
    "load",
    "revive",
    "typed",
]
