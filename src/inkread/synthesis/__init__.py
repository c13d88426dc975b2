"""Handwriting-like lines and pages rendered from fonts, with their ground truth.

Usage: ``inkread.synthesis.lines.sample_lines(texts, find_fonts(), count=100, seed=1)``
"""
