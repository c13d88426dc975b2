"""Forms: from a filled sheet to a row in a table.

Usage: ``FormReader([Template.load("claim.yaml")]).read(["scan.pdf"])``
"""
