"""The life of a Trial: launched, watched, stopped, settled."""
