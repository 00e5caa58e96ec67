"""Our templates: Jinja files whose blocks become messages.

    {% block system %}Answer with JSON.{% endblock %}          optional
    {% block tools %}{{ tools }}{% endblock %}                 optional: a JSON list
    {% block prompt %}{{ event_text }}{% endblock %}
    {% block completion %}{{ output | to_json }}{% endblock %}

A row's columns are the variables. An unknown one is an error, never an empty text. White space
round a block is trimmed, and a line that holds only a tag leaves no empty line. `extends`,
`include` and `import` reach only the template's own folder.
Filters: prep/sandbox.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlxr.errors import MlxrError
from mlxr.files import file_sha256
from mlxr.prep.sandbox import TemplateFailedError, environment, explain

if TYPE_CHECKING:
    from jinja2 import Environment, nodes
    from jinja2.environment import Template as Compiled
    from jinja2.runtime import Context

BLOCKS = ("system", "tools", "prompt", "completion")
REQUIRED = ("prompt", "completion")


class Template:
    """A compiled template file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._compiled = _compiled(path)

    def render(self, row: Mapping[str, Any], blocks: Sequence[str] = BLOCKS) -> dict[str, str]:
        """Return the text of each of `blocks` for `row`, trimmed; raises TemplateFailedError."""
        texts: dict[str, str] = {}
        context = self._compiled.new_context(dict(row))
        for name in BLOCKS:
            block = _capture(name, texts) if name in blocks else _nothing
            context.blocks.setdefault(name, []).insert(0, block)
        try:
            for _ in self._compiled.root_render_func(context):
                pass
        except Exception as error:
            raise TemplateFailedError(self._explained(error, row)) from error
        return texts

    def columns(self) -> list[str]:
        """Return the columns that the blocks before the answer read, in their order."""
        return _free(self._compiled.environment, self.path.name, frozenset({"completion"}))

    def _explained(self, error: Exception, row: Mapping[str, Any]) -> str:
        return f"{_place(error, self.path, self._compiled)}: {explain(error, row)}"


def _free(environment: Environment, name: str, without: frozenset[str]) -> list[str]:
    """Return the free variables of a template, and of those it draws on, but in some blocks."""
    from jinja2 import meta, nodes

    tree = _tree(environment, name)
    blocks = list(tree.find_all(nodes.Block))
    for block in blocks:
        if block.name in without:
            block.body = []
    free = meta.find_undeclared_variables(tree) - _defined(tree)
    found = [each.name for each in tree.find_all(nodes.Name) if each.name in free]
    without |= {block.name for block in blocks}  # what a template extends has them replaced
    others: list[nodes.Extends | nodes.Include] = [*tree.find_all(nodes.Extends)]
    for other in [*others, *tree.find_all(nodes.Include)]:
        if isinstance(other.template, nodes.Const):
            found += _free(environment, other.template.value, without)
    return list(dict.fromkeys(found))


class RowTemplate:
    """A compiled template file that writes a row: one JSON object."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._compiled = _compiled(path, required=())

    def render(self, names: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row, written with `names` as variables; raises MlxrError naming the line."""
        try:
            context = self._compiled.new_context(dict(names))
            text = "".join(self._compiled.root_render_func(context))
        except Exception as error:
            place = _place(error, self.path, self._compiled)
            if isinstance(error, MlxrError):
                raise MlxrError(f"{place}: {error.message}", error.hint) from error
            said = explain(error, names, "name")
            raise MlxrError(f"{place}: {said}", f"Edit {self.path}.") from error
        try:
            row = json.loads(text)
        except ValueError as error:
            raise MlxrError(f"{self.path.name} writes no JSON: {error}.", _wrote(text)) from None
        if not isinstance(row, dict):
            raise MlxrError(f"{self.path.name} writes JSON, but no object.", _wrote(text))
        return row


def _defined(tree: nodes.Template) -> set[str]:
    """Return the names that a template defines outside its blocks, which see them."""
    from jinja2 import nodes

    defined: set[str] = set()
    for node in tree.body:
        if isinstance(node, nodes.Assign | nodes.AssignBlock):
            defined |= {each.name for each in node.find_all(nodes.Name) if each.ctx == "store"}
        elif isinstance(node, nodes.Macro):
            defined.add(node.name)
        elif isinstance(node, nodes.Import):
            defined.add(node.target)
        elif isinstance(node, nodes.FromImport):
            defined |= {each if isinstance(each, str) else each[1] for each in node.names}
    return defined


def _wrote(text: str) -> str:
    shown = " ".join(text.split())[:80]
    return f"It wrote: {shown or 'nothing'} (a row is written by {{{{ {{…}} | to_json }}}})"


def _place(error: BaseException, path: Path, compiled: Compiled) -> str:
    """Return where in the template `error` arose, as "t.jinja:3"."""
    line = _line(error, path)
    line = line and compiled.get_corresponding_lineno(line)
    return f"{path.name}:{line}" if line else path.name


def _capture(name: str, texts: dict[str, str]) -> Callable[[Context], Iterator[str]]:
    """Return a block function that stores the real block's text instead of printing it."""

    def block(context: Context) -> Iterator[str]:
        texts[name] = "".join(context.blocks[name][1](context)).strip()
        return iter(())

    return block


def _nothing(_: Context) -> Iterator[str]:
    """Stand in for a block that is not asked for."""
    return iter(())


def _line(error: BaseException, path: Path) -> int | None:
    """Return the line of the compiled template in which `error` arose."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _compiled(path: Path, required: Sequence[str] = REQUIRED) -> Compiled:
    """Return the template of `path`; raises MlxrError naming file, line and block."""
    from jinja2 import TemplateNotFound, TemplateSyntaxError, meta

    sandbox = environment(path.parent)
    try:
        compiled = sandbox.get_template(path.name)
        names = _blocks(sandbox, path.name)
        for name in meta.find_referenced_templates(_tree(sandbox, path.name)):
            if name:
                sandbox.get_template(name)
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
    except RecursionError:
        raise MlxrError(f"{path} extends itself.", "Extend another file beside it.") from None
    except (UnicodeDecodeError, OSError) as error:
        raise MlxrError(f"{path} cannot be read: {error}.", "Save it as UTF-8.") from None
    missing = [name for name in required if name not in names]
    if missing:
        raise MlxrError(
            f"{path} has no block {missing[0]!r}.",
            f"Add {{% block {missing[0]} %}}…{{% endblock %}}.",
        )
    return compiled


def _blocks(sandbox: Environment, name: str) -> set[str]:
    """Return the blocks of a template and of those it extends."""
    from jinja2 import nodes

    tree = _tree(sandbox, name)
    names = {block.name for block in tree.find_all(nodes.Block)}
    for parent in tree.find_all(nodes.Extends):
        if isinstance(parent.template, nodes.Const):
            names |= _blocks(sandbox, parent.template.value)
    return names


def _tree(sandbox: Environment, name: str) -> nodes.Template:
    loader = sandbox.loader
    return sandbox.parse(loader.get_source(sandbox, name)[0] if loader else "", name)


def template_files(path: Path) -> dict[str, str]:
    """Return name and SHA-256 of a template and, if it draws on files beside it, of those."""
    files = [path]
    if re.search(r"\b(extends|include|import)\b", path.read_text(encoding="utf-8")):
        files += [other for other in sorted(path.parent.glob(f"*{path.suffix}")) if other != path]
    return {file.name: file_sha256(file) for file in files}
