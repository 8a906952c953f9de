"""The examples of ``docs/reference/core.md`` print what the page says."""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).parents[3] / "docs/reference/core.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```\n\nprints\n\n```text\n(.*?)```", PAGE, re.DOTALL)


def test_every_example_prints_the_output_shown_on_the_page() -> None:
    names: dict[str, Any] = {}
    assert len(EXAMPLES) == PAGE.count("```python")
    for code, expected in EXAMPLES:
        output = StringIO()
        with redirect_stdout(output):
            exec(code, names)
        assert output.getvalue() == expected


def test_every_name_in_the_table_exists() -> None:
    for path in re.findall(r"`(dashget\.[\w.]+)\.(\w+)\(", PAGE):
        module, name = path
        names: dict[str, Any] = {}
        exec(f"from {module} import {name}", names)
        assert callable(names[name])
