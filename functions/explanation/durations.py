"""Durations as kubectl prints them."""


def render_duration(seconds: float) -> str:
    """Return a duration with two digits of sense (Kubernetes' HumanDuration)."""
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if whole < 120:  # noqa: PLR2004 - the steps are Kubernetes'
        return f"{whole}s"
    if minutes < 10:  # noqa: PLR2004
        return _pair(minutes, "m", whole % 60, "s")
    if minutes < 180:  # noqa: PLR2004
        return f"{minutes}m"
    if hours < 8:  # noqa: PLR2004
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:  # noqa: PLR2004
        return f"{hours}h"
    return _pair(days, "d", hours % 24, "h") if days < 8 else f"{days}d"  # noqa: PLR2004


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"
