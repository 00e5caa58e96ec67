"""The recipe: its schema, its loading, its error page. The only importer of pydantic."""

from mlxr.recipe.load import Loaded, find, load
from mlxr.recipe.mistakes import Mistake, RecipeError
from mlxr.recipe.schema import Compare, Data, LoraParameters, LrSchedule, Recipe, Splits, Train

__all__ = [
    "Compare",
    "Data",
    "Loaded",
    "LoraParameters",
    "LrSchedule",
    "Mistake",
    "Recipe",
    "RecipeError",
    "Splits",
    "Train",
    "find",
    "load",
]
