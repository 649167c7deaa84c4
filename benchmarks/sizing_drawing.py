"""Draws how long changes wait, by the number of companies, as SVG."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 570, 40, 310
INK, RULE = "#37474f", "#eceff1"
LINES = (("worst", "#b3541e", "none"), ("99 %", "#0b6e99", "8 4"), ("median", "#2e7d32", "2 4"))


def drawing(delays: Mapping[int, tuple[float, float, float]], target: float) -> str:
    """Return the picture; both axes are logarithmic.

    Args:
        delays: By the number of companies: the worst delay, the 99th percentile and the median, in
            minutes.
        target: A delay to compare with.
    """
    least, most = min(delays), max(delays)
    top = math.ceil(math.log10(max(worst for worst, _, _ in delays.values())))

    def x(companies: float) -> float:
        return LEFT + (RIGHT - LEFT) * math.log10(companies / least) / math.log10(most / least)

    def y(minutes: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * math.log10(max(minutes, 1)) / top

    parts = [_text(20, 18, "minutes until a change is delivered", "start")]
    for minutes in (10**power for power in range(top + 1)):
        parts += [_rule(y(minutes), RULE), _text(LEFT - 8, y(minutes) + 4, f"{minutes:,}", "end")]
    parts += [_rule(y(target), INK), _text(LEFT + 6, y(target) - 6, f"{target:g} minutes", "start")]
    parts += [_text(x(companies), BOTTOM + 20, f"{companies:,}") for companies in delays]
    parts.append(_text((LEFT + RIGHT) / 2, BOTTOM + 42, "companies per token"))
    for place, (name, colour, dashes) in enumerate(LINES):
        points = " ".join(f"{x(size):.0f},{y(found[place]):.0f}" for size, found in delays.items())
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5" '
            f'stroke-dasharray="{dashes}"/>'
        )
        parts.append(_text(RIGHT + 20, TOP + 20 * (place + 1), name, "start", colour))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13" role="img" '
        'aria-label="Minutes until a change is delivered, by the number of companies">'
    )
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    return "\n".join([head, ground, *parts, "</svg>\n"])


def _rule(height: float, colour: str) -> str:
    return f'<path d="M{LEFT} {height:.0f}H{RIGHT}" stroke="{colour}" stroke-dasharray="4 4"/>'


def _text(x: float, y: float, words: str, anchor: str = "middle", colour: str = INK) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
