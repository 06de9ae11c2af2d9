"""Figures as people read them."""

from __future__ import annotations

import datetime

_ALL = 1.0 - 1e-9


def duration(seconds: float | None) -> str:
    """43 s, 7:05 min, 1:02:03 h; a dash while unknown."""
    if seconds is None:
        return "–"
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    if hours:
        return f"{hours}:{rest // 60:02}:{rest % 60:02} h"
    return f"{whole // 60}:{whole % 60:02} min" if whole >= 60 else f"{whole} s"


def area(square_metres: float) -> str:
    """Square metres with as many digits as make sense."""
    return f"{square_metres:,.0f} m²" if square_metres >= 1000 else f"{square_metres:.1f} m²"


def share(part: float, whole: float) -> str:
    """Part of whole in percent; never 100 % while something is left. A dash when there is no whole."""
    if whole <= 0.0:
        return "–"
    if part >= whole * _ALL:
        return "100 %"
    return f"{min(100.0 * part / whole, 99.9):.1f} %"


def time_of_day(utc_s: float | None) -> str:
    """Day and time in this machine's time zone; a dash for never."""
    return "–" if utc_s is None else datetime.datetime.fromtimestamp(utc_s).strftime("%b %d %H:%M:%S")


def percent(value: float | None) -> str:
    """A share in 0..1 in whole percent; a dash while unknown."""
    return "–" if value is None else f"{value:.0%}".replace("%", " %")
