"""Our templates: Jinja files whose blocks become messages. The only importer of jinja2.

    {% block system %}Answer with JSON.{% endblock %}          optional
    {% block prompt %}{{ event_text }}{% endblock %}
    {% block completion %}{{ output | to_json }}{% endblock %}

A row's columns are the variables. An unknown one is an error, never an empty text. White space
round a block is trimmed, and a line that holds only a tag leaves no empty line. `extends`,
`include` and `import` reach only the template's own folder.
Filters besides Jinja's: `to_json` (one line, keys in their order, text as it is) and `from_json`.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlxr.errors import MlxrError
from mlxr.files import file_sha256

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.environment import Template as Compiled
    from jinja2.runtime import Context
    from jinja2.sandbox import SandboxedEnvironment

BLOCKS = ("system", "prompt", "completion")
REQUIRED = ("prompt", "completion")


class TemplateFailedError(Exception):
    """A template or expression that fails on a row; the text says where and why."""


class Template:
    """A compiled template file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._compiled = _compiled(path)

    def render(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Return the text of each block for `row`, trimmed; raises TemplateFailedError."""
        texts: dict[str, str] = {}
        context = self._compiled.new_context(dict(row))
        for name in BLOCKS:
            context.blocks.setdefault(name, []).insert(0, _capture(name, texts))
        try:
            for _ in self._compiled.root_render_func(context):
                pass
        except Exception as error:
            raise TemplateFailedError(self._explained(error, row)) from error
        return texts

    def _explained(self, error: Exception, row: Mapping[str, Any]) -> str:
        line = _line(error, self.path)
        line = line and self._compiled.get_corresponding_lineno(line)
        place = f"{self.path.name}:{line}" if line else self.path.name
        return f"{place}: {explain(error, row)}"


def _capture(name: str, texts: dict[str, str]) -> Callable[[Context], Iterator[str]]:
    """Return a block function that stores the real block's text instead of printing it."""

    def block(context: Context) -> Iterator[str]:
        texts[name] = "".join(context.blocks[name][1](context)).strip()
        return iter(())

    return block


class Condition:
    """The recipe's `where`: a Jinja expression over a row's columns."""

    def __init__(self, expression: str) -> None:
        from jinja2 import TemplateSyntaxError

        try:
            self._holds = _environment(None).compile_expression(expression, undefined_to_none=False)
        except TemplateSyntaxError as error:
            raise MlxrError(
                f"data.where is no Jinja expression: {error.message}.",
                f"It reads: {expression}",
            ) from None

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Tell whether the expression is true of `row`; raises TemplateFailedError."""
        try:
            return bool(self._holds(dict(row)))
        except Exception as error:
            raise TemplateFailedError(f"where: {explain(error, row)}") from error


def explain(error: Exception, row: Mapping[str, Any]) -> str:
    """Return why rendering `row` failed: for an unknown column, which there are."""
    unknown = re.fullmatch(r"'(\w+)' is undefined", str(error))
    if unknown is None:
        return str(error) or type(error).__name__
    close = get_close_matches(unknown[1], list(row), n=1)
    guess = f"; did you mean {close[0]}?" if close else ""
    return f"no column '{unknown[1]}' (there are {', '.join(map(str, row))}{guess})"


def _line(error: BaseException, path: Path) -> int | None:
    """Return the line of the compiled template in which `error` arose."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _compiled(path: Path) -> Compiled:
    """Return the template of `path`; raises MlxrError naming file, line and block."""
    from jinja2 import TemplateNotFound, TemplateSyntaxError, meta

    environment = _environment(path.parent)
    try:
        compiled = environment.get_template(path.name)
        names = _blocks(environment, path.name)
        for name in meta.find_referenced_templates(_tree(environment, path.name)):
            if name:
                environment.get_template(name)
    except TemplateSyntaxError as error:
        place = f"{error.filename or path}:{error.lineno}"
        raise MlxrError(
            f"{place} is no Jinja template: {error.message}", f"Edit {place}."
        ) from None
    except TemplateNotFound as error:
        raise MlxrError(
            f"{path} refers to {error.name}, which is not in its folder.",
            "A template can only include or extend files beside it.",
        ) from None
    except (UnicodeDecodeError, OSError) as error:
        raise MlxrError(f"{path} cannot be read: {error}.", "Save it as UTF-8.") from None
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise MlxrError(
            f"{path} has no block {missing[0]!r}.",
            f"Add {{% block {missing[0]} %}}…{{% endblock %}}.",
        )
    return compiled


def _blocks(environment: SandboxedEnvironment, name: str) -> set[str]:
    """Return the blocks of a template and of those it extends."""
    from jinja2 import nodes

    tree = _tree(environment, name)
    names = {block.name for block in tree.find_all(nodes.Block)}
    for parent in tree.find_all(nodes.Extends):
        if isinstance(parent.template, nodes.Const):
            names |= _blocks(environment, parent.template.value)
    return names


def _tree(environment: SandboxedEnvironment, name: str) -> nodes.Template:
    loader = environment.loader
    return environment.parse(loader.get_source(environment, name)[0] if loader else "", name)


def _environment(folder: Path | None) -> SandboxedEnvironment:
    """Return the sandbox in which templates and expressions of a recipe run."""
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        loader=FileSystemLoader(folder) if folder else None,
        autoescape=False,  # prompts are text, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_not_null,
    )
    environment.filters |= {"to_json": to_json, "from_json": from_json}
    return environment


def _not_null(value: Any) -> Any:
    """Return what a template writes; a null must not become the word "None"."""
    if value is None:
        raise ValueError("a null would be written as 'None': use `to_json`, or `{% if … %}`")
    return value


def to_json(value: Any) -> str:
    """Return `value` as one line of JSON, keys in their order, other letters as they are."""
    from jinja2 import Undefined

    if isinstance(value, Undefined):
        return str(value)  # raises, naming the column
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_date)


def _date(value: object) -> str:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    raise TypeError(f"to_json: a {type(value).__name__} has no form in JSON")


def from_json(text: str) -> Any:
    """Return the value that the JSON `text` holds; raises ValueError."""
    try:
        return json.loads(text)
    except (TypeError, ValueError) as error:
        raise ValueError(f"from_json: {error}") from None


def template_files(path: Path) -> dict[str, str]:
    """Return name and SHA-256 of a template and, if it draws on files beside it, of those."""
    files = [path]
    if re.search(r"\b(extends|include|import)\b", path.read_text(encoding="utf-8")):
        files += [other for other in sorted(path.parent.glob(f"*{path.suffix}")) if other != path]
    return {file.name: file_sha256(file) for file in files}
