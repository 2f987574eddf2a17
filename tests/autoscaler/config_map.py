"""A ConfigMap as the kubelet mounts it."""

from collections.abc import Mapping
from pathlib import Path


class ConfigMapMount:
    """A folder of links through `..data` into a folder that a change replaces as a whole."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "mount"
        self.path.mkdir()
        self._versions = 0

    def put(self, data: Mapping[str, str]) -> None:
        """Show `data` instead of what was there, in one step."""
        self._versions += 1
        version = self.path / f"..2026_11_22_{self._versions}"
        version.mkdir()
        for key, value in data.items():
            (version / key).write_text(value)
        new_link = self.path / "..data_tmp"
        new_link.symlink_to(version.name)
        new_link.rename(self.path / "..data")
        for key in data:
            link = self.path / key
            if not link.is_symlink():
                link.symlink_to(Path("..data") / key)
        for link in self.path.iterdir():
            if not link.name.startswith("..") and link.name not in data:
                link.unlink()
