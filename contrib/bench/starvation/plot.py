"""Plots as SVG, on a logarithmic axis of milliseconds."""
import math
import statistics
from html import escape

WIDTH, LEFT, RIGHT, ROW, HEAD = 860, 200, 30, 22, 30
INK, FAINT, GRID, OURS, OTHERS = "#1b1f24", "#6b7280", "#d9dde3", "#1d6fb8", "#b4552d"
STYLE = "font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"12\""


def text(x, y, content, colour=INK, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}"{extra}>{escape(content)}</text>'


def line(x1, y1, x2, y2, colour=GRID, width=1):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def document(height, title, parts):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" {STYLE}>', f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', *parts, "</svg>", ""])


class Axis:
    """Whole decades that hold all values, from `low` to `high` pixels."""

    def __init__(self, values, low, high):
        values = [value for value in values if value > 0]
        self.first = math.floor(math.log10(min(values)))
        self.last = max(self.first + 1, math.ceil(math.log10(max(values))))
        self.low, self.high = low, high

    def __call__(self, value):
        share = (math.log10(max(value, 10 ** self.first)) - self.first) / (self.last - self.first)
        return self.low + share * (self.high - self.low)

    def decades(self):
        for power in range(self.first, self.last + 1):
            yield 10 ** power, f"{10 ** power:g}"


def dots(title, panels):
    """For each panel its title and rows: a name, whether it is ours, the values of the rounds, and fainter ones."""
    everything = [value for _, rows in panels for _, _, *lists in rows for values in lists for value in values]
    axis = Axis(everything, LEFT, WIDTH - RIGHT)
    parts, y = [text(16, 24, title, extra=' font-weight="600" font-size="14"')], 40
    for name, rows in panels:
        top, bottom = y + HEAD, y + HEAD + ROW * len(rows)
        parts.append(text(16, y + 20, name, extra=' font-weight="600"'))
        for value, label in axis.decades():
            x = axis(value)
            parts += [line(x, top, x, bottom), text(x, bottom + 15, label, FAINT, "middle")]
        for number, (label, is_ours, values, faint) in enumerate(rows):
            middle = top + ROW * (number + 0.5)
            colour = OURS if is_ours else OTHERS
            parts.append(text(LEFT - 12, middle + 4, label, colour if is_ours else INK, "end"))
            parts += [
                f'<circle cx="{axis(value):.1f}" cy="{middle:.1f}" r="2" fill="none" stroke="{FAINT}"/>'
                for value in faint
            ]
            parts += [
                f'<circle cx="{axis(value):.1f}" cy="{middle:.1f}" r="3.5" fill="{colour}" fill-opacity="0.45"/>'
                for value in values
            ]
            centre = statistics.median(values)
            parts.append(line(axis(centre), middle - 8, axis(centre), middle + 8, colour, 2.5))
        y = bottom + 26
    parts.append(text(16, y + 12, "Small circles: the median latency (p50) of each round.", FAINT))
    return document(y + 26, title, parts)
