"""The tools on offer, as data sets declare them: JSON Schema, or xlam's flat parameters.

    {"name": "area", "parameters": {"type": "object", "properties": {"base": {"type": "integer"}}}}
    {"name": "area", "parameters": {"base": {"type": "int"}, "unit": {"type": "str, optional"}}}

The second is no JSON Schema, and may have a parameter that is itself called "type".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlxr.compare.calls import Call
from mlxr.compare.parse import Refused, embedded_values
from mlxr.values import canonical, straight

_KINDS = {
    **dict.fromkeys(("str", "string"), "string"),
    **dict.fromkeys(("int", "integer", "long"), "integer"),
    **dict.fromkeys(("float", "number", "double"), "number"),
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("list", "tuple", "set", "array"), "array"),
    **dict.fromkeys(("dict", "object"), "object"),
}
_PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
MISSING = object()


@dataclass(frozen=True)
class Parameter:
    """What a tool says of one parameter."""

    kind: str
    """string, integer, number, boolean, array, object or any."""
    optional: bool
    default: Any = MISSING

    def fits(self, value: object) -> bool:
        """Return whether a value is of the declared type; 10.0 is an integer, true is none."""
        if self.kind == "any" or (value is None and self.optional):
            return True
        if isinstance(value, bool):
            return self.kind == "boolean"
        if self.kind == "integer" and isinstance(value, float):
            return value.is_integer()
        return isinstance(value, _PYTHON[self.kind])

    def says_nothing(self, value: object) -> bool:
        """Return whether giving `value` is the same as giving nothing."""
        if value is None:
            return self.optional
        return self.default is not MISSING and key_of(value) == key_of(self.default)


Tool = Mapping[str, Parameter]
Toolbox = Mapping[str, Tool]


def key_of(value: object) -> object:
    """Return what equal argument values share: 10 and 10.0, "New  York" and "new york"."""
    return canonical(value, straight)


def toolbox(declared: Iterable[Mapping[str, Any]]) -> Toolbox:
    """Return the parameters of each tool by its name; what cannot be read declares none."""
    found = {}
    for tool in declared:
        about = tool["function"] if isinstance(tool.get("function"), Mapping) else tool
        if isinstance(about.get("name"), str):
            found[about["name"]] = _parameters(about.get("parameters"))
    return found


def tools_in(text: str) -> tuple[Mapping[str, Any], ...] | None:
    """Return the tools that a prompt declares in its text as JSON; None without any."""
    try:
        values = list(embedded_values(text))
    except (Refused, RecursionError):
        return None
    flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
    tools = [item for item in flat if isinstance(item, Mapping) and _declares(item)]
    return tuple(tools) or None


def canonical_call(call: Call, tools: Toolbox) -> tuple[str, frozenset[tuple[str, object]]]:
    """Return what equal calls share: the name, and the arguments that say something."""
    tool = tools.get(call.name, {})
    said = (
        (name, key_of(value))
        for name, value in call.arguments.items()
        if name not in tool or not tool[name].says_nothing(value)
    )
    return call.name, frozenset(said)


def faults(call: Call, tools: Toolbox) -> list[str]:
    """Return in which ways a call does not fit the tools on offer."""
    if call.name not in tools:
        return ["unknown_tool"]
    tool = tools[call.name]
    given = {name: value for name, value in call.arguments.items() if name in tool}
    found = {
        "missing_required": any(not p.optional and name not in given for name, p in tool.items()),
        "unexpected_param": len(given) < len(call.arguments),
        "type_error": not all(tool[name].fits(value) for name, value in given.items()),
    }
    return [fault for fault, is_there in found.items() if is_there]


def _declares(item: Mapping[str, Any]) -> bool:
    about = item["function"] if isinstance(item.get("function"), Mapping) else item
    return isinstance(about.get("name"), str) and isinstance(about.get("parameters"), Mapping)


def _parameters(declared: object) -> Tool:
    if not isinstance(declared, Mapping):
        return {}
    properties = declared.get("properties")
    if isinstance(properties, Mapping) and declared.get("type") in ("object", "dict"):
        required = declared.get("required") or ()
        return {name: _parameter(about, name not in required) for name, about in properties.items()}
    return {name: _parameter(about, None) for name, about in declared.items()}


def _parameter(about: object, optional: bool | None) -> Parameter:
    """Read one parameter; `optional` is None in the flat form, where its type or default tells."""
    table = about if isinstance(about, Mapping) else {"type": about}
    said = table.get("type")
    text = said.strip() if isinstance(said, str) else ""
    if optional is None:
        optional = "default" in table or "optional" in text.casefold()
    default = table.get("default", MISSING)
    return Parameter(_kind(text), optional, default)


def _kind(text: str) -> str:
    """Return the kind behind "List[int], optional" or "Optional[str]"; any where unclear."""
    plain = re.sub(r",\s*optional\b.*", "", text.casefold())
    plain = re.sub(r"^optional\[(.*)\]$", r"\1", plain.strip())
    return _KINDS.get(re.split(r"\[", plain)[0].strip(), "any")
