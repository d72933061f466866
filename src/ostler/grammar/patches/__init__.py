"""Patches: which version of a package is newer."""

from ostler.grammar.patches.versions import compare_debian, compare_rpm

__all__ = ["compare_debian", "compare_rpm"]
