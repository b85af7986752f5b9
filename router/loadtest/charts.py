"""Line charts as SVG, which need nothing from elsewhere."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 820
HEIGHT: Final = 290
LEFT: Final = 74
RIGHT: Final = 34
TOP: Final = 16
BOTTOM: Final = 34
NICE: Final = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its name, its colour, and its points from left to right."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Scale:
    """What an axis shows, from its lowest mark to its highest; `log` needs marks above 0."""

    marks: Sequence[tuple[float, str]]
    log: bool = False

    def share(self, value: float) -> float:
        """Return where a value lies, from 0 at the lowest mark to 1 at the highest."""
        low, high = self._at(self.marks[0][0]), self._at(self.marks[-1][0])
        return min(1.0, max(0.0, (self._at(value) - low) / (high - low or 1.0)))

    def _at(self, value: float) -> float:
        return math.log10(max(value, self.marks[0][0])) if self.log else value


def from_zero(highest: float) -> Scale:
    """Return a scale from 0 to a round number above the highest value, with about five marks."""
    step = _nice(max(highest, 1.0) / 5)
    return Scale([(step * number, f"{step * number:,g}") for number in range(math.ceil(highest / step) + 1 or 2)])


def decades(lowest: float, highest: float) -> Scale:
    """Return a logarithmic scale with marks at 1, 2 and 5 of each decade; values must be above 0."""
    first, last = math.floor(math.log10(lowest)), math.ceil(math.log10(highest))
    marks = [nice * 10.0**power for power in range(first, last + 1) for nice in NICE]
    below = max((mark for mark in marks if mark <= lowest), default=marks[0])
    above = min((mark for mark in marks if mark >= highest and mark > below), default=marks[-1])
    return Scale([(mark, f"{mark:,g}") for mark in marks if below <= mark <= above], log=True)


def chart(title: str, lines: Sequence[Line], across: Scale, up: Scale) -> str:
    """Return a figure: a heading, a key where there are several lines, and the chart."""
    key = "".join(f'<span><i style="background:{one.colour}"></i>{html.escape(one.name)}</span>' for one in lines)
    drawn = "".join(_drawn(line, across, up) for line in lines)
    name = html.escape(title)
    return (
        f"<figure><figcaption>{name}{key if len(lines) > 1 else ''}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">{_grid(across, up)}{drawn}</svg></figure>'
    )


def _grid(across: Scale, up: Scale) -> str:
    rows = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(up, mark):.1f}" y2="{_y(up, mark):.1f}"/>'
        f'<text x="{LEFT - 8}" y="{_y(up, mark) + 4:.1f}" text-anchor="end">{label}</text>'
        for mark, label in up.marks
    )
    columns = "".join(
        f'<line x1="{_x(across, mark):.1f}" x2="{_x(across, mark):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text x="{_x(across, mark):.1f}" y="{HEIGHT - 10}" text-anchor="middle">{label}</text>'
        for mark, label in across.marks
    )
    return rows + columns


def _drawn(line: Line, across: Scale, up: Scale) -> str:
    places = " ".join(f"{_x(across, x):.1f},{_y(up, y):.1f}" for x, y in line.points)
    return f'<polyline points="{places}" stroke="{line.colour}"/>'


def _x(scale: Scale, value: float) -> float:
    return LEFT + scale.share(value) * (WIDTH - LEFT - RIGHT)


def _y(scale: Scale, value: float) -> float:
    return HEIGHT - BOTTOM - scale.share(value) * (HEIGHT - TOP - BOTTOM)


def _nice(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(nice * power for nice in (*NICE, 10) if nice * power >= step)
