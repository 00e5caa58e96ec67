"""The recipe's JSON Schema, from which an editor completes, explains and checks keys.

It knows keys, types, ranges and choices. What must fit together (`iters` or `epochs`), and whether
a file is there, only loading a recipe tells.
"""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from mlxr.recipe.schema import Recipe
from mlxr.recipe.table import Table

_EXTENDS = {
    "description": "Recipe file to inherit from: what stands here has precedence.",
    "type": "string",
}


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a recipe file, every key with a description.

    It is that of the loaded recipe, but for what loading adds: a file need not say `name`, and
    one that `extends` another need not say anything.
    """
    schema = Recipe.model_json_schema(schema_generator=_Toml)
    source = schema["$defs"]["Data"].pop("required")
    needed = [key for key in schema.pop("required") if key != "name"]
    whole = {"required": needed, "properties": {"data": {"required": source}}}
    schema["properties"] = {"extends": _EXTENDS, **schema["properties"]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **schema,
        "title": "A recipe of mlxr",
        "if": {"not": {"required": ["extends"]}},
        "then": whole,
    }


class _Toml(GenerateJsonSchema):
    """What a TOML file can say: it has no null, and tables need no default."""

    def nullable_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> dict[str, Any]:
        if isinstance(schema.get("default"), Table | None):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema  # a title would repeat the key
        return False
