"""The documentation of a struct's fields, for ``help``.

Python keeps the text under a class, and drops the texts under its fields. They are read from the
source, so that there is one text of each field; that takes time, and is done for readers only.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from typing import Any


def document_fields(kind: type) -> None:
    """Add a list of the fields, with their documentation, to a class's own."""
    docs: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if "__annotations__" in vars(base):
            docs.update(_docs_of(base))
    fields: tuple[str, ...] = getattr(kind, "__struct_fields__", ())
    lines = [line for name in fields if name in docs for line in _paragraph(name, docs[name])]
    if lines:
        text = inspect.cleandoc(kind.__doc__ or "")
        kind.__doc__ = "\n".join([text, "", "Fields:", *lines])


def _docs_of(kind: type) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(kind))
    except (OSError, TypeError):  # no source: made at run time, or installed without it
        return {}
    body: list[Any] = getattr(ast.parse(source).body[0], "body", [])
    return {
        node.target.id: inspect.cleandoc(text.value.value)
        for node, text in itertools.pairwise(body)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _paragraph(name: str, text: str) -> list[str]:
    first, *more = text.splitlines()
    return [f"    {name}: {first}", *(f"        {line}" if line else "" for line in more)]
