"""Forms: from a filled sheet to a row in a table.

Usage: ``inkread forms read claim.yaml scans -o claims.csv``
"""
