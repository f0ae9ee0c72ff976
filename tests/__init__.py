"""Tests: the names are the promises."""
