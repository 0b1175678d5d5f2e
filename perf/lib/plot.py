# SPDX-License-Identifier: Apache-2.0
"""plot.py — grouped horizontal bars on a logarithmic axis, as one SVG file without libraries."""
import html
import math

COLOURS = ["#9aa5b1", "#2f6f9f", "#7bb662", "#1b7f4d", "#c8553d"]
BAR, GAP, LEFT, WIDTH, TOP = 9, 8, 150, 640, 54


def ticks(low, high):
    """1, 2, 5 times powers of ten within [low, high]."""
    power = math.floor(math.log10(low))
    while 10**power <= high:
        for step in (1, 2, 5):
            if low <= step * 10**power <= high:
                yield step * 10**power
        power += 1


def bars_svg(title, unit, columns, rows):
    """`rows`: {name: {column: figure or None}}; longer is more of `unit`."""
    figures = [v for row in rows.values() for v in row.values() if v and v > 0]
    low, high = min(figures) * 0.8, max(figures) * 1.1
    place = lambda v: LEFT + WIDTH * math.log(v / low) / math.log(high / low)
    height = TOP + len(rows) * (BAR * len(columns) + GAP) + 30
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 70}" height="{height}" '
           'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="10" y="18" font-size="14">{html.escape(title)}</text>']
    for i, column in enumerate(columns):
        out.append(f'<rect x="{10 + i * 120}" y="28" width="10" height="10" fill="{COLOURS[i % len(COLOURS)]}"/>'
                   f'<text x="{24 + i * 120}" y="37">{html.escape(column)}</text>')
    for tick in ticks(low, high):
        x = place(tick)
        out.append(f'<line x1="{x:.1f}" y1="{TOP - 4}" x2="{x:.1f}" y2="{height - 22}" stroke="#ddd"/>'
                   f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle">{tick:g} {unit}</text>')
    y = TOP
    for name, row in rows.items():
        out.append(f'<text x="{LEFT - 6}" y="{y + BAR * len(columns) / 2 + 4:.0f}" '
                   f'text-anchor="end">{html.escape(name)}</text>')
        for i, column in enumerate(columns):
            value = row.get(column)
            if value and value > 0:
                out.append(f'<rect x="{LEFT}" y="{y + i * BAR}" width="{place(value) - LEFT:.1f}" height="{BAR - 1}" '
                           f'fill="{COLOURS[i % len(COLOURS)]}">'
                           f'<title>{html.escape(column)} {value:.2f}</title></rect>')
        y += BAR * len(columns) + GAP
    out.append("</svg>")
    return "\n".join(out) + "\n"
