"""Datasets: made from foreign sources, cleaned, split, cut into line images."""
