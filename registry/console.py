"""Console of rich that draws and colours, and shows as letters what a text would have the terminal do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

import rich.console
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

from registry.terminal import visible


class Console(rich.console.Console):
    """As rich's; its own orders to the terminal are the only ones."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))

    @property
    def file(self) -> IO[str]:
        file: IO[str] = super().file
        while (behind := getattr(file, "rich_proxied_file", None)) is not None:  # ours, behind that of a display
            file = behind
        return file

    @file.setter
    def file(self, new: IO[str]) -> None:
        self._file = new
