"""Packages of which an application's index has only source: fetched, built as wheels, cached."""
