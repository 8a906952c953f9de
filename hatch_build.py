"""Put the player of ``dashget play`` into the wheel, when it is built.

It comes from its npm package, pinned by version and integrity. Where npm is not here, or has no
network, the wheel is built without, and ``dashget play`` fetches the player at its first use;
with ``DASHGET_WHEEL_NEEDS_PLAYER=1``, as for a release, that is an error.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PlayerHook(BuildHookInterface):  # type: ignore[type-arg]  # its configuration is not used
    """Adds the player's files, its licence among them, to a wheel."""

    PLUGIN_NAME = "custom"
    _folder: str | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch the player; an editable installation finds it as a checkout does."""
        if version == "editable":
            return
        npm = _load(Path(self.root, "src", "dashget", "serve", "npm.py"))
        self._folder = tempfile.mkdtemp(prefix="dashget-player-")
        made = Path(self._folder, npm.PLAYER)
        try:
            npm.fetch_package(npm.LOCK, npm.PLAYER, npm.PLAYER_FILES, made)
        except (npm.PackageError, OSError) as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            if os.environ.get("DASHGET_WHEEL_NEEDS_PLAYER") == "1":
                raise
            self.app.display_warning(f"the wheel has no player: {error}")
            return
        for name in npm.PLAYER_FILES.values():
            build_data["force_include"][str(made / name)] = f"dashget/serve/{npm.PLAYER}/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was fetched."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _load(path: Path) -> ModuleType:
    """Load a module by its file: the package is not installed where its wheel is built."""
    spec = importlib.util.spec_from_file_location("dashget_npm", path)
    assert spec is not None  # noqa: S101 - it is a file of Python
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
