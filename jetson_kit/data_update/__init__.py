"""Keeps the tables of versions up to date, and checks that what derives from them does."""
