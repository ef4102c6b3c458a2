"""Small charts as SVG text: no script, no style attributes, colours from classes, readable on a phone.

Standard library only. A chart is 400 units wide, so that its 12-unit letters are still letters on a screen of 390
pixels. Each has a title and a description for who cannot see it; the table that says the same in numbers is the page's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Final

WIDTH: Final = 400
HEIGHT: Final = 280
LEFT, RIGHT, TOP, BOTTOM = 62, 22, 12, 44
_INNER_H: Final = HEIGHT - TOP - BOTTOM
FOOT: Final = HEIGHT - BOTTOM - 8
"""The height of a label just above the x axis."""

STYLE: Final = """
svg.chart { --ink: #1f2933; --soft: #52606d; --line: #d5dbe1; --a: #1d5fd1; --b: #b4430f; --c: #2b7a3f; --pale: #1d5fd126; --halo: #fff;
  color-scheme: light dark; display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif }
@media (prefers-color-scheme: dark) { svg.chart { --ink: #e6eaef; --soft: #a7b3c0; --line: #3a4552; --a: #82aeff;
  --b: #ff9d6e; --c: #77d08c; --pale: #82aeff33; --halo: #171d24 } }
svg.chart text { fill: var(--soft); paint-order: stroke; stroke: var(--halo); stroke-width: 3px }
svg.chart text.strong { fill: var(--ink); font-weight: 600 }
svg.chart text.b { fill: var(--b) }
svg.chart .grid { stroke: var(--line); stroke-width: 1 }
svg.chart path.a { stroke: var(--a); stroke-width: 2; fill: none }
svg.chart path.b { stroke: var(--b); stroke-width: 1.5; fill: none }
svg.chart .dashed { stroke-dasharray: 5 4 }
svg.chart .even { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 4; fill: none }
svg.chart .band { fill: var(--pale) }
svg.chart .bar, svg.chart .dot { fill: var(--a) }
svg.chart .mark { fill: var(--b) }
""".strip()
"""The rules of every chart; the page includes them once, a file of its own carries them."""


class Plot:
    """A chart with two linear axes that is drawn on step by step. Coordinates are data, the last `svg` gives text."""

    def __init__(
        self,
        name: str,
        title: str,
        description: str,
        *,
        x: tuple[float, float],
        y: tuple[float, float],
        left: int = LEFT,
    ) -> None:
        """`name` makes ids unique on a page; ranges that are empty are widened. `left` is room for the y axis."""
        self.title: Final = title
        self._name = name
        self._description = description
        self._x = x if x[1] > x[0] else (x[0], x[0] + 1.0)
        self._y = y if y[1] > y[0] else (y[0], y[0] + 1.0)
        self._left = left
        self._width = WIDTH - left - RIGHT
        self._level: float | None = None
        self._parts: list[str] = []

    def axes(
        self,
        labels: tuple[str, str],
        ticks: tuple[Sequence[float], Sequence[float]],
        formats: tuple[Callable[[float], str], Callable[[float], str]],
    ) -> None:
        """Grid lines with their numbers, and what the axes are."""
        for value in ticks[1]:
            y = self._down(value)
            self._parts.append(f'<path class="grid" d="M{self._left} {y}H{WIDTH - RIGHT}"/>')
            self._text(self._left - 6, y + 4, formats[1](value), anchor="end")
        for value in ticks[0]:
            self._text(self._right(value), HEIGHT - BOTTOM + 16, formats[0](value), anchor="middle")
        self._text(self._left + self._width / 2, HEIGHT - 8, labels[0], anchor="middle", kind="strong")
        middle = TOP + _INNER_H / 2
        self._parts.append(
            f'<text class="strong" text-anchor="middle" transform="translate(12 {_n(middle)}) rotate(-90)">'
            f"{escape(labels[1])}</text>"
        )

    def line(self, points: Sequence[tuple[float, float]], kind: str = "a") -> None:
        """A line through points."""
        if points:
            path = "L".join(f"{self._right(x)} {self._down(y)}" for x, y in points)
            self._parts.append(f'<path class="{kind}" d="M{path}"/>')

    def band(self, points: Sequence[tuple[float, float, float]]) -> None:
        """The area between a lower and an upper value: (x, low, high)."""
        if points:
            edge = [(x, high) for x, _, high in points] + [(x, low) for x, low, _ in reversed(points)]
            path = "L".join(f"{self._right(x)} {self._down(y)}" for x, y in edge)
            self._parts.append(f'<path class="band" d="M{path}Z"/>')

    def level(self, y: float, label: str) -> None:
        """A dashed line across, named at its left end."""
        at = self._level = self._down(y)
        self._parts.append(f'<path class="b dashed" d="M{self._left} {at}H{WIDTH - RIGHT}"/>')
        self._text(self._left + 4, at - 5, label, kind="b")

    def across(self, numbers: Sequence[float], form: Callable[[float], str]) -> None:
        """Only upright grid lines with their numbers: for rows that name themselves."""
        for value in numbers:
            x = self._right(value)
            self._parts.append(f'<path class="grid" d="M{x} {TOP}V{HEIGHT - BOTTOM}"/>')
            self._text(x, HEIGHT - BOTTOM + 16, form(value), anchor="middle")

    def lying(self, y: float, x: float, low: float, high: float, label: str) -> None:
        """A row: its name above, and a point with its interval along the x axis."""
        down = self._down(y)
        self._text(self._left, down - 10, label, kind="strong")
        self._parts.append(f'<path class="a" d="M{self._right(low)} {down}H{self._right(high)}"/>')
        self._parts.append(f'<circle class="dot" cx="{self._right(x)}" cy="{down}" r="5"/>')

    def upright(self, x: float, label: str, *, down: float = TOP + 12) -> None:
        """A dashed line from bottom to top, named at the height `down` on the side where there is room."""
        at = self._right(x)
        self._parts.append(f'<path class="b dashed" d="M{at} {TOP}V{HEIGHT - BOTTOM}"/>')
        left = at > self._left + self._width * 0.6
        self._text(
            at - 5 if left else at + 5,
            down,
            label,
            anchor="end" if left else "start",
            kind="b",
        )

    def mark(self, x: float, y: float, label: str) -> None:
        """One point of its own, named."""
        at, down = self._right(x), self._down(y)
        self._parts.append(f'<circle class="mark" cx="{at}" cy="{down}" r="5"/>')
        left = at > self._left + self._width * 0.5
        # Clear of the name of a level line that runs close by.
        above = (
            down - 9 if self._level is None or abs(down - self._level) > 30 else min(down, self._level) - 22
        )
        self._text(
            at - 10 if left else at + 10,
            max(TOP + 10, above),
            label,
            anchor="end" if left else "start",
            kind="strong",
        )

    def whisker(self, x: float, y: float, low: float, high: float, radius: float = 4.0) -> None:
        """A point with its interval."""
        at = self._right(x)
        self._parts.append(f'<path class="a" d="M{at} {self._down(low)}V{self._down(high)}"/>')
        self._parts.append(f'<circle class="dot" cx="{at}" cy="{self._down(y)}" r="{_n(radius)}"/>')

    def bar(self, low: float, high: float, y: float) -> None:
        """A bar from `low` to `high` on the x axis, up to `y`."""
        left, right, top = self._right(low), self._right(high), self._down(y)
        width = _n(max(1.0, right - left - 1))
        self._parts.append(
            f'<rect class="bar" x="{left}" y="{top}" width="{width}" height="{_n(HEIGHT - BOTTOM - top)}"/>'
        )

    def svg(self) -> str:
        """The chart, to stand in a page."""
        name = escape(self._name)
        return (
            f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}-t {name}-d" '
            f'xmlns="http://www.w3.org/2000/svg"><title id="{name}-t">{escape(self.title)}</title>'
            f'<desc id="{name}-d">{escape(self._description)}</desc>{"".join(self._parts)}</svg>'
        )

    def file(self) -> str:
        """The chart as a file of its own, on a ground that fits its colours."""
        ground = "svg.chart { background: #fff } @media (prefers-color-scheme: dark) { svg.chart { background: #171d24 } }"
        return self.svg().replace("<title", f"<style>{STYLE}\n{ground}</style><title", 1) + "\n"

    def _right(self, x: float) -> float:
        share = (x - self._x[0]) / (self._x[1] - self._x[0])
        return round(self._left + self._width * min(1.0, max(0.0, share)), 1)

    def _down(self, y: float) -> float:
        share = (y - self._y[0]) / (self._y[1] - self._y[0])
        return round(TOP + _INNER_H * (1.0 - min(1.0, max(0.0, share))), 1)

    def _text(self, x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> None:
        named = f' class="{kind}"' if kind else ""
        self._parts.append(
            f'<text{named} x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{escape(text)}</text>'
        )


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, some `about` of them."""
    if high <= low:
        return [low]
    rough = (high - low) / about
    scale = 1.0
    while scale > rough:
        scale /= 10.0
    while scale * 10.0 <= rough:
        scale *= 10.0
    step = next(scale * factor for factor in (1.0, 2.0, 5.0, 10.0) if scale * factor >= rough)
    first = int(low / step) - 1
    numbers = [round((first + count) * step, 10) for count in range(2 * about + 5)]
    return [number for number in numbers if low <= number <= high]


def percent(value: float) -> str:
    """`0.983` as `98.3 %` with a space that does not break, and without a zero that says nothing."""
    return f"{value * 100:.1f}".removesuffix(".0") + "\u00a0%"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
