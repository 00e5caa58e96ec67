"""Whether an answer stands in its prompt as it is, so that training on it teaches copying.

Short answers rightly do: a label from a list of labels, a name, a passage of a document.
"""

from __future__ import annotations

from typing import Any

from mlxr.prep.audit.grounding import Prompt, squeeze
from mlxr.values import normalise

SHORT = 25
"""Characters, white space and quotes not counted, below which an answer may stand in its prompt:
labels, names, dates and single facts are shorter."""
LONG = 100
"""Characters from which an answer never may: a passage asked for is shorter than a sentence or
two, and one of several options to choose from is, too."""
_TRIES = 3
"""Places of the prompt at which JSON is looked for."""
PART = 0.25
"""Share of the prompt from which an answer between SHORT and LONG may not: one of four options to
choose from, or a passage of a document, is a smaller part."""


def is_copied(text: str, prompt: Prompt) -> bool:
    """Return whether a plain answer stands in the prompt, case and white space aside."""
    needle = squeeze(normalise(text))
    if len(needle) < SHORT or needle not in prompt.squeezed:
        return False
    return len(needle) >= LONG or len(needle) >= PART * len(prompt.squeezed)


def is_copied_json(text: str, value: Any, prompt: Prompt, is_call: bool) -> bool:
    """Return whether the prompt holds the same JSON, whatever its spaces, quotes and key order.

    Python's notation counts too. Each `key: value` must stand there after a bracket or a comma,
    all of them within twice the JSON's own length. JSON under SHORT characters, or with a single
    value to tell, is a label and may stand there; a call never is. `text` is "" for tool_calls.
    """
    if any(key not in prompt.plain for key in _keys(value)):
        return False
    pairs = sorted(_pairs(value), key=len, reverse=True)
    if not pairs or (not is_call and (len(pairs) < 2 or sum(map(len, pairs)) < SHORT)):
        return False
    longest = squeeze(normalise(pairs[0]))
    if longest in prompt.squeezed and _stand_together(pairs, longest, prompt.squeezed):
        return True
    whole = squeeze(normalise(text))  # numbers as they are written: 74.0060
    return len(whole) >= SHORT and whole in prompt.squeezed


def _keys(value: Any) -> list[str]:
    """Return the first keys of JSON as a normalised prompt would have them: a quick test."""
    first = value[0] if isinstance(value, list) and value else value
    return [normalise(key) for key in first if key.isalnum()] if isinstance(first, dict) else []


def _stand_together(pairs: list[str], longest: str, text: str) -> bool:
    parts = [squeeze(normalise(pair)) for pair in pairs]
    reach, at = 2 * sum(len(part) + 1 for part in parts) + len(longest), -1
    for _ in range(_TRIES):
        at = text.find(longest, at + 1)
        if at < 0:
            return False
        window = text[max(0, at - reach) : at + reach]
        if all(any(mark + part in window for mark in "{,[") for part in parts):
            return True
    return False


def _pairs(value: Any) -> list[str]:
    """Return each "key:value" of JSON where the value is neither an object nor null."""
    pairs, stack = [], [("", value)]
    while stack:
        key, node = stack.pop()
        if node and isinstance(node, dict):
            stack += [(f"{name}:", item) for name, item in node.items()]
        elif isinstance(node, list) and any(isinstance(item, dict) for item in node):
            stack += [("", item) for item in node]
        elif node is not None and node != "":
            pairs.append(key + _text(node))
    return pairs


def _text(node: Any) -> str:
    try:
        return str(node)
    except (ValueError, RecursionError):  # digits without end, or lists
        return ""
