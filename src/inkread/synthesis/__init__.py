"""Handwriting-like lines and pages rendered from fonts, with their ground truth.

Usage: ``for line in sample_lines(texts, find_fonts(), count=100, seed=1): ...``
"""
